package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/host"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/sqlite"
	"github.com/millpond-dev/millpond/server/stream"
)

// Server serves the streams of one log store. Make it with [New]. All of it may be used concurrently.
type Server struct {
	log     *slog.Logger
	version string
	guard   *guard
	ui      *ui          // nil: not built
	gate    *access.Gate // the engine is behind it
	cookie  string
	host    *host.Host  // of the processors
	store   store.Store // to close; nil: the caller's
	clients clients

	eventBytes  int   // limit of an event
	appendBytes int64 // limit of the text of an append
	bodies      budget
	metrics     *metrics
	look        *look
	world       world

	publicMetrics bool

	compressing chan struct{} // holds a token for each answer that is being compressed

	mu     sync.Mutex
	http   []*http.Server // +checklocks:mu
	closed bool           // +checklocks:mu
}

// New opens the log. Its errors say what the operator can do; those about the log are a *[store.Error].
func New(opts Options) (_ *Server, err error) {
	s := &Server{
		log:     opts.Logger,
		version: cmp.Or(opts.Version, "dev"),
		cookie:  opts.Cookie,
		world:   opts.world,

		compressing: make(chan struct{}, maxCompressing),
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.guard, err = newGuard(opts.AllowedOrigins, opts.Cookie != ""); err != nil {
		return nil, err
	}
	if s.host, err = host.New(opts.Processors, s.log); err != nil {
		return nil, err
	}
	if opts.UI != nil {
		if s.ui, err = newUI(opts.UI); err != nil {
			return nil, fmt.Errorf("the UI's files: %w", err)
		}
	}
	log := opts.Store
	if log == nil {
		if opts.Data == "" {
			return nil, errors.New("server.Options needs Data, the folder of the log, or a Store")
		}
		if log, err = sqlite.Open(opts.Data); err != nil {
			return nil, err
		}
		s.store = log
	}
	s.eventBytes = cmp.Or(opts.MaxEventBytes, millpond.DefaultEventBytes)
	s.appendBytes = int64(max(millpond.MaxBatchBytes, s.eventBytes+appendHeadBytes))
	s.metrics = newMetrics(opts.Registerer)
	s.publicMetrics = opts.PublicMetrics && s.metrics.handler != nil
	engine, err := stream.Open(stream.Options{Store: log, Logger: s.log, Now: s.world.now(), Committed: s.metrics.committed, Presence: opts.Presence, IdleTimeout: opts.IdleTimeout, MaxEventBytes: s.eventBytes,
		Registered: s.host.Registered, Changed: s.host.Changed})
	if err != nil {
		return nil, errors.Join(err, s.closeStore())
	}
	s.gate = access.NewGate(engine, access.Options{Authenticate: opts.Authenticate, Authorize: opts.Authorize, Limits: opts.Limits})
	s.clients.init(s.gate.Limits())
	s.look = &look{engine: engine, clients: &s.clients, host: s.host, start: time.Now()}
	if err := s.metrics.register(s.look); err != nil {
		return nil, errors.Join(fmt.Errorf("register metrics: %w", err), engine.Close(context.Background()), s.closeStore())
	}
	s.host.Start(host.On(engine))
	return s, nil
}

// Handler serves the API and the UI.
func (s *Server) Handler() http.Handler {
	e := echo.New()
	s.Mount(e)
	if s.ui == nil {
		mount(e, "/*", s.edge(apiPolicy, methods{http.MethodGet: missingUI}.serve))
	}
	return e
}

// Serve answers the requests that come to the listener, with time limits, until Close. It closes the listener. It
// returns nil after Close.
func (s *Server) Serve(l net.Listener) error {
	h := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.http = append(s.http, h)
	}
	s.mu.Unlock()
	if closed {
		return l.Close()
	}
	if err := h.Serve(newLimitListener(l, s.gate.Limits().TotalConnections+extraConnections)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close drains: it takes no new connections, tells the websockets to come back later, lets the requests that run and the
// appends that are queued finish, stops the processors, and closes the log. When ctx ends first, connections are cut, and what does not
// end (a processor, a disk that does not answer) is left behind; what was acknowledged is durable in either case. A program that uses Handler or Mount stops its own HTTP server first.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	servers := s.http
	s.mu.Unlock()

	var wg sync.WaitGroup
	for _, h := range servers {
		wg.Go(func() {
			if h.Shutdown(ctx) != nil {
				h.Close()
			}
		})
	}
	wg.Go(func() { s.clients.drain(ctx, s.log) })
	wg.Wait()
	s.metrics.unregister(s.look)
	err := s.closeHost(ctx)
	err = errors.Join(err, s.gate.Close(ctx))
	closed := make(chan error, 1)
	go func() { closed <- s.closeStore() }() // it waits for the commit that is running
	select {
	case e := <-closed:
		return errors.Join(err, e)
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("close the log: %w", ctx.Err()))
	}
}

// Revoke ends the websockets, and the responses that follow a stream, of all identities that match, with
// [millpond.Unauthenticated]: their clients come back with a new token. It returns how many that were. Call it when a user
// is locked out, or may do less than before, once Options.Authenticate and Options.Authorize know.
func (s *Server) Revoke(match func(access.Identity) bool) (ended int) { return s.gate.Revoke(match) }

// closeHost stops the processors. One that does not return is left behind: it does not keep the log from being closed.
func (s *Server) closeHost(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, processorsTimeout)
	defer cancel()
	return s.host.Close(ctx)
}

func (s *Server) closeStore() error {
	if s.store == nil {
		return nil
	}
	return s.store.Close()
}
