package opfs

// writeBuffer is where contiguous writes to one file wait to be sent to its handle as one. The files of a database share
// it: so what has to wait is that of the last file written to, and writes reach the browser in the order that SQLite
// has made them in.
type writeBuffer struct {
	file *file // whose bytes are pending; nil when none are
	at   int64
	data []byte
}

// end is where the pending bytes of a file end; 0 when it has none.
func (b *writeBuffer) end(f *file) int64 {
	if b.file != f {
		return 0
	}
	return b.at + int64(len(b.data))
}

// holds reports whether all bytes of p, which begins at at, are pending.
func (b *writeBuffer) holds(f *file, p []byte, at int64) bool {
	return b.file == f && b.at <= at && at+int64(len(p)) <= b.end(f)
}

// overlay copies over p, which begins at at, what is pending of it.
func (b *writeBuffer) overlay(f *file, p []byte, at int64) {
	if b.file != f {
		return
	}
	switch skip := b.at - at; {
	case skip >= int64(len(p)) || -skip >= int64(len(b.data)):
	case skip >= 0:
		copy(p[skip:], b.data)
	default:
		copy(p, b.data[-skip:])
	}
}

// fits reports whether a write continues, or writes over, what is pending, within the bound.
func (b *writeBuffer) fits(f *file, p []byte, at int64) bool {
	return b.file == f && b.at <= at && at <= b.end(f) && at+int64(len(p)) <= b.at+maxWriteBytes
}

// add adds a write that fits, or the first.
func (b *writeBuffer) add(f *file, p []byte, at int64) {
	if b.file == nil {
		b.file, b.at = f, at
	}
	over := copy(b.data[at-b.at:], p)
	b.data = append(b.data, p[over:]...)
}

// take empties the buffer of a file's bytes. They are valid until the next add.
func (b *writeBuffer) take(f *file) (p []byte, at int64) {
	if b.file != f {
		return nil, 0
	}
	p = b.data
	b.file, b.data = nil, b.data[:0]
	return p, b.at
}
