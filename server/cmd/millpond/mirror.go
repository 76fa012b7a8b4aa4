package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror"
)

type mirrorCommand struct {
	URL       string   `name:"url" default:"http://127.0.0.1:8080" env:"MILLPOND_URL" placeholder:"URL" help:"The server (default: ${default})."`
	Namespace string   `default:"default" env:"MILLPOND_NAMESPACE" placeholder:"NAME" help:"Namespace of the streams (default: ${default})."`
	Path      []string `required:"" placeholder:"/PATH" help:"Path of a stream, such as /chat/42. May be repeated."`
	DB        string   `name:"db" required:"" type:"path" placeholder:"FILE" help:"The SQLite file. It is made when there is none."`
	TokenFile string   `env:"MILLPOND_TOKEN_FILE" type:"path" placeholder:"FILE" help:"File with the token that the server is shown. It is read at each connection. (default: the token in the environment variable MILLPOND_TOKEN, if there is one)"`
	Once      bool     `help:"End when the file has all events that there are; without it, go on with those that come."`
	JSON      bool     `name:"json" help:"Print the status to stdout, as a line of JSON, each time that it has changed, once a second at the most."`
}

func (mirrorCommand) Help() string {
	return `Keeps copies of streams in an SQLite file, and keeps them true: through lost connections, restarts and resets of the server. It can be
ended at any time, also by a crash, and goes on where it was. Only one program has the file open; read it when this one has ended, or
with package mirror.

Examples:

  millpond mirror --path /orders --path /customers --db shop.db
  millpond mirror --path /orders --db shop.db --once && sqlite3 shop.db 'SELECT count(*) FROM events'
  millpond mirror --path /orders --db shop.db --json | jq .streams[0].offset`
}

// mirrorReport is how often the status is reported.
const mirrorReport = time.Second

func (cmd *mirrorCommand) Run(ctx context.Context, std *stdio) error {
	names := make([]millpond.Name, len(cmd.Path))
	for i, path := range cmd.Path {
		t := target{URL: cmd.URL, Namespace: cmd.Namespace, Path: path}
		var err error
		if names[i], err = t.name(); err == nil {
			_, err = t.base()
		}
		if err != nil {
			return err
		}
	}
	credentials, err := cmd.token()
	if err != nil {
		return err
	}
	m, err := mirror.Open(ctx, mirror.Options{URL: cmd.URL, Path: cmd.DB, Token: credentials, Client: "millpond mirror"})
	if err != nil {
		return fmt.Errorf("--db %s: %w", cmd.DB, err)
	}
	for _, name := range names {
		if _, err := m.Stream(name); err != nil {
			return errors.Join(err, m.Close())
		}
	}
	return errors.Join(cmd.follow(ctx, m, std), m.Close())
}

// token is how the mirror gets a token; nil when there is none to show.
func (cmd *mirrorCommand) token() (func(context.Context, bool) (string, error), error) {
	t := target{TokenFile: cmd.TokenFile}
	first, err := t.token()
	if err != nil || first == "" {
		return nil, err
	}
	c := credential{read: t.token}
	return func(_ context.Context, fresh bool) (string, error) {
		if fresh && !c.renewed() {
			return "", &millpond.Error{Code: millpond.Unauthenticated, Message: "the server has refused the token: get another one"}
		}
		return c.token()
	}, nil
}

// follow reports what the mirror does, until ctx ends, or there is nothing more to do.
func (cmd *mirrorCommand) follow(ctx context.Context, m *mirror.Mirror, std *stdio) error {
	changed := make(chan struct{}, 1)
	stop := m.WatchStatus(func(mirror.Status) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	defer stop()
	r := &mirrorReporter{std: std, json: cmd.JSON}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil // to stop it is how following ends
		case <-changed:
		}
		s := m.Status()
		done, err := cmd.ended(&s)
		if done || err != nil {
			return errors.Join(err, r.report(&s))
		}
		select {
		case <-pause.C:
			pause.Reset(mirrorReport)
			if err := r.report(&s); err != nil {
				return err
			}
		default: // another change, or the next look, reports it
			time.AfterFunc(mirrorReport, func() {
				select {
				case changed <- struct{}{}:
				default:
				}
			})
		}
	}
}

// ended reports whether there is nothing more to do, or nothing more that could be done.
func (cmd *mirrorCommand) ended(s *mirror.Status) (bool, error) {
	if s.Connection == mirror.Stopped {
		return false, fmt.Errorf("the server refuses: %s", s.LastError.Message)
	}
	if !cmd.Once {
		return false, nil
	}
	if s.Connection == mirror.Reconnecting && s.LastError != nil {
		return false, fmt.Errorf("%s: %s; is the server running? Start one with: millpond serve", cmd.URL, s.LastError.Message)
	}
	for _, st := range s.Streams {
		if st.State == mirror.Failed && st.LastError.Action == millpond.GiveUp {
			return false, fmt.Errorf("%s: %s", st.Name, st.LastError.Message)
		}
		if st.State != mirror.Subscribed || st.Stale || st.Offset < st.MaxOffset {
			return false, nil
		}
	}
	return true, nil
}

// mirrorReporter tells the user how a mirror does.
type mirrorReporter struct {
	std  *stdio
	json bool
	last string
}

func (r *mirrorReporter) report(s *mirror.Status) error {
	if r.json {
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(r.std.out, "%s\n", text)
		return err
	}
	text := string(s.Connection)
	if s.Connection != mirror.Connected && s.LastError != nil {
		text += " (" + s.LastError.Message + ")"
	}
	for _, st := range s.Streams {
		text += fmt.Sprintf("; %s: %s, %d of %d", st.Name.Path, st.State, st.Offset, st.MaxOffset)
		if st.LastError != nil {
			text += " (" + st.LastError.Message + ")"
		}
	}
	if s.StorageError != nil {
		text += "; storage: " + s.StorageError.Message
	}
	if text != r.last {
		r.last = text
		r.std.note("%s", text)
	}
	return nil
}
