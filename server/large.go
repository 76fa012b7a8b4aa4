package server

import (
	"context"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/stream"
)

// largeEvent reads an event that is too large to be held in memory for each reader, and makes its JSON as it reads.
type largeEvent struct {
	streams     *access.Streams
	name        millpond.Name
	incarnation millpond.Incarnation
	is          *stream.LargeError
}

// write hands the event's JSON to fn, piece by piece. A piece is fn's until it returns.
func (l *largeEvent) write(ctx context.Context, fn func(text []byte) error) error {
	var json millpond.RecordJSON
	var text []byte
	for start := 0; start < l.is.RecordBytes; {
		part, err := l.streams.ReadPart(ctx, l.name, l.incarnation, l.is.Offset, start, targetFrameBytes)
		if err != nil {
			return err
		}
		if text, err = json.Append(text[:0], part.Bytes); err != nil {
			return err
		}
		if err := fn(text); err != nil {
			return err
		}
		start = part.End()
	}
	text, err := json.End(text[:0])
	if err != nil {
		return err
	}
	return fn(text)
}
