//go:build js && !gosqlite

package sqlite

import (
	"fmt"
	"io"

	"github.com/millpond-dev/millpond/mirror/sqlite/linked"
)

// linkedFiles is a file layer as SQLite compiled from C uses it, for one connection.
type linkedFiles struct {
	Files
	conn       *linkedConn
	id         int32
	failed     error // of the last call that has failed, while SQLite runs
	failedCode int32
	buffer     []byte // for what is read and written
}

// linkedFile is an open file.
type linkedFile struct {
	File
	files *linkedFiles
	id    int32
}

// call runs a call of the file layer, with the connection closed to it, and returns the code for its error: that of
// the error, or else fallback. A panic is an error.
func (l *linkedFiles) call(fallback int, call func() error) int32 {
	hooked := l.conn.hooked
	l.conn.hooked = true
	err := guarded(call)
	l.conn.hooked = hooked
	if err == nil {
		return 0
	}
	l.failed, l.failedCode = err, int32(fileCode(err, fallback))
	return l.failedCode
}

func guarded(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file layer has panicked: %v", p)
		}
	}()
	return call()
}

// bytes is n bytes of the layer's buffer.
func (l *linkedFiles) bytes(n int32) []byte {
	if int(n) > len(l.buffer) {
		l.buffer = make([]byte, n)
	}
	return l.buffer[:n]
}

// noFiles is the file layer of a database in memory: it has temporary files only.
type noFiles struct{}

func (noFiles) Open(name string, kind FileKind) (File, error) {
	if kind != TempFile {
		return nil, fmt.Errorf("there are no files without a file layer here: %w", CantOpen)
	}
	return new(MemoryFile), nil
}

func (noFiles) Delete(string) error         { return nil }
func (noFiles) Exists(string) (bool, error) { return false, nil }

// What SQLite calls. Of functions that answer more than a code, a negative number is a code.

//go:wasmexport sqlite_file_open
func linkedOpen(set int32, name linked.Pointer, flags int32) int32 {
	l := linkedSets.get(set)
	f := &linkedFile{files: l}
	code := l.call(codeOpen, func() (err error) {
		f.File, err = l.Open(linked.CString(name), fileKind(flags))
		return err
	})
	if code != 0 {
		return -code
	}
	f.id = linkedOpenFiles.place(f)
	return f.id
}

//go:wasmexport sqlite_file_delete
func linkedDelete(set int32, name linked.Pointer) int32 {
	l := linkedSets.get(set)
	return l.call(codeDelete, func() error { return l.Delete(linked.CString(name)) })
}

//go:wasmexport sqlite_file_exists
func linkedExists(set int32, name linked.Pointer) int32 {
	l := linkedSets.get(set)
	exists := false
	code := l.call(codeExists, func() (err error) {
		exists, err = l.Exists(linked.CString(name))
		return err
	})
	if code != 0 {
		return -code
	}
	return switched(exists)
}

//go:wasmexport sqlite_file_close
func linkedClose(file int32) int32 {
	f := linkedOpenFiles.get(file)
	linkedOpenFiles.remove(file)
	return f.files.call(codeClose, f.Close)
}

// linkedRead answers how many bytes it has read: SQLite's side fills the rest with zeros.
//
//go:wasmexport sqlite_file_read
func linkedRead(file int32, p linked.Pointer, n int32, at int64) int32 {
	f := linkedOpenFiles.get(file)
	b, read := f.files.bytes(n), 0
	code := f.files.call(codeRead, func() (err error) {
		if read, err = f.ReadAt(b, at); err == io.EOF {
			err = nil
		}
		return err
	})
	if code != 0 {
		return -code
	}
	linked.CopyIn(p, b[:read])
	return int32(read)
}

//go:wasmexport sqlite_file_write
func linkedWrite(file int32, p linked.Pointer, n int32, at int64) int32 {
	f := linkedOpenFiles.get(file)
	b := f.files.bytes(n)
	linked.CopyOut(b, p)
	return f.files.call(codeWrite, func() error {
		_, err := f.WriteAt(b, at)
		return err
	})
}

//go:wasmexport sqlite_file_truncate
func linkedTruncate(file int32, size int64) int32 {
	f := linkedOpenFiles.get(file)
	return f.files.call(codeTruncate, func() error { return f.Truncate(size) })
}

//go:wasmexport sqlite_file_sync
func linkedSync(file int32) int32 {
	f := linkedOpenFiles.get(file)
	return f.files.call(codeSync, f.Sync)
}

//go:wasmexport sqlite_file_size
func linkedSize(file int32) int64 {
	f := linkedOpenFiles.get(file)
	size := int64(0)
	code := f.files.call(codeSize, func() (err error) {
		size, err = f.Size()
		return err
	})
	if code != 0 {
		return -int64(code)
	}
	return size
}

//go:wasmexport sqlite_file_committed
func linkedCommitted(file int32) int32 {
	f := linkedOpenFiles.get(file)
	c, ok := f.File.(Committer)
	if !ok {
		return 0
	}
	return f.files.call(codeWrite, c.Committed)
}
