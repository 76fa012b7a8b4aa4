package jsonb

// Compact appends valid JSON to dst without the white space between its tokens: what SQLite's function json() gives back of the
// JSONB that Append has made of it, byte for byte. Numbers and strings keep their spelling.
func Compact(dst, text []byte) []byte {
	start, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++ // what is escaped ends nothing
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			dst = append(dst, text[start:i]...)
			start = i + 1
		}
	}
	return append(dst, text[start:]...)
}
