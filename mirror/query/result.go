package query

import (
	"bytes"
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Result is what a statement has answered. It is not changed once made.
type Result struct {
	Columns []string
	Rows    [][]any // cells are nil, int64, float64, string or []byte
}

// Equal reports whether two results are the same, cell by cell, in value and type.
func (r *Result) Equal(other *Result) bool {
	return r == other || r != nil && other != nil && slices.Equal(r.Columns, other.Columns) &&
		slices.EqualFunc(r.Rows, other.Rows, equalRows)
}

func equalRows(a, b []any) bool { return slices.EqualFunc(a, b, equalCells) }

func equalCells(a, b any) bool {
	if x, ok := a.([]byte); ok {
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	}
	if _, ok := b.([]byte); ok {
		return false
	}
	return a == b
}

// AppendJSON appends the result as JSON: {"columns":["…"],"rows":[[…],…]}. Cells that JSON does not have are objects, which
// no other cell is: {"$int":"9007199254740993"} for an integer beyond ±(2^53-1), {"$blob":"base64"} for a blob. An
// infinity is ±9e999, which JSON.parse reads as one; text that is not UTF-8 gets U+FFFD for what is wrong in it.
func (r *Result) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"columns":[`...)
	for i, name := range r.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, name)
	}
	dst = append(dst, `],"rows":`...)
	return append(appendRows(dst, r.Rows), '}')
}

// MarshalJSON is AppendJSON for encoding/json.
func (r *Result) MarshalJSON() ([]byte, error) { return r.AppendJSON(nil), nil }

func appendRows(dst []byte, rows [][]any) []byte {
	dst = append(dst, '[')
	for i, row := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '[')
		for j, cell := range row {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = appendCell(dst, cell)
		}
		dst = append(dst, ']')
	}
	return append(dst, ']')
}

func appendCell(dst []byte, cell any) []byte {
	switch v := cell.(type) {
	case int64:
		if v < -maxSafeInteger || v > maxSafeInteger {
			dst = append(dst, `{"$int":"`...)
			dst = strconv.AppendInt(dst, v, 10)
			return append(dst, `"}`...)
		}
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return appendFloat(dst, v)
	case string:
		return appendString(dst, v)
	case []byte:
		dst = append(dst, `{"$blob":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, v)
		return append(dst, `"}`...)
	}
	return append(dst, "null"...)
}

func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f): // SQLite itself makes NULL of it
		return append(dst, "null"...)
	case math.IsInf(f, 1):
		return append(dst, "9e999"...)
	case math.IsInf(f, -1):
		return append(dst, "-9e999"...)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string. It copies runs of bytes that need no escape at once.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			if c >= utf8.RuneSelf {
				dst = append(dst, "\uFFFD"...)
			} else {
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
