package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
)

// errWrite is when the client cannot be written to.
var errWrite = errors.New("the client does not read, or is gone")

// eventWriter writes server-sent events. (HTML Living Standard, 9.2)
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     []byte
	inLine  bool      // the data of an event is being written, and its line is not over
	written time.Time // when something was sent last

	transfer transfer

	mu      sync.Mutex
	hurried bool // +checklocks:mu // the deadline is set for good
}

func (w *eventWriter) init(res *echo.Response) {
	w.w, w.control = res.Writer, http.NewResponseController(res.Writer)
}

// event appends an event of a stream, with its position as the id.
func (w *eventWriter) event(e *millpond.Event, incarnation millpond.Incarnation, hash *millpond.Hash) error {
	w.buf = append(w.buf, "id: "...)
	w.buf = appendEventID(w.buf, e.Offset, incarnation, hash)
	w.buf = append(w.buf, '\n')
	start := len(w.buf)
	w.buf = append(w.buf, "data: "...)
	text := len(w.buf)
	w.buf = e.AppendJSON(w.buf)
	if bytes.ContainsAny(w.buf[text:], "\r\n") { // a payload may have line breaks between its values
		lines := bytes.Clone(w.buf[text:])
		w.buf = w.buf[:start]
		w.data(lines)
	} else {
		w.buf = append(w.buf, "\n\n"...)
	}
	if len(w.buf) < followWriteBytes {
		return nil
	}
	return w.write()
}

// data appends lines of data and the end of the event. Who joins the lines again has the same JSON.
func (w *eventWriter) data(text []byte) {
	for len(text) > 0 {
		line := text
		if i := bytes.IndexAny(text, "\r\n"); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		w.buf = append(w.buf, "data: "...)
		w.buf = append(w.buf, line...)
		w.buf = append(w.buf, '\n')
	}
	w.buf = append(w.buf, '\n')
}

// text appends a part of the data of an event, split anywhere.
func (w *eventWriter) text(part []byte) {
	for _, c := range part {
		if !w.inLine {
			w.buf = append(w.buf, "data: "...)
			w.inLine = true
		}
		if c == '\n' || c == '\r' {
			w.buf = append(w.buf, '\n')
			w.inLine = false
			continue
		}
		w.buf = append(w.buf, c)
	}
}

// endText ends the event whose data was appended with text: it has the position as its id.
func (w *eventWriter) endText(at millpond.Position) {
	if w.inLine {
		w.buf = append(w.buf, '\n')
		w.inLine = false
	}
	w.id(at)
	w.end()
}

// named appends an event of a kind that is not the stream's. It has the position that was appended before it with id.
func (w *eventWriter) named(kind string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err) // a struct of texts and numbers
	}
	w.buf = append(w.buf, "event: "...)
	w.buf = append(w.buf, kind...)
	w.buf = append(w.buf, '\n')
	w.data(text)
}

// position appends an id alone: it moves the client's position, and it dispatches nothing.
func (w *eventWriter) position(at millpond.Position) {
	w.id(at)
	w.end()
}

func (w *eventWriter) end() { w.buf = append(w.buf, '\n') }

func (w *eventWriter) id(at millpond.Position) {
	w.buf = append(w.buf, "id: "...)
	w.buf = appendEventID(w.buf, at.Offset, at.Incarnation, &at.Hash)
	w.buf = append(w.buf, '\n')
}

// comment appends nothing for anybody but the proxies in between.
func (w *eventWriter) comment() { w.buf = append(w.buf, ":\n\n"...) }

// retry appends after how long to come back.
func (w *eventWriter) retry(after time.Duration) {
	w.buf = append(w.buf, "retry: "...)
	w.buf = strconv.AppendInt(w.buf, after.Milliseconds(), 10)
	w.buf = append(w.buf, "\n\n"...)
}

// write hands over what was appended. A client that takes too long is given up.
func (w *eventWriter) write() error {
	w.deadline(sendTimeout)
	n, err := w.w.Write(w.buf)
	w.transfer.sent.Add(int64(n))
	w.buf = w.buf[:0]
	w.written = time.Now()
	if err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	return nil
}

// flush sends what was appended.
func (w *eventWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	if err := w.write(); err != nil {
		return err
	}
	if err := w.control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	return nil
}

func (w *eventWriter) deadline(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.hurried {
		w.control.SetWriteDeadline(time.Now().Add(d)) // not where an embedding program's writer has none
	}
}

// hurry ends the present write, and all that follow, after the time.
func (w *eventWriter) hurry(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.control.SetWriteDeadline(time.Now().Add(d))
	w.hurried = true
}
