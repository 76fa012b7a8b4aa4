package mirror

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/session"
)

// ErrClosed is what calls fail with after Close. It is an [*millpond.Error] with the code [millpond.Unavailable].
var ErrClosed error = &millpond.Error{Code: millpond.Unavailable, Message: "the mirror is closed: open another one"}

// Mirror is a copy of streams. Its methods may be called from any goroutine. Callbacks given to it run one at a time, on
// the mirror's own goroutine: they must be quick, and of the mirror's methods they may call only Status, Reconnect, Online
// and those that stop or close something, other than the mirror.
type Mirror struct {
	options Options
	status  atomic.Pointer[Status]

	commands chan func(*loop)
	inbox    chan delivery
	chores   chores

	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	done     chan struct{} // closed when nothing runs any more
	closeErr error         // set before done
}

// Open opens the database, or makes it, and starts to connect. It does not wait for the server: see [Status].
// ctx bounds Open only. A database that is damaged, or of another version of this package, is deleted and filled again;
// [Status.StorageError] says so.
func Open(ctx context.Context, options Options) (*Mirror, error) {
	options = options.withDefaults()
	url, err := websocketURL(options.URL)
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(ctx, options)
	if err != nil {
		return nil, err
	}
	m := &Mirror{
		options:  options,
		commands: make(chan func(*loop), maxCommands),
		inbox:    make(chan delivery, maxInbox),
		chores:   chores{ready: make(chan struct{}, 1)},
		done:     make(chan struct{}),
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	l := newLoop(m, db, url)
	l.publish()
	go l.run()
	return m, nil
}

// Close disconnects, fails what waits, closes the database and waits for all of it.
func (m *Mirror) Close() error {
	m.cancel()
	<-m.done
	return m.closeErr
}

// Query runs one SQL statement that reads. Params are as in [query.Reader.Run]. One that takes long runs beside what else the
// mirror does, on the database as it is when it begins, where the storage allows it: all but that in memory.
func (m *Mirror) Query(ctx context.Context, sql string, params ...any) (*query.Result, error) {
	return m.query(ctx, (*loop).query, sql, params)
}

// query has a query run, which calls tell once when it has ended.
func (m *Mirror) query(ctx context.Context, begin func(l *loop, ctx context.Context, sql string, params []any, tell func(*query.Result, error)),
	sql string, params []any) (*query.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(m.ctx, func() { cancel(ErrClosed) })
	defer stop()
	type answer struct {
		result *query.Result
		err    error
	}
	answers := make(chan answer, 1)
	err := m.do(ctx, func(l *loop) {
		begin(l, ctx, sql, params, func(result *query.Result, err error) { answers <- answer{result, err} })
	})
	if err != nil {
		return nil, err
	}
	select {
	case a := <-answers:
		return a.result, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// QueryOptimistic is Query on the tables of projections as they would be if the server had committed what waits in the outbox next.
// Other tables are as they are: what waits is in outbox, and not in events. See [projection.Set.WithPending].
func (m *Mirror) QueryOptimistic(ctx context.Context, sql string, params ...any) (*query.Result, error) {
	return m.query(ctx, (*loop).queryOptimistic, sql, params)
}

// Status is the status now; while a lot happens, that of some milliseconds ago.
func (m *Mirror) Status() Status { return *m.status.Load() }

// Reconnect connects at once: a lost connection without waiting for its timer, a good one by replacing it, a stopped
// mirror once more. It also has the mirror look after its files.
func (m *Mirror) Reconnect() {
	m.chores.add(func(l *loop) {
		l.checkStorage()
		l.step(session.Reconnect{})
	})
}

// Online tells the mirror that the network is back: it connects at once, or probes the connection that it has.
func (m *Mirror) Online() { m.chores.add(func(l *loop) { l.step(session.Online{}) }) }

// do runs fn on the loop, and waits until it has. When it fails, fn may still run, or not: what it sets must not be
// looked at.
func (m *Mirror) do(ctx context.Context, fn func(*loop)) error {
	ran := make(chan struct{})
	command := func(l *loop) {
		defer close(ran)
		fn(l)
	}
	select {
	case m.commands <- command:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-m.ctx.Done():
		return ErrClosed
	}
	select {
	case <-ran:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-m.done:
		return ErrClosed
	}
}

// chores are what the loop does when it gets to it, and nobody waits for. Adding never waits, so that callbacks of the
// loop may. There are about as many as there are things to close.
type chores struct {
	ready chan struct{} // of capacity 1: holds a token when there is something

	mu   sync.Mutex
	list []func(*loop)
}

func (c *chores) add(fn func(*loop)) {
	c.mu.Lock()
	c.list = append(c.list, fn)
	c.mu.Unlock()
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

func (c *chores) take() []func(*loop) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	c.list = nil
	return list
}
