package stream

import (
	"context"
	"fmt"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// A large event is one whose record is over millpond.MaxPartBytes. It is in the store in several rows and goes to
// subscribers in several frames; it is never in a tail. Only its append, and who asks for all of it, has it whole.

// LargeError says that the event at the offset is large: read its record with [Engine.ReadPart].
type LargeError struct {
	Offset      uint64
	RecordBytes int
}

func (e *LargeError) Error() string {
	return fmt.Sprintf("the event at offset %d has %d bytes: read it in parts", e.Offset, e.RecordBytes)
}

// ReadPart reads a part of the record at the offset: what there is of it from a byte on, one byte at least, n at most. It
// fails with [millpond.NotFound] when the stream has another incarnation by now.
func (e *Engine) ReadPart(ctx context.Context, name millpond.Name, incarnation millpond.Incarnation, offset uint64, start, n int) (millpond.Part, error) {
	part, err := e.store.ReadPart(ctx, store.Stream{Name: name, Incarnation: incarnation}, offset, start, n)
	if err != nil {
		return millpond.Part{}, e.problem("read part", err)
	}
	return millpond.Part{Offset: offset, RecordBytes: part.RecordBytes, Start: start, Bytes: part.Data}, nil
}

// readLarge returns the large event at the offset, or none when it does not pass.
func (e *Engine) readLarge(ctx context.Context, s store.Stream, offset uint64, types filter, leave bool) ([]millpond.Event, error) {
	part, err := e.store.ReadPart(ctx, s, offset, 0, firstPartBytes(types, leave))
	if err != nil {
		return nil, e.problem("read part", err)
	}
	if !types.passes(part.Data) {
		return nil, nil
	}
	if leave {
		return nil, &LargeError{offset, part.RecordBytes}
	}
	record := append(make([]byte, 0, part.RecordBytes), part.Data...)
	for len(record) < part.RecordBytes {
		next, err := e.store.ReadPart(ctx, s, offset, len(record), millpond.MaxPartBytes)
		if err != nil {
			return nil, e.problem("read part", err)
		}
		record = append(record, next.Data...)
	}
	var event millpond.Event
	if err := millpond.DecodeRecord(record, &event); err != nil {
		return nil, e.problem("read part", err)
	}
	return []millpond.Event{event}, nil
}

// firstPartBytes is how much of a large record is read first: its type is enough where it may not be wanted.
func firstPartBytes(types filter, leave bool) int {
	if types != nil || leave {
		return recordHeadBytes
	}
	return millpond.MaxPartBytes
}

// checkSizes refuses inputs that are over the limit of the engine.
func (e *Engine) checkSizes(inputs []millpond.Input) error {
	for i := range inputs {
		if size := len(inputs[i].Payload) + len(inputs[i].Metadata); size > e.maxEventBytes {
			return inBatch(&millpond.Error{Code: millpond.EventTooLarge, Field: "payload",
				Message: fmt.Sprintf("%d bytes are over the limit of %d bytes", size, e.maxEventBytes)}, i, len(inputs))
		}
	}
	return nil
}

// largeCursor is how far a subscription is in a large record. The zero value: it is in none.
type largeCursor struct {
	size int           // of the record
	sent int           // bytes of it
	hash millpond.Hash // of the log at it
}

// nextPart is the next part of the large record after the cursor or, when all were sent, the batch that they make.
func (s *Subscription) nextPart(ctx context.Context, h mark, maxBytes int) (Piece, error) {
	offset, l := s.cursor+1, &s.large
	if l.sent == l.size {
		return s.passLarge(h, true), nil
	}
	if l.sent == 0 && s.types != nil {
		head, err := s.engine.store.ReadPart(ctx, h.stream, offset, 0, recordHeadBytes)
		if err != nil {
			return Piece{}, err
		}
		if !s.types.passes(head.Data) {
			l.hash = head.Hash
			return s.passLarge(h, false), nil
		}
	}
	part, err := s.engine.store.ReadPart(ctx, h.stream, offset, l.sent, max(maxBytes, 1))
	if err != nil {
		return Piece{}, err
	}
	p := &millpond.Part{Offset: offset, RecordBytes: part.RecordBytes, Start: l.sent, Bytes: part.Data}
	l.sent, l.hash = p.End(), part.Hash
	return Piece{Part: p}, nil
}

// passLarge moves the cursor over a large record.
func (s *Subscription) passLarge(h mark, delivered bool) Piece {
	s.cursor, s.hash, s.large = s.cursor+1, s.large.hash, largeCursor{}
	events := 0
	if delivered {
		events = 1
	}
	s.count(events)
	return Piece{Batch: millpond.Batch{Live: s.cursor == h.offset, Assembled: delivered, LastOffset: s.cursor, MaxOffset: h.offset, Hash: s.hash}}
}
