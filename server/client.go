package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
)

// client is one websocket. One goroutine, run, reads its messages and answers them in order, so that appends keep their
// order, and a client that sends faster than the server commits is held back by its own connection. Each subscription has
// a goroutine that pulls batches while it has credit. All write through send and sendBatch.
type client struct {
	server  *Server
	ws      socket
	session string
	request string // id of the handshake
	remote  string
	asText  bool // the subprotocol has batches as text

	handshake *http.Request   // until hello
	program   string          // name and version, from hello on
	streams   *access.Streams // from hello on, as the identity may use them

	ctx      context.Context // of the connection
	live     context.Context // of what the identity has open; from hello on
	cancel   context.CancelCauseFunc
	unlive   func() // forgets live
	greeted  func() // the hello is there
	failOnce sync.Once

	transfer transfer
	running  sync.WaitGroup // the goroutines beside run
	buf      []byte         // run's: the message that is read
	held     int            // run's: bytes of buf that count for the identity
	turn     chan struct{}  // of capacity 1: who holds it handles a message, or says goodbye
	start    time.Time
	heardAt  atomic.Int64 // when the client was heard last, since start
	busy     atomic.Bool  // run handles a message, and cannot hear

	mu            sync.Mutex
	subscriptions map[uint32]*subscription // +checklocks:mu
}

// socket is what a client needs of a *websocket.Conn.
type socket interface {
	Reader(context.Context) (websocket.MessageType, io.Reader, error)
	// Write sends one message: head and body. The bytes are the caller's again when it returns. It gives up when the client
	// has not taken the message after sendTimeout.
	Write(ctx context.Context, kind websocket.MessageType, head, body []byte) error
	Close(websocket.StatusCode, string) error
	CloseNow() error
	Subprotocol() string
}

var (
	errShuttingDown = &millpond.Error{Code: millpond.Unavailable, Message: "the server is shutting down: connect again in a moment"}
	errSilent       = errors.New("no answer to a ping")
	errNoHello      = &millpond.Error{Code: millpond.InvalidRequest, Message: fmt.Sprintf("no hello within %v", helloTimeout)}
)

func newClient(s *Server, ws socket, request string, r *http.Request) *client {
	c := &client{
		server: s, ws: ws, request: request, remote: r.RemoteAddr, handshake: r,
		session:       rand.Text()[:12],
		asText:        ws.Subprotocol() == millpond.SubprotocolJSON,
		turn:          make(chan struct{}, 1),
		start:         time.Now(),
		subscriptions: map[uint32]*subscription{},
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.live, c.unlive, c.greeted = c.ctx, func() {}, func() {}
	return c
}

// run serves the client until the connection is over and nothing of it runs any more.
func (c *client) run() {
	defer func() {
		c.cancel(nil)
		c.unlive()
		c.ws.CloseNow()
		c.running.Wait()
		c.releaseBuffer()
		c.server.clients.part(c)
	}()
	err := c.greet()
	if err == nil {
		c.running.Go(c.probe)
		err = c.serve()
	}
	var e *millpond.Error
	if cause := context.Cause(c.ctx); cause != nil {
		err = cause
	} else if errors.As(err, &e) {
		c.fail(e)
	}
	c.server.log.Info("client disconnected", "session", c.session, "reason", endOf(err), "after", time.Since(c.start))
}

// endOf says for the log why a connection is over.
func endOf(err error) string {
	if code := websocket.CloseStatus(err); code != -1 {
		return fmt.Sprintf("closed by the client with %d", code)
	}
	return clip(err.Error())
}

// greet waits for the hello and answers it.
func (c *client) greet() error {
	if !c.server.clients.join(c) {
		return errShuttingDown
	}
	deadline := time.AfterFunc(helloTimeout, func() { c.fail(errNoHello); c.cancel(errNoHello) })
	defer deadline.Stop()
	msg, err := c.read()
	if err != nil {
		return err
	}
	hello, ok := msg.(*millpond.Hello)
	if !ok {
		return protocolError("", "the first message must be hello")
	}
	c.program = clip(hello.Client)
	c.greeted()
	if err := c.authenticate(hello.Token); err != nil {
		return c.server.asError(err, "session", c.session)
	}
	identity := c.streams.Identity().Subject
	c.server.log.Info("client connected", "session", c.session, "request", c.request, "remote", c.remote, "client", clip(hello.Client),
		"replica", clip(hello.Replica), "identity", clip(identity), "subprotocol", c.ws.Subprotocol())
	return c.send(&millpond.Welcome{
		Server:   "millpond/" + c.server.version,
		Session:  c.session,
		Identity: identity,
		Limits: millpond.Limits{
			MessageBytes:  c.server.gate.Limits().MessageBytes,
			FrameBytes:    millpond.MaxFrameBytes,
			EventBytes:    c.server.eventBytes,
			BatchEvents:   millpond.MaxBatchEvents,
			Subscriptions: millpond.MaxSubscriptions,
			CreditBytes:   c.server.world.creditBytes(),
		},
	})
}

// authenticate gives the client the streams as it may use them, and ends the connection when it may no longer.
func (c *client) authenticate(token string) error {
	credentials, err := c.server.credentials(c.handshake, token)
	c.handshake = nil
	if err != nil {
		return err
	}
	if c.streams, err = c.server.gate.Authenticate(c.ctx, credentials); err != nil {
		return err
	}
	c.streams = c.streams.OfConnection()
	live, stop, err := c.streams.Last(c.ctx)
	if err != nil {
		return err
	}
	c.live = live
	c.running.Add(1)
	unwatch := context.AfterFunc(live, func() {
		defer c.running.Done()
		if e := access.Ended(live); e != nil {
			c.fail(e)
		}
	})
	c.unlive = func() {
		if unwatch() {
			c.running.Done()
		}
		stop()
	}
	return nil
}

// serve handles messages until one of them, or the connection, is at fault.
func (c *client) serve() error {
	for {
		msg, err := c.read()
		if err != nil {
			return err
		}
		select {
		case c.turn <- struct{}{}:
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
		if c.live.Err() == nil {
			err = c.handle(msg)
		}
		<-c.turn
		if err != nil {
			return err
		}
	}
}

// handle does what a message asks. Its error ends the connection.
func (c *client) handle(msg millpond.Message) error {
	switch msg := msg.(type) {
	case *millpond.Subscribe:
		return c.subscribe(msg)
	case *millpond.Unsubscribe:
		return c.unsubscribe(msg)
	case *millpond.Credit:
		return c.credit(msg)
	case *millpond.Append:
		return c.append(msg)
	case *millpond.Ping:
		return c.send(&millpond.Pong{Nonce: msg.Nonce})
	case *millpond.Pong: // that it was heard is all that it says
		return nil
	case *millpond.Hello:
		return protocolError("type", "hello was said already")
	default:
		return protocolError("type", "this is a message of the server")
	}
}

// append answers Appended, or an ErrorMessage with the request's ID.
func (c *client) append(msg *millpond.Append) error {
	if msg.ID == 0 {
		return protocolError("id", "must be 1 or more")
	}
	events, err := c.appendEvents(msg)
	if err != nil {
		e := c.server.asError(err, "session", c.session)
		c.server.metrics.refused(e.Code)
		err := c.send(&millpond.ErrorMessage{Request: msg.ID, Code: e.Code, Message: e.Message, Field: e.Field})
		if err == nil && e.Code.Action() != millpond.GiveUp {
			return e // the client sends it again: what has come behind it must not overtake it
		}
		return err
	}
	answer := millpond.MarshalMessage(&millpond.Appended{ID: msg.ID, Events: events})
	if len(answer) > maxAppendedBytes {
		return c.send(&millpond.ErrorMessage{Request: msg.ID, Code: millpond.EventTooLarge,
			Message: "the batch is in the log, but the answer, with what was there before, is larger than a message: read it over HTTP"})
	}
	return c.write(websocket.MessageText, nil, answer)
}

func (c *client) appendEvents(msg *millpond.Append) ([]millpond.Event, error) {
	if err := msg.Stream.Validate(); err != nil {
		return nil, err
	}
	inputs, batch, err := millpond.ParseInputs(msg.Events)
	if err != nil {
		return nil, err
	}
	if !batch {
		return nil, &millpond.Error{Code: millpond.InvalidRequest, Field: "events", Message: "must be an array of events"}
	}
	return c.streams.Append(c.ctx, msg.Stream, inputs)
}

// leave says that the server goes away and closes the connection, after the message that is being handled. Messages that
// come later are not handled: what was not answered is sent again on the next connection.
func (c *client) leave() {
	defer time.AfterFunc(leaveTimeout, func() { c.cancel(errShuttingDown) }).Stop()
	select {
	case c.turn <- struct{}{}:
	case <-c.ctx.Done():
		return
	}
	delay := minRetryAfter + c.server.world.randN(maxRetryAfter-minRetryAfter)
	if c.send(&millpond.Goaway{Reason: "the server is shutting down", RetryAfterMs: delay.Milliseconds()}) == nil {
		c.ws.Close(websocket.StatusGoingAway, "the server is shutting down")
	}
	c.cancel(errShuttingDown)
}

func (c *client) cut() { c.cancel(errShuttingDown) }

func (c *client) counts() (string, *transfer) { return overWebsocket, &c.transfer }

// fail tells the client what was wrong, and closes the connection with the error's close code. Only the first call does.
func (c *client) fail(e *millpond.Error) { c.failOnce.Do(func() { c.failNow(e) }) }

func (c *client) failNow(e *millpond.Error) {
	c.server.metrics.refused(e.Code)
	defer time.AfterFunc(leaveTimeout, func() { c.cancel(e) }).Stop()
	if c.send(&millpond.ErrorMessage{Code: e.Code, Message: e.Message, Field: e.Field}) != nil {
		return
	}
	reason := e.Message
	if len(reason) > maxCloseReasonBytes {
		reason = string(e.Code)
	}
	c.ws.Close(websocket.StatusCode(e.Code.CloseCode()), reason)
}

func protocolError(field, message string) error {
	return &millpond.Error{Code: millpond.InvalidRequest, Field: field, Message: message}
}
