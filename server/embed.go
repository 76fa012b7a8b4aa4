package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/stream"
)

// What a Go program does with the streams of its own server: as itself, so Options.Authorize is not asked.

// ErrClosed is when the server was closed: then calls fail, and iterators end with it, once Close has sent the clients away.
var ErrClosed = errors.New("server is closed")

// RebuildError says that what a program has of a stream is not in its log any more: Follow ends with it. Who keeps a copy
// makes it again from the start of the Incarnation.
type RebuildError struct {
	Reason      millpond.RebuildReason
	Incarnation millpond.Incarnation // the present one
}

func (e *RebuildError) Error() string {
	return fmt.Sprintf("follow stream: what was read before is not in the log (%s): begin again, at offset 0 of incarnation %s", e.Reason, e.Incarnation)
}

// Append appends the inputs as one atomic batch, and returns the events, one for each, once they are durable. It creates
// the stream when there is none. An input with an IdempotencyKey that the stream has already is answered with the original
// event: so a call whose outcome is not known can be made again. Errors are [*millpond.Error], or that of ctx: then
// it is not known.
func (s *Server) Append(ctx context.Context, name millpond.Name, inputs ...millpond.Input) ([]millpond.Event, error) {
	if err := name.Validate(); err != nil {
		return nil, err
	}
	for i := range inputs {
		if err := inputs[i].ValidateClient(); err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
	}
	events, err := s.gate.Trusted().Append(ctx, name, inputs)
	return events, s.ended(err)
}

// State returns the stream's reduced state, and what is connected to it.
func (s *Server) State(ctx context.Context, name millpond.Name) (millpond.State, stream.Runtime, error) {
	state, runtime, err := s.gate.Trusted().State(ctx, name)
	return state, runtime, s.ended(err)
}

// Reset deletes all events of the stream, and begins another incarnation of it. Who follows it is told.
func (s *Server) Reset(ctx context.Context, name millpond.Name) error {
	return s.ended(s.gate.Trusted().Reset(ctx, name))
}

// ReadOptions say what to read. The zero value is everything there is.
type ReadOptions struct {
	After, Before uint64   // offsets, exclusive; 0: from the start, up to the end
	Limit         int      // most events; 0: no limit
	Types         []string // event types; empty: all
}

// Read reads a part of a stream that is there now: it ends at the last event that the stream has when the reading begins.
// The events are read from the store as the loop takes them, a bounded part at a time.
//
//	for event, err := range s.Read(ctx, name, server.ReadOptions{After: 100}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(event.Offset, event.Type)
//	}
//
// An error is the last that the loop gets: [millpond.NotFound] when there is no such stream, or it is reset meanwhile;
// [ErrClosed]; that of ctx.
func (s *Server) Read(ctx context.Context, name millpond.Name, opts ReadOptions) iter.Seq2[millpond.Event, error] {
	return func(yield func(millpond.Event, error) bool) {
		streams := s.gate.Trusted()
		at, err := streams.Position(ctx, name)
		if err != nil {
			yield(millpond.Event{}, s.ended(err))
			return
		}
		page := stream.ReadOptions{After: opts.After, Before: at.Offset + 1, Types: opts.Types, Incarnation: at.Incarnation}
		if opts.Before != 0 {
			page.Before = min(page.Before, opts.Before)
		}
		for left := opts.Limit; opts.Limit == 0 || left > 0; {
			page.Limit = embeddedReadEvents
			if opts.Limit != 0 {
				page.Limit = min(page.Limit, left)
			}
			events, err := streams.Read(ctx, name, page)
			if err == nil {
				err = ctx.Err() // a short read does not look at it
			}
			if err != nil {
				yield(millpond.Event{}, s.ended(err))
				return
			}
			if len(events) == 0 {
				return
			}
			for i := range events {
				if !yield(events[i], nil) {
					return
				}
			}
			page.After, left = events[len(events)-1].Offset, left-len(events)
		}
	}
}

// FollowOptions say where to begin, and what to leave out. The zero value follows what is new.
type FollowOptions struct {
	After *uint64  // offset to begin after, 0: from the start; nil: with what is new
	Types []string // event types; empty: all

	// With After, the incarnation and the hash of what the program has read up to there, if it has kept them. Then the
	// server notices when that is no longer in the log.
	Incarnation millpond.Incarnation
	Hash        *millpond.Hash
}

// Follow reads a stream and goes on with what comes, without an end. It creates the stream when there is none. A loop that
// is slow holds no memory but a bounded buffer, and holds up nobody; leaving it ends everything.
//
// An error is the last that the loop gets: a [*RebuildError] when the stream was reset; [ErrClosed]; that of ctx.
func (s *Server) Follow(ctx context.Context, name millpond.Name, opts FollowOptions) iter.Seq2[millpond.Event, error] {
	return func(yield func(millpond.Event, error) bool) {
		from := stream.SubscribeOptions{After: opts.After, Incarnation: opts.Incarnation, Hash: opts.Hash, Types: opts.Types}
		for {
			err := s.follow(ctx, name, &from, yield)
			if resumable(err) {
				continue
			}
			if !errors.Is(err, errLeft) {
				yield(millpond.Event{}, s.ended(err))
			}
			return
		}
	}
}

// errLeft is when the loop was left.
var errLeft = errors.New("loop was left")

// follow follows with one subscription, and keeps in from where another one would go on.
func (s *Server) follow(ctx context.Context, name millpond.Name, from *stream.SubscribeOptions, yield func(millpond.Event, error) bool) error {
	if err := name.Validate(); err != nil {
		return err
	}
	cursor, err := s.gate.Trusted().Subscribe(ctx, name, *from)
	if err != nil {
		return err
	}
	defer cursor.Close()
	start := cursor.Start()
	if start.Rebuild != "" {
		return &RebuildError{start.Rebuild, start.Incarnation}
	}
	at := start.After
	from.After, from.Incarnation, from.Hash = &at, start.Incarnation, &start.Hash
	for {
		batch, err := cursor.Next(ctx, targetFrameBytes)
		if err != nil {
			return err
		}
		err = eachRecord(batch.Records, func(_ []byte, e *millpond.Event) error {
			event := *e // its bytes are those that all subscribers share
			event.Payload, event.Metadata = bytes.Clone(e.Payload), bytes.Clone(e.Metadata)
			if !yield(event, nil) {
				return errLeft
			}
			return nil
		})
		if err != nil {
			return err
		}
		at, from.Hash = batch.LastOffset, &batch.Hash
	}
}

// ended makes a failure of a server that was closed an ErrClosed.
func (s *Server) ended(err error) error {
	if !errors.Is(err, millpond.Unavailable) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return err
}
