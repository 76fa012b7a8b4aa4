package linked

import "unsafe"

// CopyIn copies b to SQLite's memory.
func CopyIn(to Pointer, b []byte) {
	if len(b) > 0 {
		copyIn(to, unsafe.Pointer(unsafe.SliceData(b)), int32(len(b)))
	}
}

// CopyStringIn copies s to SQLite's memory.
func CopyStringIn(to Pointer, s string) {
	if len(s) > 0 {
		copyIn(to, unsafe.Pointer(unsafe.StringData(s)), int32(len(s)))
	}
}

// CopyOut fills b from SQLite's memory.
func CopyOut(b []byte, from Pointer) {
	if len(b) > 0 {
		copyOut(unsafe.Pointer(unsafe.SliceData(b)), from, int32(len(b)))
	}
}

// Text is the text of n bytes at p.
func Text(p Pointer, n int32) string {
	if n <= 0 {
		return ""
	}
	b := make([]byte, n)
	CopyOut(b, p)
	return unsafe.String(unsafe.SliceData(b), n)
}

// CString is the text at p up to its NUL; "" at 0.
func CString(p Pointer) string {
	if p == 0 {
		return ""
	}
	return Text(p, strlen(p))
}

// NewCString allocates s with a NUL behind it, for the caller to free; 0 when memory has run out.
func NewCString(s string) Pointer {
	if len(s) >= MaxMemoryBytes {
		return 0
	}
	p := Malloc(int32(len(s)) + 1)
	if p != 0 {
		CopyStringIn(p, s)
		CopyIn(p+Pointer(len(s)), []byte{0})
	}
	return p
}
