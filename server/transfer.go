package server

import (
	"io"
	"slices"
	"time"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
)

// read waits for the next message. What arrives of a long one counts as heard: an append may take its time on a slow
// line.
func (c *client) read() (millpond.Message, error) {
	c.busy.Store(false)
	defer c.busy.Store(true)
	kind, r, err := c.ws.Reader(c.ctx)
	if err != nil {
		return nil, err
	}
	c.hear()
	if kind != websocket.MessageText {
		return nil, protocolError("", "messages of the client are text")
	}
	c.releaseBuffer()
	c.buf = c.buf[:0]
	limit := c.server.gate.Limits().MessageBytes
	if c.streams == nil {
		limit = min(limit, maxHelloBytes)
	}
	for {
		c.buf = slices.Grow(c.buf, 512)
		if err := c.holdBuffer(); err != nil {
			return nil, err
		}
		n, err := r.Read(c.buf[len(c.buf):cap(c.buf)])
		c.buf = c.buf[:len(c.buf)+n]
		c.hear()
		if len(c.buf) > limit {
			return nil, &millpond.Error{Code: millpond.EventTooLarge, Message: "the message is over the limit of the connection: see welcome"}
		}
		if err == io.EOF {
			c.transfer.received.Add(int64(len(c.buf)))
			return millpond.UnmarshalMessage(c.buf)
		}
		if err != nil {
			return nil, err
		}
	}
}

// holdBuffer counts what the buffer has grown beyond what each connection may keep.
func (c *client) holdBuffer() error {
	grown := cap(c.buf) - keptBufferBytes - c.held
	if grown <= 0 {
		return nil
	}
	if err := c.streams.Hold(grown); err != nil {
		return err
	}
	c.held += grown
	return nil
}

// releaseBuffer lets a large buffer go.
func (c *client) releaseBuffer() {
	if cap(c.buf) > keptBufferBytes {
		c.buf = nil
	}
	if c.held > 0 {
		c.streams.Release(c.held)
		c.held = 0
	}
}

// send sends a control message.
func (c *client) send(m millpond.Message) error {
	return c.write(websocket.MessageText, nil, millpond.MarshalMessage(m))
}

// pay sends a message that costs credit: as many bytes as it has. It is paid before it is sent, for a client that has got the
// message may grant them again at once, and may have all the credit that there is.
func (c *client) pay(s *subscription, kind websocket.MessageType, head, body []byte) error {
	s.spend(int64(len(head) + len(body)))
	return c.write(kind, head, body)
}

// sendBatch sends a batch, which costs the bytes of its frame.
func (c *client) sendBatch(s *subscription, b *millpond.Batch) error {
	if c.asText {
		text, err := appendBatchText(nil, b)
		if err != nil {
			return err
		}
		return c.pay(s, websocket.MessageText, nil, text)
	}
	s.head = b.AppendHeader(s.head[:0])
	return c.pay(s, websocket.MessageBinary, s.head, b.Records)
}

func appendBatchText(dst []byte, b *millpond.Batch) ([]byte, error) {
	m := millpond.BatchMessage{
		ID: b.Subscription, Live: b.Live, LastOffset: b.LastOffset, MaxOffset: b.MaxOffset, Hash: b.Hash,
		Events: []millpond.Event{}, Assembled: b.Assembled,
	}
	err := eachRecord(b.Records, func(_ []byte, e *millpond.Event) error {
		m.Events = append(m.Events, *e)
		return nil
	})
	return append(dst, millpond.MarshalMessage(&m)...), err
}

// eachRecord calls fn with each record of a batch, and its event, which is fn's until it returns.
func eachRecord(records []byte, fn func(record []byte, e *millpond.Event) error) error {
	var e millpond.Event
	for len(records) > 0 {
		record, rest, err := millpond.NextRecord(records)
		if err != nil {
			return err
		}
		if err := millpond.DecodeRecord(record, &e); err != nil {
			return err
		}
		if err := fn(record, &e); err != nil {
			return err
		}
		records = rest
	}
	return nil
}

// write sends one message. One that takes too long, or fails, ends the connection.
func (c *client) write(kind websocket.MessageType, head, body []byte) error {
	if err := c.ws.Write(c.ctx, kind, head, body); err != nil {
		c.cancel(err)
		return err
	}
	c.transfer.sent.Add(int64(len(head) + len(body)))
	return nil
}

func (c *client) hear() { c.heardAt.Store(int64(time.Since(c.start))) }

// probe sends a ping when nothing was heard for a while, and ends the connection when nothing is heard after it either.
func (c *client) probe() {
	timer := time.NewTimer(millpond.ProbeInterval)
	defer timer.Stop()
	asked := time.Duration(-1) // when, if no answer has come since
	for nonce := uint64(1); ; {
		select {
		case <-timer.C:
		case <-c.ctx.Done():
			return
		}
		if c.busy.Load() {
			c.hear() // it cannot be told whether the client is silent
		}
		now, heard := time.Since(c.start), time.Duration(c.heardAt.Load())
		switch {
		case asked > heard:
			c.cancel(errSilent)
			return
		case now-heard < millpond.ProbeInterval:
			asked = -1
			timer.Reset(millpond.ProbeInterval - (now - heard))
		default:
			asked = now
			if c.send(&millpond.Ping{Nonce: nonce}) != nil {
				return
			}
			nonce++
			timer.Reset(millpond.ProbeTimeout)
		}
	}
}
