package session

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/millpond-dev/millpond"
)

// modelServer is the server as the simulation needs it: logs in memory, and connections that it forgets at will.
type modelServer struct {
	rand  *rand.Rand
	logs  map[millpond.Name]*modelLog
	life  int64 // of incarnations
	conns map[uint64]*modelConn
	tired func() bool // whether an append is to be tried again

	revoked int // tokens so far
}

type modelLog struct {
	incarnation millpond.Incarnation
	records     [][]byte
	hashes      []millpond.Hash // after each record
	byKey       map[string]int  // index of a record
	events      []millpond.Event
	since       uint64 // the last append made before a reset: those may be in both logs
}

// modelConn is the server's end of a connection. toServer and toClient are what is on its way.
type modelConn struct {
	epoch    uint64
	welcomed bool
	refused  bool // its token is not good, or not any more
	silent   bool // half open: nothing gets through any more
	leaving  bool
	over     bool // by an append that is to be tried again: nothing more is handled
	toServer []millpond.Message
	toClient []Input
	subs     map[uint32]*modelSub
	lastID   uint32
	appends  map[uint64]bool // sent by the client
}

type modelSub struct {
	name    millpond.Name
	log     *modelLog
	cursor  int
	sent    int // bytes of the record after the cursor, which is sent in parts
	credit  int64
	corrupt bool
}

const (
	modelCredit = 600 // bytes: a few records, so that credit runs out all the time
	modelLarge  = 400 // bytes: a larger record is sent in parts; some are larger than all the credit
)

func (v *modelServer) log(name millpond.Name) *modelLog {
	if v.logs[name] == nil {
		v.logs[name] = v.newLog()
	}
	return v.logs[name]
}

func (v *modelServer) newLog() *modelLog {
	v.life++
	at := time.Unix(v.life, 0).UTC()
	l := &modelLog{incarnation: millpond.IncarnationOf(at), byKey: make(map[string]int)}
	l.append(millpond.Event{Type: millpond.TypeCreated, CreatedAt: at, Payload: large(v.rand.IntN(8 * modelCredit))})
	l.append(millpond.Event{Type: millpond.TypeWoken, CreatedAt: at})
	return l
}

// large is a payload of about so many bytes.
func large(bytes int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("x", bytes) + `"`) }

func (l *modelLog) append(e millpond.Event) millpond.Event {
	e.Offset = uint64(len(l.records) + 1)
	record := millpond.AppendRecord(nil, &e)
	l.hashes = append(l.hashes, l.hashAt(len(l.records)).Next(record))
	l.records = append(l.records, record)
	l.events = append(l.events, e)
	if e.IdempotencyKey != "" {
		l.byKey[e.IdempotencyKey] = len(l.events) - 1
	}
	return e
}

func (l *modelLog) hashAt(offset int) millpond.Hash {
	if offset == 0 {
		return 0
	}
	return l.hashes[offset-1]
}

// restore is the log as an older backup has it.
func (l *modelLog) restore(length int) *modelLog {
	old := &modelLog{incarnation: l.incarnation, byKey: make(map[string]int), since: l.since}
	for _, e := range l.events[:length] {
		old.append(e)
	}
	return old
}

// token is the one that is let in. A machine without tokens is.
func (v *modelServer) token() string { return fmt.Sprintf("token %d", v.revoked) }

// revoke ends the identity of the connection, which the server closes.
func (v *modelServer) revoke(c *modelConn) {
	v.revoked++
	v.refuse(c)
}

func (v *modelServer) refuse(c *modelConn) {
	c.refused = true
	c.subs = nil
	c.say(&millpond.ErrorMessage{Code: millpond.Unauthenticated, Message: "the token has expired"})
}

// handle takes one message of the client.
func (v *modelServer) handle(c *modelConn, msg millpond.Message) {
	if c.refused {
		return
	}
	switch msg := msg.(type) {
	case *millpond.Hello:
		if msg.Token != "" && msg.Token != v.token() {
			v.refuse(c)
			return
		}
		c.welcomed = true
		c.say(&millpond.Welcome{Limits: millpond.Limits{CreditBytes: modelCredit}})
	case *millpond.Subscribe:
		v.subscribe(c, msg)
	case *millpond.Unsubscribe:
		if c.subs[msg.ID] != nil {
			delete(c.subs, msg.ID)
			c.say(&millpond.Unsubscribed{ID: msg.ID, Reason: millpond.EndUnsubscribed})
		}
	case *millpond.Credit:
		if s := c.subs[msg.ID]; s != nil {
			s.credit += msg.Bytes
			if s.credit > modelCredit {
				panic(fmt.Sprintf("credit %d is over the limit of %d", s.credit, modelCredit))
			}
		}
	case *millpond.Append:
		v.append(c, msg)
	case *millpond.Ping:
		c.say(&millpond.Pong{Nonce: msg.Nonce})
	case *millpond.Pong:
	default:
		panic(fmt.Sprintf("the client sent %T", msg))
	}
}

func (c *modelConn) say(msg millpond.Message) {
	c.toClient = append(c.toClient, Received{c.epoch, msg})
}

func (v *modelServer) subscribe(c *modelConn, msg *millpond.Subscribe) {
	if msg.ID <= c.lastID {
		panic("a subscription id was used again")
	}
	c.lastID = msg.ID
	l := v.log(msg.Stream)
	s := &modelSub{name: msg.Stream, log: l, credit: msg.Credit}
	c.subs[msg.ID] = s
	after := int(*msg.After)
	var reason millpond.RebuildReason
	switch {
	case msg.Incarnation != "" && msg.Incarnation != l.incarnation:
		reason = millpond.OtherIncarnation
	case after > len(l.records):
		reason = millpond.AheadOfLog
	case msg.Hash != nil && *msg.Hash != l.hashAt(after):
		reason = millpond.Diverged
	}
	if reason != "" {
		c.say(&millpond.Rebuild{ID: msg.ID, Reason: reason, Incarnation: l.incarnation, MaxOffset: uint64(len(l.records))})
		return
	}
	s.cursor = after
	c.say(&millpond.Resume{ID: msg.ID, Incarnation: l.incarnation, After: uint64(after), Hash: l.hashAt(after),
		MaxOffset: uint64(len(l.records))})
}

// pump sends one batch to a subscription that has credit.
func (v *modelServer) pump(c *modelConn) {
	for _, id := range slices.Sorted(keys(c.subs)) {
		s := c.subs[id]
		if s.credit <= 0 || s.cursor == len(s.log.records) {
			continue
		}
		if record := s.log.records[s.cursor]; s.sent < len(record) && (s.sent > 0 || len(record) > modelLarge || v.rand.IntN(5) == 0) {
			n := 1 + v.rand.IntN(min(len(record)-s.sent, int(s.credit)))
			part := millpond.Part{Subscription: id, Offset: uint64(s.cursor + 1), RecordBytes: len(record), Start: s.sent, Bytes: record[s.sent : s.sent+n]}
			bytes := len(part.AppendFrame(nil))
			s.sent += n
			s.credit -= int64(bytes)
			c.toClient = append(c.toClient, Part{c.epoch, part, bytes})
			return
		}
		end := s.cursor + 1 + v.rand.IntN(min(4, len(s.log.records)-s.cursor))
		for i := s.cursor + 1; i < end; i++ {
			if len(s.log.records[i]) > modelLarge {
				end = i
			}
		}
		batch := millpond.Batch{Subscription: id, LastOffset: uint64(end), MaxOffset: uint64(len(s.log.records)),
			Hash: s.log.hashAt(end), Live: end == len(s.log.records)}
		if s.sent > 0 {
			end = s.cursor + 1
			batch.LastOffset, batch.Hash, batch.Live, batch.Assembled = uint64(end), s.log.hashAt(end), end == len(s.log.records), true
			s.sent = 0
		} else {
			for _, record := range s.log.records[s.cursor:end] {
				batch.Records = millpond.AppendFramedRecord(batch.Records, record)
			}
		}
		if s.corrupt {
			batch.Hash++
		}
		bytes := len(batch.AppendFrame(nil))
		s.cursor = end
		s.credit -= int64(bytes)
		c.toClient = append(c.toClient, Frame{c.epoch, batch, bytes})
		return
	}
}

func (v *modelServer) append(c *modelConn, msg *millpond.Append) {
	switch {
	case c.leaving:
		c.say(&millpond.ErrorMessage{Request: msg.ID, Code: millpond.Unavailable, Message: "shutting down"})
		return
	case c.over:
		return
	case msg.ID%19 == 0: // always the same ones: a refusal that is lost with its connection is asked for again, too late
		c.say(&millpond.ErrorMessage{Request: msg.ID, Code: millpond.Forbidden, Message: "not you"})
		return
	case v.tired():
		c.over = true
		c.say(&millpond.ErrorMessage{Request: msg.ID, Code: millpond.RateLimited, Message: "too fast"})
		return
	}
	var inputs []millpond.Input
	if err := json.Unmarshal(msg.Events, &inputs); err != nil {
		panic(err)
	}
	l := v.log(msg.Stream)
	if meant := inputs[0].Incarnation; meant != "" && meant != l.incarnation {
		c.say(&millpond.ErrorMessage{Request: msg.ID, Code: millpond.IncarnationConflict, Message: "it was reset"})
		return
	}
	answer := &millpond.Appended{ID: msg.ID}
	for _, in := range inputs {
		if i, ok := l.byKey[in.IdempotencyKey]; ok {
			answer.Events = append(answer.Events, l.events[i])
			continue
		}
		answer.Events = append(answer.Events, l.append(millpond.Event{Type: in.Type, IdempotencyKey: in.IdempotencyKey,
			Payload: in.Payload, CreatedAt: l.events[0].CreatedAt}))
	}
	c.say(answer)
}

// endStream ends the subscriptions of a stream.
func (v *modelServer) endStream(name millpond.Name, reason millpond.EndReason) {
	for _, epoch := range slices.Sorted(keys(v.conns)) {
		c := v.conns[epoch]
		for _, id := range slices.Sorted(keys(c.subs)) {
			if c.subs[id].name == name {
				delete(c.subs, id)
				c.say(&millpond.Unsubscribed{ID: id, Reason: reason})
			}
		}
	}
}

func keys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
