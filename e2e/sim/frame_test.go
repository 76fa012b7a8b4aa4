//go:build sim

package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/millpond-dev/millpond"
)

// frame is what the network carries as a whole: the head of an HTTP message, a websocket frame, or the end of the connection.
type frame struct {
	kind    frameKind
	bytes   []byte
	header  int              // bytes before the payload
	payload []byte           // unmasked
	message millpond.Message // of a text
	batch   *millpond.Batch
	part    *millpond.Part
}

type frameKind uint8

const (
	headFrame  frameKind = iota // HTTP
	textFrame                   // a control message of the protocol
	batchFrame                  // a batch or a part
	otherFrame                  // a close of the websocket, say
	endFrame                    // of the connection
)

// cutFrame takes one whole frame from the text that was written; nil when there is none yet.
func cutFrame(text []byte, head bool) (f *frame, rest []byte) {
	if head {
		end := bytes.Index(text, []byte("\r\n\r\n"))
		if end < 0 {
			return nil, text
		}
		return &frame{kind: headFrame, bytes: text[:end+4]}, text[end+4:]
	}
	header, size, mask := frameHeader(text)
	if header == 0 || len(text) < header+size {
		return nil, text
	}
	f = &frame{kind: otherFrame, bytes: text[:header+size], header: header, payload: unmasked(text[header:header+size], mask)}
	switch text[0] & 0x0f {
	case 1:
		f.kind = textFrame
		f.message, _ = millpond.UnmarshalMessage(f.payload)
	case 2:
		f.kind = batchFrame
		if millpond.IsPart(f.payload) {
			if p, err := millpond.DecodePart(f.payload); err == nil {
				f.part = &p
			}
		} else if b, err := millpond.DecodeBatch(f.payload); err == nil {
			f.batch = &b
		}
	}
	return f, text[header+size:]
}

// frameHeader is the size of a websocket frame's header and of its payload, and its mask. (RFC 6455, 5.2) No size: it is not
// whole yet.
func frameHeader(text []byte) (header, size int, mask []byte) {
	if len(text) < 2 {
		return 0, 0, nil
	}
	header, size = 2, int(text[1]&0x7f)
	extended := map[int]int{126: 2, 127: 8}[size]
	if len(text) < header+extended+4 && len(text) < header+extended {
		return 0, 0, nil
	}
	switch extended {
	case 2:
		size = int(binary.BigEndian.Uint16(text[2:]))
	case 8:
		size = int(binary.BigEndian.Uint64(text[2:]))
	}
	header += extended
	if text[1]&0x80 != 0 {
		if len(text) < header+4 {
			return 0, 0, nil
		}
		mask = text[header : header+4]
		header += 4
	}
	return header, size, mask
}

func unmasked(payload, mask []byte) []byte {
	if mask == nil {
		return payload
	}
	plain := make([]byte, len(payload))
	for i := range payload {
		plain[i] = payload[i] ^ mask[i%4]
	}
	return plain
}

// closes reports whether it closes the websocket.
func (f *frame) closes() bool { return f.kind == otherFrame && f.bytes[0]&0x0f == 8 }

// lastSource is that of what ends a connection.
const lastSource = 1<<32 - 1

// source says which of the server's goroutines has written a frame: those of one come in order, those of several in any. 0 is
// the one that answers messages.
func (f *frame) source() uint32 {
	switch m := f.message.(type) {
	case *millpond.Resume:
		return m.ID
	case *millpond.Rebuild:
		return m.ID
	case *millpond.Unsubscribed:
		return m.ID
	case *millpond.ErrorMessage:
		return m.Subscription
	}
	switch {
	case f.batch != nil:
		return f.batch.Subscription
	case f.part != nil:
		return f.part.Subscription
	case f.kind == otherFrame || f.kind == endFrame:
		return lastSource
	}
	return 0
}

// String is the frame as a trace has it: without what differs from run to run, as random ids and hashes do.
func (f *frame) String() string {
	switch m := f.message.(type) {
	case nil:
	case *millpond.Subscribe:
		return fmt.Sprintf("subscribe %d %s after %d credit %d", m.ID, m.Stream.Path, *m.After, m.Credit)
	case *millpond.Resume:
		return fmt.Sprintf("resume %d after %d of %d", m.ID, m.After, m.MaxOffset)
	case *millpond.Rebuild:
		return fmt.Sprintf("rebuild %d %s of %d", m.ID, m.Reason, m.MaxOffset)
	case *millpond.Unsubscribed:
		return fmt.Sprintf("unsubscribed %d %s", m.ID, m.Reason)
	case *millpond.Unsubscribe:
		return fmt.Sprintf("unsubscribe %d", m.ID)
	case *millpond.Credit:
		return fmt.Sprintf("credit %d %d", m.ID, m.Bytes)
	case *millpond.Append:
		return fmt.Sprintf("append %d %s %s", m.ID, m.Stream.Path, keysOf(m.Events))
	case *millpond.Appended:
		offsets := make([]uint64, len(m.Events))
		for i := range m.Events {
			offsets[i] = m.Events[i].Offset
		}
		return fmt.Sprintf("appended %d at %v", m.ID, offsets)
	case *millpond.ErrorMessage:
		return fmt.Sprintf("error %d %d %s", m.Subscription, m.Request, m.Code)
	case *millpond.Ping:
		return fmt.Sprintf("ping %d", m.Nonce)
	case *millpond.Pong:
		return fmt.Sprintf("pong %d", m.Nonce)
	case *millpond.Goaway:
		return fmt.Sprintf("goaway %dms", m.RetryAfterMs)
	default:
		return fmt.Sprintf("%T", m)[len("*millpond."):]
	}
	switch {
	case f.batch != nil:
		b := f.batch
		return fmt.Sprintf("batch %d to %d of %d, %d bytes", b.Subscription, b.LastOffset, b.MaxOffset, len(b.Records))
	case f.part != nil:
		return fmt.Sprintf("part %d of event %d, %d to %d of %d", f.part.Subscription, f.part.Offset, f.part.Start, f.part.End(), f.part.RecordBytes)
	case f.kind == headFrame:
		line, _, _ := bytes.Cut(f.bytes, []byte("\r\n"))
		return string(line)
	case f.kind == endFrame:
		return "end"
	case len(f.payload) >= 2:
		return fmt.Sprintf("close %d", binary.BigEndian.Uint16(f.payload))
	}
	return fmt.Sprintf("websocket frame of %d bytes", len(f.bytes))
}

func keysOf(events []byte) (keys []string) {
	inputs, _, _ := millpond.ParseInputs(events)
	for i := range inputs {
		keys = append(keys, inputs[i].IdempotencyKey)
	}
	return keys
}
