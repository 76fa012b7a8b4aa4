package server

import (
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/stream"
)

// partText makes the text of an event that comes in parts, for the subprotocol with batches as text. The zero value is ready for
// an event.
type partText struct {
	json millpond.RecordJSON
	rune []byte // the beginning of a character whose end comes in the next part
}

// next is the text that a part makes; it may be none.
func (t *partText) next(part []byte) (string, error) {
	text, err := t.json.Append(t.rune, part)
	if err != nil {
		return "", err
	}
	whole := len(text)
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		if b := text[len(text)-i]; utf8.RuneStart(b) {
			if !utf8.FullRune(text[len(text)-i:]) {
				whole = len(text) - i
			}
			break
		}
	}
	t.rune = append([]byte(nil), text[whole:]...)
	return string(text[:whole]), nil
}

// end is the rest of the text.
func (t *partText) end() (string, error) {
	text, err := t.json.End(t.rune)
	*t = partText{}
	return string(text), err
}

// sendPiece sends a batch or a part, and takes what its messages cost off the credit.
func (c *client) sendPiece(s *subscription, p *stream.Piece) (err error) {
	if !c.asText {
		if p.Part == nil {
			return c.sendBatch(s, &p.Batch)
		}
		s.head = p.Part.AppendHeader(s.head[:0])
		return c.pay(s, websocket.MessageBinary, s.head, p.Part.Bytes)
	}
	if p.Part == nil && !p.Assembled {
		return c.sendBatch(s, &p.Batch)
	}
	var text string
	offset := p.LastOffset
	if p.Part != nil {
		offset = p.Part.Offset
		text, err = s.text.next(p.Part.Bytes)
	} else {
		text, err = s.text.end()
	}
	if err == nil && text != "" {
		message := millpond.MarshalMessage(&millpond.PartMessage{ID: s.id, Offset: offset, Text: text})
		err = c.pay(s, websocket.MessageText, nil, message)
	}
	if err == nil && p.Part == nil {
		err = c.sendBatch(s, &p.Batch)
	}
	return err
}
