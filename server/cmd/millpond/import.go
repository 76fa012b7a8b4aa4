package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millpond-dev/millpond"
)

// importer appends the lines of a file in batches, one after the other. Each event has an idempotency key made of the
// import's id and its line, if it has none of its own: so a batch may be sent again whenever it is not known what became
// of it, and so may the file.
type importer struct {
	appender *appender
	id       string
	typ      string
	progress *progress

	batch     []millpond.Input // not sent yet
	lines     []int            // of the batch
	bytes     int              // of the batch
	read      int64            // bytes of the lines of the batch
	count     int              // events in the stream
	first     uint64           // their offsets
	last      uint64
	lastStart int // line that the batch begins with
}

func (im *importer) run(ctx context.Context, in io.Reader) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 64<<10), maxLineBytes)
	number := 0
	for scanner.Scan() {
		number++
		im.read += int64(len(scanner.Bytes())) + 1
		line := bytes.TrimSpace(scanner.Bytes())
		if len(line) == 0 {
			continue
		}
		if err := im.add(number, line); err != nil {
			return err
		}
		if len(im.batch) == importEvents || im.bytes >= importBytes {
			if err := im.flush(ctx); err != nil {
				return err
			}
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return im.badLine(number+1, fmt.Errorf("is over the limit of %d bytes", maxLineBytes))
	}
	if scanner.Err() != nil {
		return scanner.Err()
	}
	return im.flush(ctx)
}

// add puts a line's event into the batch.
func (im *importer) add(number int, line []byte) error {
	if len(im.batch) == 0 {
		im.lastStart = number
	}
	input, err := parseLine(line, im.typ)
	if err != nil {
		return im.badLine(number, err)
	}
	if input.IdempotencyKey == "" {
		input.IdempotencyKey = im.key(number)
	}
	im.batch = append(im.batch, input)
	im.lines = append(im.lines, number)
	im.bytes += len(line)
	return nil
}

func (im *importer) key(line int) string { return fmt.Sprintf("import:%s:%d", im.id, line) }

func (im *importer) badLine(number int, err error) error {
	start := im.lastStart
	if len(im.batch) == 0 {
		start = number
	}
	return fmt.Errorf("line %d: %w; nothing was appended from line %d on", number, err, start)
}

// flush appends the batch.
func (im *importer) flush(ctx context.Context) error {
	if len(im.batch) > 0 {
		events, err := im.appender.append(ctx, im.batch)
		if err != nil {
			return im.explain(err)
		}
		for i := range events {
			if err := im.check(i, &events[i]); err != nil {
				return err
			}
		}
		if im.count == 0 {
			im.first = events[0].Offset
		}
		im.last = events[len(events)-1].Offset
		im.count += len(events)
	}
	im.progress.add(im.read)
	im.batch, im.lines, im.bytes, im.read = im.batch[:0], im.lines[:0], 0, 0
	return nil
}

// check compares an event with what was sent: with a key that is in the stream already, the server answers with the
// event that has it. For a key of the import's own that must be the same event.
func (im *importer) check(i int, e *millpond.Event) error {
	in := &im.batch[i]
	if in.IdempotencyKey == im.key(im.lines[i]) && (e.Type != in.Type || !bytes.Equal(e.Payload, in.Payload)) {
		return fmt.Errorf("line %d: this import has put another event into the stream for this line, at offset %d: "+
			"the file was changed before it, or the --import-id is of another file", im.lines[i], e.Offset)
	}
	return nil
}

// explain says which lines an error of the server is about.
func (im *importer) explain(err error) error {
	var refused *millpond.Error
	var i int
	if errors.As(err, &refused) {
		if n, _ := fmt.Sscanf(refused.Field, "[%d]", &i); n == 1 && i >= 0 && i < len(im.lines) {
			return im.badLine(im.lines[i], err)
		}
	}
	return fmt.Errorf("lines %d to %d: %w", im.lines[0], im.lines[len(im.lines)-1], err)
}

func (im *importer) summary() string {
	if im.count == 0 {
		return "no events were appended"
	}
	return fmt.Sprintf("%d events are in the stream, at offsets %d to %d", im.count, im.first, im.last)
}
