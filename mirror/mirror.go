package mirror

import (
	"context"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/query"
)

// Mirror is a copy of streams. Its methods may be called from any goroutine. Callbacks given to it run one at a time, on
// the mirror's own goroutine: they must be quick, and must not call the mirror.
type Mirror struct {
}

// Open opens the database, or makes it, and starts to connect. It does not wait for the server: see [Status].
// ctx bounds Open only.
func Open(ctx context.Context, options Options) (*Mirror, error) { panic("to come") }

// Close disconnects, fails what waits, closes the database and waits for all of it.
func (m *Mirror) Close() error { panic("to come") }

// Stream opens a stream of the mirror, and follows it until the last of those who have opened it has closed it.
// It does not wait for the server. Closed, the copy stays and can be queried.
func (m *Mirror) Stream(name millpond.Name) (*Stream, error) { panic("to come") }

// Query runs one SQL statement that reads. Params are nil, bool, int64, float64, string or []byte.
func (m *Mirror) Query(ctx context.Context, sql string, params ...any) (*query.Result, error) {
	panic("to come")
}

// Live runs the statement now, and again each time a table that it reads has changed; fn is called with the first
// result, and with each that differs from the one before. An error ends it when the statement is wrong, and is one of
// the results otherwise. stop returns when fn will not be called again.
func (m *Mirror) Live(sql string, params []any, fn func(*query.Result, error)) (stop func()) {
	panic("to come")
}

// Status is the status now.
func (m *Mirror) Status() Status { panic("to come") }

// WatchStatus calls fn with the status now and each time it has changed. stop returns when fn will not be called again.
func (m *Mirror) WatchStatus(fn func(Status)) (stop func()) { panic("to come") }

// Reconnect connects at once: a lost connection without waiting for its timer, a good one by replacing it, a stopped
// mirror once more.
func (m *Mirror) Reconnect() {}

// Online tells the mirror that the network is back: it connects at once, or probes the connection that it has.
func (m *Mirror) Online() {}

// Stream is one of those who follow a stream of a mirror. Its methods may be called from any goroutine.
type Stream struct {
}

// Name is the stream's name.
func (s *Stream) Name() millpond.Name { panic("to come") }

// Append appends the inputs as one atomic batch and returns the committed events, one for each. It waits for a
// connection at most [Options.AppendWait]. Each input without an idempotency key is given one, so that the batch is
// committed once even when the connection is lost before the answer comes.
//
// When ctx ends first, the batch may or may not have been committed. Errors of the server are *millpond.Error.
func (s *Stream) Append(ctx context.Context, inputs ...millpond.Input) ([]millpond.Event, error) {
	panic("to come")
}

// Close ends this one's interest in the stream. It may be called more than once.
func (s *Stream) Close() {}
