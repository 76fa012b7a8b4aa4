// Package jsonb makes SQLite's binary JSON, and JSON as SQLite gives it back from that.
package jsonb

import (
	"encoding/binary"
	"errors"

	millpond "github.com/millpond-dev/millpond"
)

// The node types of JSONB that standard JSON needs: https://sqlite.org/jsonb.html.
const (
	jsonNull byte = iota
	jsonTrue
	jsonFalse
	jsonInt
	_ // integers of JSON5
	jsonFloat
	_ // floats of JSON5
	jsonText
	jsonEscapedText // with JSON's escapes left in
	_               // with escapes of JSON5
	_               // text that is not escaped and may need it
	jsonArray
	jsonObject
)

// ErrNotJSON is what Append fails with.
var ErrNotJSON = errors.New("not JSON")

// Append appends a JSON value to dst as SQLite's function jsonb() makes it, byte for byte. It is here because jsonb() in an
// INSERT halves the speed of inserting (docs/decisions/0005-replica-schema.md). It is strict where jsonb() takes JSON5.
func Append(dst, text []byte) ([]byte, error) {
	e := encoder{dst: dst, text: text}
	if e.space(); !e.value(0) {
		return dst, ErrNotJSON
	}
	if e.space(); e.at < len(text) {
		return dst, ErrNotJSON
	}
	return e.dst, nil
}

type encoder struct {
	dst  []byte
	text []byte
	at   int // in text
}

// value encodes the value at the cursor, and reports whether there is one. White space before it has been skipped.
func (e *encoder) value(depth int) bool {
	switch c := e.peek(); {
	case c == '"':
		return e.string()
	case c == '{' || c == '[':
		return depth < millpond.MaxJSONDepth && e.container(c, depth+1)
	case c == '-' || c >= '0' && c <= '9':
		return e.number()
	case c == 't':
		return e.literal("true", jsonTrue)
	case c == 'f':
		return e.literal("false", jsonFalse)
	}
	return e.literal("null", jsonNull)
}

// container encodes an array or an object. The size of its header is guessed from the text that is left, and what is
// in it moved when the guess was too large.
func (e *encoder) container(open byte, depth int) bool {
	kind, end := jsonArray, byte(']')
	if open == '{' {
		kind, end = jsonObject, '}'
	}
	start := len(e.dst)
	e.header(kind, len(e.text)-e.at)
	body := len(e.dst)
	e.at++
	e.space()
	for first := true; e.peek() != end; first = false {
		if !first {
			if e.peek() != ',' {
				return false
			}
			e.at++
			e.space()
		}
		if kind == jsonObject && !e.label() || !e.value(depth) {
			return false
		}
		e.space()
	}
	e.at++
	e.resize(kind, start, body)
	return true
}

// label encodes the label of an object's member, up to its value.
func (e *encoder) label() bool {
	if e.peek() != '"' || !e.string() {
		return false
	}
	e.space()
	if e.peek() != ':' {
		return false
	}
	e.at++
	e.space()
	return true
}

// resize writes the header of a container anew, now that its size is known.
func (e *encoder) resize(kind byte, start, body int) {
	size := len(e.dst) - body
	e.dst = e.dst[:start]
	e.header(kind, size)
	if moved := len(e.dst); moved < body {
		e.dst = e.dst[:moved+copy(e.dst[moved:moved+size], e.dst[body:body+size])]
	} else {
		e.dst = e.dst[:body+size]
	}
}

func (e *encoder) string() bool {
	start := e.at + 1
	kind := jsonText
	for i := start; i < len(e.text); i++ {
		switch c := e.text[i]; {
		case c == '"':
			e.node(kind, e.text[start:i])
			e.at = i + 1
			return true
		case c < ' ':
			return false
		case c == '\\':
			kind = jsonEscapedText
			n := escapeLen(e.text[i:])
			if n == 0 {
				return false
			}
			i += n - 1
		}
	}
	return false
}

// escapeLen is the length of the escape at the start of text, and 0 when it is none of JSON's.
func escapeLen(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(text) >= 6 && isHex(text[2]) && isHex(text[3]) && isHex(text[4]) && isHex(text[5]) {
			return 6
		}
	}
	return 0
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func (e *encoder) number() bool {
	start, kind := e.at, jsonInt
	if e.peek() == '-' {
		e.at++
	}
	if e.peek() == '0' {
		e.at++
	} else if !e.digits() {
		return false
	}
	if e.peek() == '.' {
		kind = jsonFloat
		e.at++
		if !e.digits() {
			return false
		}
	}
	if c := e.peek(); c == 'e' || c == 'E' {
		kind = jsonFloat
		e.at++
		if c := e.peek(); c == '+' || c == '-' {
			e.at++
		}
		if !e.digits() {
			return false
		}
	}
	e.node(kind, e.text[start:e.at])
	return true
}

// digits skips one digit or more.
func (e *encoder) digits() bool {
	start := e.at
	for c := e.peek(); c >= '0' && c <= '9'; c = e.peek() {
		e.at++
	}
	return e.at > start
}

func (e *encoder) literal(word string, kind byte) bool {
	end := e.at + len(word)
	if end > len(e.text) || string(e.text[e.at:end]) != word {
		return false
	}
	e.at = end
	e.dst = append(e.dst, kind)
	return true
}

func (e *encoder) node(kind byte, content []byte) {
	e.header(kind, len(content))
	e.dst = append(e.dst, content...)
}

// header appends a node's type and the size of its content, in the fewest bytes.
func (e *encoder) header(kind byte, size int) {
	switch {
	case size <= 11:
		e.dst = append(e.dst, byte(size)<<4|kind)
	case size <= 0xff:
		e.dst = append(e.dst, 12<<4|kind, byte(size))
	case size <= 0xffff:
		e.dst = append(e.dst, 13<<4|kind, byte(size>>8), byte(size))
	default:
		e.dst = binary.BigEndian.AppendUint32(append(e.dst, 14<<4|kind), uint32(size))
	}
}

// peek is the byte at the cursor, and 0 at the end.
func (e *encoder) peek() byte {
	if e.at < len(e.text) {
		return e.text[e.at]
	}
	return 0
}

func (e *encoder) space() {
	for e.at < len(e.text) {
		switch e.text[e.at] {
		case ' ', '\t', '\n', '\r':
			e.at++
		default:
			return
		}
	}
}
