package main

import (
	"bufio"
	"context"
	"errors"
	"math/rand/v2"
	"syscall"

	"github.com/millpond-dev/millpond"
)

type tailCommand struct {
	target
	After     *uint64  `xor:"from" placeholder:"OFFSET" help:"Begin after this offset."`
	FromStart bool     `xor:"from" help:"Begin with the first event."`
	Type      []string `placeholder:"TYPE" help:"Print only events of this type. May be repeated."`
	Follow    bool     `negatable:"" default:"true" help:"Wait for new events; --no-follow ends after those that there are."`
}

func (tailCommand) Help() string {
	return `Prints each event as one line of JSON. It begins with what is new, or, with --no-follow, with the first event. When the
connection is lost it connects again and goes on where it was. When the stream was reset meanwhile, it says so on stderr and
begins with the first event of the new stream.

Examples:

  millpond tail --path /hello                         what comes from now on
  millpond tail --path /hello --from-start            everything, and what comes
  millpond tail --path /hello --no-follow | wc -l     everything there is
  millpond tail --path /orders --after 100 --type order-placed`
}

func (cmd *tailCommand) Run(ctx context.Context, std *stdio) error {
	name, err := cmd.name()
	if err != nil {
		return err
	}
	url, err := cmd.websocketURL()
	if err != nil {
		return err
	}
	t := &follower{
		url: url, name: name, types: cmd.Type, follow: cmd.Follow,
		credential: credential{read: cmd.token}, after: cmd.After, out: bufio.NewWriterSize(std.out, 64<<10),
		note: std.note,
	}
	if cmd.FromStart || !cmd.Follow && cmd.After == nil {
		t.after = new(uint64)
	}
	err = t.run(ctx)
	if ctx.Err() != nil || errors.Is(err, syscall.EPIPE) {
		return nil // to stop it is how following ends
	}
	return err
}

// follower prints a stream across connections.
type follower struct {
	url    string
	name   millpond.Name
	types  []string
	follow bool
	out    *bufio.Writer
	note   func(format string, args ...any) // tells the user
	credential

	after       *uint64 // where to begin; nil: with what is new
	incarnation millpond.Incarnation
	hash        *millpond.Hash // at after; nil: not known
	reached     bool           // the server has been reached once
	progress    bool           // an event has come on this connection
}

// run follows until the end, or until the server can not be reached.
func (t *follower) run(ctx context.Context) error {
	wait := firstBackoff
	for {
		t.progress = false
		err := t.connect(ctx)
		if err == nil || ctx.Err() != nil || !t.worthRetrying(err) {
			return missingToken(err, t.shown)
		}
		if t.progress {
			wait = firstBackoff
		}
		t.note("%v; connecting again", err)
		if err := sleep(ctx, wait/2+rand.N(wait/2)); err != nil {
			return err
		}
		wait = min(2*wait, maxBackoff)
	}
}

func (t *follower) worthRetrying(err error) bool {
	var refused *millpond.Error
	if errors.As(err, &refused) {
		return refused.Code.Action() == millpond.Retry || refused.Code == millpond.Unauthenticated && t.renewed()
	}
	var output *outputError
	if errors.As(err, &output) {
		return false
	}
	var closed *closedError
	if errors.As(err, &closed) && closed.code != 0 {
		action := millpond.ActionOfClose(closed.code)
		return action == millpond.Retry || action == millpond.Reauthenticate && t.renewed()
	}
	return t.reached
}

// begin takes over where the server begins, and reports whether there is nothing to wait for.
func (t *follower) begin(incarnation millpond.Incarnation, after uint64, hash millpond.Hash, maxOffset uint64) (done bool) {
	t.after, t.incarnation, t.hash = &after, incarnation, &hash
	return !t.follow && after >= maxOffset
}

// print prints the events of a batch and moves the position.
func (t *follower) print(b *millpond.Batch) error {
	var e millpond.Event
	var line []byte
	for rest := b.Records; len(rest) > 0; {
		record, next, err := millpond.NextRecord(rest)
		if err != nil {
			return err
		}
		if err := millpond.DecodeRecord(record, &e); err != nil {
			return err
		}
		line = append(e.AppendJSON(line[:0]), '\n')
		if _, err := t.out.Write(line); err != nil {
			return &outputError{err}
		}
		rest = next
	}
	if err := t.out.Flush(); err != nil {
		return &outputError{err}
	}
	t.after, t.hash, t.progress = &b.LastOffset, &b.Hash, true
	return nil
}

// outputError says that nobody takes what is printed.
type outputError struct{ err error }

func (e *outputError) Error() string { return "cannot print: " + e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }
