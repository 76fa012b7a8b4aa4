//go:build !js || gosqlite

package sqlite

import (
	"fmt"
	"io"
	"net/url"
	"sync/atomic"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"
)

// registered numbers the file layers that go-sqlite3 has been given: it finds them by name.
var registered atomic.Int64

// register makes a file layer known to go-sqlite3, and returns the URI that names path in it.
// unregister is for when the connection is closed: go-sqlite3 panics without its layer.
func register(path string, files Files) (uri string, unregister func()) {
	name := fmt.Sprintf("millpond-%d", registered.Add(1))
	vfs.Register(name, filesVFS{files})
	u := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: url.Values{"vfs": {name}}.Encode()}
	return u.String(), func() { vfs.Unregister(name) }
}

// filesVFS is a file layer as go-sqlite3 sees it.
type filesVFS struct{ files Files }

var (
	_ vfs.VFS                = filesVFS{}
	_ vfs.FileCommitPhaseTwo = (*filesVFSFile)(nil)
	_ vfs.FileLockState      = (*filesVFSFile)(nil)
)

func (v filesVFS) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, err := v.files.Open(name, fileKind(int32(flags)))
	if err != nil {
		return nil, flags, vfsError(err, codeOpen)
	}
	return &filesVFSFile{file: f}, flags, nil
}

func (v filesVFS) Delete(name string, _ bool) error {
	return vfsError(v.files.Delete(name), codeDelete)
}

func (v filesVFS) Access(name string, _ vfs.AccessFlag) (bool, error) {
	exists, err := v.files.Exists(name)
	return exists, vfsError(err, codeExists)
}

func (v filesVFS) FullPathname(name string) (string, error) { return name, nil }

// filesVFSFile is a File as go-sqlite3 sees it. There is one connection, so a lock is only a number to remember.
type filesVFSFile struct {
	file File
	lock vfs.LockLevel
}

func (f *filesVFSFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.file.ReadAt(p, at)
	if err == io.EOF {
		return n, err
	}
	return n, vfsError(err, codeRead)
}

func (f *filesVFSFile) WriteAt(p []byte, at int64) (int, error) {
	n, err := f.file.WriteAt(p, at)
	return n, vfsError(err, codeWrite)
}

func (f *filesVFSFile) Truncate(size int64) error {
	return vfsError(f.file.Truncate(size), codeTruncate)
}

func (f *filesVFSFile) Sync(vfs.SyncFlag) error { return vfsError(f.file.Sync(), codeSync) }
func (f *filesVFSFile) Close() error            { return vfsError(f.file.Close(), codeClose) }

func (f *filesVFSFile) Size() (int64, error) {
	size, err := f.file.Size()
	return size, vfsError(err, codeSize)
}

func (f *filesVFSFile) CommitPhaseTwo() error {
	if c, ok := f.file.(Committer); ok {
		return vfsError(c.Committed(), codeWrite)
	}
	return nil
}

func (f *filesVFSFile) Lock(l vfs.LockLevel) error       { f.lock = max(f.lock, l); return nil }
func (f *filesVFSFile) Unlock(l vfs.LockLevel) error     { f.lock = min(f.lock, l); return nil }
func (f *filesVFSFile) CheckReservedLock() (bool, error) { return f.lock >= vfs.LOCK_RESERVED, nil }
func (f *filesVFSFile) LockState() vfs.LockLevel         { return f.lock }
func (f *filesVFSFile) SectorSize() int                  { return fileSectorBytes }

func (f *filesVFSFile) DeviceCharacteristics() vfs.DeviceCharacteristic {
	return fileCharacteristics
}

// vfsError gives SQLite the code for an error of a file layer.
func vfsError(err error, call int) error {
	return vfs.SystemError(err, sqlite3.ExtendedErrorCode(fileCode(err, call)))
}
