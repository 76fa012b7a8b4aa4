//go:build !js

package mirror

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
)

// fakeServer speaks the server's side of the protocol, as docs/protocol.md has it, with logs in memory.
type fakeServer struct {
	t    *testing.T
	http *httptest.Server

	mu    sync.Mutex
	life  time.Duration
	logs  map[millpond.Name]*fakeLog
	conns map[*fakeConn]struct{}
	seen  []millpond.Message // all that clients have sent
	wrote chan struct{}      // holds a token when seen has grown

	down     bool                                       // refuse connections
	hold     int                                        // send only so many events of a stream; 0: all
	corrupt  int                                        // so many batches get a wrong hash
	refuse   *millpond.ErrorMessage                     // instead of a welcome
	onAppend func(c *fakeConn, a *millpond.Append) bool // true: it is dealt with
}

type fakeLog struct {
	incarnation millpond.Incarnation
	events      []millpond.Event
	records     [][]byte
	hashes      []millpond.Hash
}

type fakeConn struct {
	ws   *websocket.Conn
	subs map[uint32]*fakeSub
}

type fakeSub struct {
	log    *fakeLog
	name   millpond.Name
	cursor int
	credit int64
}

func newFakeServer(t *testing.T) *fakeServer {
	f := &fakeServer{t: t, logs: make(map[millpond.Name]*fakeLog), conns: make(map[*fakeConn]struct{}), wrote: make(chan struct{}, 1)}
	f.http = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(func() {
		f.setDown(true)
		f.http.Close()
	})
	return f
}

func (f *fakeServer) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	down := f.down
	f.mu.Unlock()
	if down || r.URL.Path != "/api/ws" {
		http.Error(w, "not here", http.StatusServiceUnavailable)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{millpond.Subprotocol}})
	if err != nil {
		f.t.Error(err)
		return
	}
	defer ws.CloseNow()
	ws.SetReadLimit(millpond.MaxMessageBytes)
	c := &fakeConn{ws, make(map[uint32]*fakeSub)}
	for {
		_, text, err := ws.Read(context.Background())
		if err != nil {
			f.mu.Lock()
			delete(f.conns, c)
			f.mu.Unlock()
			return
		}
		msg, err := millpond.UnmarshalMessage(text)
		if err != nil {
			f.t.Error(err)
			return
		}
		f.change(func() { f.handle(c, msg) })
	}
}

// change does something to the server, and sends what follows from it.
func (f *fakeServer) change(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
	for c := range f.conns {
		for id, s := range c.subs {
			for s.credit > 0 && s.cursor < f.end(s.log) {
				f.sendBatch(c, id, s)
			}
		}
	}
}

func (f *fakeServer) handle(c *fakeConn, msg millpond.Message) {
	f.seen = append(f.seen, msg)
	select {
	case f.wrote <- struct{}{}:
	default:
	}
	switch msg := msg.(type) {
	case *millpond.Hello:
		if f.refuse != nil {
			c.send(f.refuse)
			go c.ws.Close(websocket.StatusCode(f.refuse.Code.CloseCode()), "")
			return
		}
		f.conns[c] = struct{}{}
		c.send(&millpond.Welcome{Server: "fake"})
	case *millpond.Subscribe:
		f.subscribe(c, msg)
	case *millpond.Unsubscribe:
		delete(c.subs, msg.ID)
		c.send(&millpond.Unsubscribed{ID: msg.ID, Reason: millpond.EndUnsubscribed})
	case *millpond.Credit:
		if s := c.subs[msg.ID]; s != nil {
			s.credit += msg.Bytes
		}
	case *millpond.Append:
		if f.onAppend == nil || !f.onAppend(c, msg) {
			f.answer(c, msg)
		}
	case *millpond.Ping:
		c.send(&millpond.Pong{Nonce: msg.Nonce})
	}
}

func (f *fakeServer) subscribe(c *fakeConn, msg *millpond.Subscribe) {
	l := f.log(msg.Stream)
	s := &fakeSub{log: l, name: msg.Stream, credit: msg.Credit, cursor: int(*msg.After)}
	c.subs[msg.ID] = s
	var reason millpond.RebuildReason
	switch {
	case msg.Incarnation != "" && msg.Incarnation != l.incarnation:
		reason = millpond.OtherIncarnation
	case s.cursor > len(l.records):
		reason = millpond.AheadOfLog
	case msg.Hash != nil && *msg.Hash != l.hash(s.cursor):
		reason = millpond.Diverged
	default:
		c.send(&millpond.Resume{ID: msg.ID, Incarnation: l.incarnation, After: *msg.After, Hash: l.hash(s.cursor), MaxOffset: uint64(len(l.records))})
		return
	}
	s.cursor = 0
	c.send(&millpond.Rebuild{ID: msg.ID, Reason: reason, Incarnation: l.incarnation, MaxOffset: uint64(len(l.records))})
}

func (f *fakeServer) sendBatch(c *fakeConn, id uint32, s *fakeSub) {
	end := min(s.cursor+500, f.end(s.log))
	b := millpond.Batch{Subscription: id, LastOffset: uint64(end), MaxOffset: uint64(len(s.log.records)), Hash: s.log.hash(end),
		Live: end == len(s.log.records)}
	for _, record := range s.log.records[s.cursor:end] {
		b.Records = millpond.AppendFramedRecord(b.Records, record)
	}
	if f.corrupt > 0 {
		f.corrupt--
		b.Hash++
	}
	frame := b.AppendFrame(nil)
	s.cursor = end
	s.credit -= int64(len(frame))
	c.ws.Write(context.Background(), websocket.MessageBinary, frame)
}

// end is how far a log is sent.
func (f *fakeServer) end(l *fakeLog) int {
	if f.hold > 0 {
		return min(f.hold, len(l.records))
	}
	return len(l.records)
}

func (c *fakeConn) send(msg millpond.Message) {
	c.ws.Write(context.Background(), websocket.MessageText, millpond.MarshalMessage(msg))
}

func (f *fakeServer) log(name millpond.Name) *fakeLog {
	if f.logs[name] == nil {
		f.life += time.Second
		at := time.Unix(0, 0).Add(f.life).UTC()
		f.logs[name] = &fakeLog{incarnation: millpond.IncarnationOf(at)}
		f.logs[name].append(millpond.Event{Type: millpond.TypeCreated, CreatedAt: at})
		f.logs[name].append(millpond.Event{Type: millpond.TypeWoken, CreatedAt: at})
	}
	return f.logs[name]
}

func (l *fakeLog) hash(offset int) millpond.Hash {
	if offset == 0 {
		return 0
	}
	return l.hashes[offset-1]
}

func (l *fakeLog) append(e millpond.Event) millpond.Event {
	e.Offset = uint64(len(l.records) + 1)
	record := millpond.AppendRecord(nil, &e)
	l.hashes = append(l.hashes, l.hash(len(l.records)).Next(record))
	l.records = append(l.records, record)
	l.events = append(l.events, e)
	return e
}

// answer commits what is meant for the stream as it is now.
func (f *fakeServer) answer(c *fakeConn, msg *millpond.Append) {
	inputs, _, err := millpond.ParseInputs(msg.Events)
	if err != nil {
		f.t.Error(err)
	}
	for _, in := range inputs {
		if in.Incarnation != "" && in.Incarnation != f.log(msg.Stream).incarnation {
			c.send(&millpond.ErrorMessage{Request: msg.ID, Code: millpond.IncarnationConflict, Message: "it was reset"})
			return
		}
	}
	c.send(&millpond.Appended{ID: msg.ID, Events: f.commit(msg)})
}

// commit appends what a client has sent, each idempotency key once.
func (f *fakeServer) commit(msg *millpond.Append) (events []millpond.Event) {
	var inputs []millpond.Input
	if err := json.Unmarshal(msg.Events, &inputs); err != nil {
		f.t.Error(err)
	}
	l := f.log(msg.Stream)
next:
	for _, in := range inputs {
		for _, e := range l.events {
			if e.IdempotencyKey == in.IdempotencyKey {
				events = append(events, e)
				continue next
			}
		}
		events = append(events, l.append(millpond.Event{Type: in.Type, Payload: in.Payload, Metadata: in.Metadata,
			IdempotencyKey: in.IdempotencyKey, CreatedAt: time.Now().UTC()}))
	}
	return events
}

// add appends n events to a stream.
func (f *fakeServer) add(name millpond.Name, n int, kind string) {
	f.change(func() {
		l := f.log(name)
		for range n {
			l.append(millpond.Event{Type: kind, CreatedAt: time.Now().UTC(), Payload: fmt.Appendf(nil, `{"n":%d}`, len(l.records))})
		}
	})
}

// reset begins another incarnation of a stream with n events.
func (f *fakeServer) reset(name millpond.Name, n int, kind string) {
	f.change(func() {
		delete(f.logs, name)
		l := f.log(name)
		for range n {
			l.append(millpond.Event{Type: kind, CreatedAt: time.Now().UTC()})
		}
		for c := range f.conns {
			for id, s := range c.subs {
				if s.name == name {
					delete(c.subs, id)
					c.send(&millpond.Unsubscribed{ID: id, Reason: millpond.EndReset})
				}
			}
		}
	})
}

// setDown ends all connections, and refuses others for as long as it is true.
func (f *fakeServer) setDown(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
	for c := range f.conns {
		delete(f.conns, c)
		go c.ws.CloseNow()
	}
}

// count is how many messages of a type clients have sent.
func count[M millpond.Message](f *fakeServer) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, msg := range f.seen {
		if _, ok := msg.(M); ok {
			n++
		}
	}
	return n
}

// await waits until a client has sent n messages of a type, and returns the last.
func await[M millpond.Message](f *fakeServer, n int) (last M) {
	deadline := time.After(patience)
	for count[M](f) < n {
		select {
		case <-f.wrote:
		case <-deadline:
			f.t.Fatalf("clients sent %d of %d messages %T", count[M](f), n, last)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, msg := range f.seen {
		if m, ok := msg.(M); ok {
			last = m
		}
	}
	return last
}
