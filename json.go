package millpond

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// JSON is checked once, as a whole, when it comes in; what takes it apart after that trusts it. encoding/json would look at
// each byte of an event four times, at a fifth of the speed: that was most of what an append cost.

// maxSyntaxDepth bounds the nesting of any JSON text, as encoding/json does.
const maxSyntaxDepth = 10_000

// checkSyntax says what is wrong with a text that is not one JSON value.
func checkSyntax(text []byte) error {
	if _, ok := scanJSON(text); ok {
		return nil
	}
	var value json.RawMessage
	err := json.Unmarshal(text, &value) // it says what is wrong, and where
	if err == nil {
		err = errors.New("it is not well-formed")
	}
	return &Error{Code: InvalidRequest, Message: "not valid JSON: " + err.Error()}
}

// scanJSON reports whether the text is one JSON value (RFC 8259), and how deep its arrays and objects are nested, as far as it
// has looked.
func scanJSON(b []byte) (depth int, ok bool) {
	open := make([]byte, 0, 32) // the brackets around
	i := skipSpace(b, 0)
	for {
		switch { // a value begins at i
		case i == len(b):
			return depth, false
		case b[i] == '{' || b[i] == '[':
			open = append(open, b[i])
			if depth = max(depth, len(open)); depth > maxSyntaxDepth {
				return depth, false
			}
			i = skipSpace(b, i+1)
			if i < len(b) && b[i] == open[len(open)-1]+2 { // in ASCII a bracket's partner is two behind it
				break
			}
			if open[len(open)-1] == '{' {
				if i, ok = scanKey(b, i); !ok {
					return depth, false
				}
			}
			continue
		case b[i] == '"':
			if i, ok = scanString(b, i); !ok {
				return depth, false
			}
		default:
			if i, ok = scanScalar(b, i); !ok {
				return depth, false
			}
		}
		if i, open = closeBrackets(b, i, open); len(open) == 0 {
			return depth, i == len(b)
		}
		if i == len(b) || b[i] != ',' {
			return depth, false
		}
		i = skipSpace(b, i+1)
		if open[len(open)-1] == '{' {
			if i, ok = scanKey(b, i); !ok {
				return depth, false
			}
		}
	}
}

// closeBrackets passes the brackets that close behind a value, and the space around them.
func closeBrackets(b []byte, i int, open []byte) (int, []byte) {
	i = skipSpace(b, i)
	for len(open) > 0 && i < len(b) && b[i] == open[len(open)-1]+2 {
		open = open[:len(open)-1]
		i = skipSpace(b, i+1)
	}
	return i, open
}

// scanKey passes a key, its colon and the space around it.
func scanKey(b []byte, i int) (end int, ok bool) {
	if i == len(b) || b[i] != '"' {
		return i, false
	}
	if i, ok = scanString(b, i); !ok {
		return i, false
	}
	i = skipSpace(b, i)
	if i == len(b) || b[i] != ':' {
		return i, false
	}
	return skipSpace(b, i+1), true
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// scanString passes the string that begins at i.
func scanString(b []byte, i int) (end int, ok bool) {
	for i++; i < len(b); {
		i = plain(b, i)
		switch {
		case i == len(b) || b[i] < ' ':
			return i, false
		case b[i] == '"':
			return i + 1, true
		case b[i] != '\\':
			i++
			continue
		}
		if i++; i == len(b) {
			return i, false
		}
		switch b[i] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			i++
		case 'u':
			if len(b)-i < 5 || !isHex(b[i+1]) || !isHex(b[i+2]) || !isHex(b[i+3]) || !isHex(b[i+4]) {
				return i, false
			}
			i += 5
		default:
			return i, false
		}
	}
	return i, false
}

// plain passes bytes that are neither quotes nor backslashes nor control characters, eight at a time; it may stop early.
func plain(b []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(b)-i >= 8; i += 8 {
		v := binary.LittleEndian.Uint64(b[i:])
		quote, backslash := v^(ones*'"'), v^(ones*'\\')
		if ((v-ones*' ')&^v|(quote-ones)&^quote|(backslash-ones)&^backslash)&tops != 0 {
			break
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
		i++
	}
	return i
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// scanScalar passes a number, true, false or null.
func scanScalar(b []byte, i int) (end int, ok bool) {
	for _, word := range []string{"true", "false", "null"} {
		if b[i] == word[0] {
			end = i + len(word)
			return end, end <= len(b) && string(b[i:end]) == word
		}
	}
	if b[i] == '-' {
		i++
	}
	start := i
	if i = digits(b, i); i == start || b[start] == '0' && i > start+1 {
		return i, false
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = digits(b, start); i == start {
			return i, false
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = digits(b, start); i == start {
			return i, false
		}
	}
	return i, true
}

func digits(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}

// valueEnd is where the value ends that begins at i, of a text that is known to be JSON.
func valueEnd(b []byte, i int) int {
	depth := 0
	for {
		switch b[i] {
		case '"':
			i, _ = scanString(b, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\t', '\r', '\n': // within brackets
			i++
			continue
		default:
			i, _ = scanScalar(b, i)
		}
		if depth == 0 {
			return i
		}
	}
}

// decodeObject calls field for each member of one JSON object, of a text that is known to be JSON. Unlike encoding/json it is
// exact about case, and refuses a repeated key. Values are slices of data.
func decodeObject(data []byte, field func(key string, value json.RawMessage) error) error {
	i := skipSpace(data, 0)
	if data[i] != '{' {
		return &Error{Code: InvalidEvent, Message: "must be a JSON object"}
	}
	var few [8]string
	seen := few[:0] // looked through for each key: there are few
	for i = skipSpace(data, i+1); data[i] != '}'; {
		start := i
		i, _ = scanString(data, i)
		key := fieldName(data[start:i])
		for _, other := range seen {
			if other == key {
				return invalidEvent(clip(key), "is there twice")
			}
		}
		if len(seen) == maxObjectFields {
			return &Error{Code: InvalidEvent, Message: fmt.Sprintf("has more than %d fields", maxObjectFields)}
		}
		seen = append(seen, key)
		start = skipSpace(data, skipSpace(data, i)+1)
		i = valueEnd(data, start)
		if err := field(key, data[start:i:i]); err != nil {
			return err
		}
		i = nextElement(data, i)
	}
	return nil
}

// decodeArray calls element for each element of one JSON array, of a text that is known to be JSON. Values are slices of data.
func decodeArray(data []byte, element func(i int, value json.RawMessage) error) error {
	at := skipSpace(data, 0)
	if data[at] != '[' {
		return &Error{Code: InvalidRequest, Message: "must be a JSON array"}
	}
	at = skipSpace(data, at+1)
	for i := 0; data[at] != ']'; i++ {
		end := valueEnd(data, at)
		if err := element(i, data[at:end:end]); err != nil {
			return err
		}
		at = nextElement(data, end)
	}
	return nil
}

// nextElement passes the comma behind an element, if there is one, and the space around it.
func nextElement(data []byte, i int) int {
	if i = skipSpace(data, i); data[i] == ',' {
		i = skipSpace(data, i+1)
	}
	return i
}

// fieldNames saves the allocation of those that are in every event.
var fieldNames = map[string]string{}

func init() {
	for _, name := range []string{"type", "payload", "metadata", "source", "idempotencyKey", "offset", "createdAt", "id", "stream", "namespace", "path", "events"} {
		fieldNames[`"`+name+`"`] = name
	}
}

func fieldName(quoted []byte) string {
	if name, ok := fieldNames[string(quoted)]; ok {
		return name
	}
	return unquote(quoted)
}

// unquote is the text of a JSON string.
func unquote(quoted []byte) (s string) {
	for _, c := range quoted {
		if c == '\\' || c >= utf8.RuneSelf {
			if err := json.Unmarshal(quoted, &s); err != nil {
				panic(err) // it is known to be JSON
			}
			return s
		}
	}
	return string(quoted[1 : len(quoted)-1])
}

// appendJSONString appends what encoding/json makes of a text.
func appendJSONString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			b, _ := json.Marshal(s) // a string always marshals
			return append(dst, b...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
