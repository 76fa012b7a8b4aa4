package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/millpond-dev/millpond"
)

type appendCommand struct {
	target
	Event    string        `xor:"what" required:"" placeholder:"JSON" help:"One event to append."`
	Ndjson   string        `xor:"what" required:"" placeholder:"FILE" help:"File with one event as JSON on each line; - is stdin."`
	Type     string        `placeholder:"TYPE" help:"The JSON given is not an event but the payload of one with this type."`
	ImportID string        `name:"import-id" placeholder:"ID" help:"Names an import, so that it can be run again: lines that are in the stream already are not appended twice. (default: a new one)"`
	RetryFor time.Duration `default:"2m" help:"How long to try again while the server cannot be reached (default: ${default})."`
}

func (appendCommand) Help() string {
	return `An event is a JSON object with a type, and perhaps payload, metadata, source, idempotencyKey and offset. --event prints the
committed event; --ndjson appends in batches, in order, each line once, also when the connection fails in between.

Examples:

  millpond append --path /hello --event '{"type":"greeting","payload":{"to":"world"}}'
  millpond append --path /hello --type greeting --event '{"to":"world"}'
  millpond append --path /orders --ndjson orders.ndjson
  git log --format='{"commit":"%H","at":"%aI"}' | millpond append --path /commits --type commit --ndjson -

An import that was interrupted goes on when the same command is run again with the --import-id that it has printed.`
}

func (cmd *appendCommand) Run(ctx context.Context, std *stdio) error {
	url, err := cmd.streamURL()
	if err != nil {
		return err
	}
	a := &appender{url: url, retryFor: cmd.RetryFor, note: std.note, credential: credential{read: cmd.token}}
	if cmd.Ndjson == "" {
		return cmd.appendOne(ctx, std, a)
	}
	in, size, err := cmd.open(std)
	if err != nil {
		return err
	}
	defer in.Close()
	im := &importer{
		appender: a,
		id:       cmd.ImportID,
		typ:      cmd.Type,
		progress: newProgress(std.err, "appending", size, true),
	}
	if im.id == "" {
		im.id = strings.ToLower(rand.Text()[:12])
	}
	start := time.Now()
	err = im.run(ctx, in)
	im.progress.finish()
	if err != nil {
		return fmt.Errorf("%w\n%s. To go on, run the same command with --import-id %s: what is in the stream already is not appended twice",
			err, im.summary(), im.id)
	}
	fmt.Fprintf(std.err, "%s in %v\n", im.summary(), time.Since(start).Round(time.Millisecond))
	return nil
}

func (cmd *appendCommand) appendOne(ctx context.Context, std *stdio, a *appender) error {
	input, err := parseLine([]byte(cmd.Event), cmd.Type)
	if err != nil {
		return err
	}
	if input.IdempotencyKey == "" { // so that trying again appends once
		input.IdempotencyKey = "cli:" + rand.Text()
	}
	events, err := a.append(ctx, []millpond.Input{input})
	if err != nil {
		return err
	}
	_, err = std.out.Write(append(events[0].AppendJSON(nil), '\n'))
	return err
}

// open opens the file to import. The size is -1 when it is not known.
func (cmd *appendCommand) open(std *stdio) (io.ReadCloser, int64, error) {
	if cmd.Ndjson == "-" {
		return io.NopCloser(std.in), -1, nil
	}
	f, err := os.Open(cmd.Ndjson)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return f, -1, nil
	}
	return f, info.Size(), nil
}

// parseLine reads an event, or the payload of one of the type.
func parseLine(line []byte, typ string) (millpond.Input, error) {
	in := millpond.Input{Type: typ}
	if typ != "" {
		in.Payload = append(json.RawMessage(nil), line...)
	} else if err := in.UnmarshalJSON(line); err != nil {
		return in, err
	}
	return in, in.ValidateClient()
}
