package opfs

import (
	"errors"
	"io"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
)

// poolVFS is a pool as go-sqlite3 sees it.
type poolVFS struct{ pool *Pool }

var (
	_ vfs.VFS                = (*poolVFS)(nil)
	_ vfs.FileCommitPhaseTwo = (*vfsFile)(nil)
	_ vfs.FileLockState      = (*vfsFile)(nil)
	_ vfs.File               = (*tempFile)(nil)
)

// Open opens a file of the pool, or one in memory when SQLite asks for a temporary one.
func (v *poolVFS) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	const kept = vfs.OPEN_MAIN_DB | vfs.OPEN_MAIN_JOURNAL | vfs.OPEN_WAL
	if name == "" || flags&(kept|vfs.OPEN_SUPER_JOURNAL) == 0 {
		return &tempFile{}, flags | vfs.OPEN_MEMORY, nil
	}
	f := v.pool.file(name)
	switch {
	case f == nil: // ATTACH, or the journal of several databases at once
		return nil, flags, sqlite3.CANTOPEN
	case flags&vfs.OPEN_MAIN_DB == 0:
		return &vfsFile{pool: v.pool, file: f}, flags, nil
	case v.pool.inUse:
		return nil, flags, sqlite3.BUSY
	}
	v.pool.inUse = true
	return &vfsFile{pool: v.pool, file: f, main: true}, flags, nil
}

func (v *poolVFS) Delete(name string, _ bool) error {
	f := v.pool.file(name)
	if f == nil || f.Size() == 0 {
		return sqlite3.IOERR_DELETE_NOENT
	}
	return systemError(remove(f), sqlite3.IOERR_DELETE)
}

func (v *poolVFS) Access(name string, _ vfs.AccessFlag) (bool, error) {
	f := v.pool.file(name)
	return f != nil && f.Size() > 0, nil
}

func (v *poolVFS) FullPathname(name string) (string, error) { return name, nil }

// vfsFile is a File as go-sqlite3 sees it. There is one connection, so a lock is only a number to remember.
type vfsFile struct {
	pool *Pool
	file *File
	main bool
	lock vfs.LockLevel
}

func (f *vfsFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.file.ReadAt(p, at)
	if err == io.EOF {
		return n, err
	}
	return n, systemError(err, sqlite3.IOERR_READ)
}

func (f *vfsFile) WriteAt(p []byte, at int64) (int, error) {
	n, err := f.file.WriteAt(p, at)
	return n, systemError(err, sqlite3.IOERR_WRITE)
}

func (f *vfsFile) Truncate(size int64) error {
	return systemError(f.file.Truncate(size), sqlite3.IOERR_TRUNCATE)
}

func (f *vfsFile) Sync(vfs.SyncFlag) error { return systemError(f.file.Sync(), sqlite3.IOERR_FSYNC) }
func (f *vfsFile) Size() (int64, error)    { return f.file.Size(), nil }

// CommitPhaseTwo comes after each commit. In the log's usual course nothing is pending by then; what is, SQLite takes
// for committed.
func (f *vfsFile) CommitPhaseTwo() error { return systemError(f.pool.settle(), sqlite3.IOERR_WRITE) }

// Close leaves the handle to the pool.
func (f *vfsFile) Close() error {
	if f.main {
		f.pool.inUse = false
		f.pool.unregister()
	}
	return systemError(f.file.Settle(), sqlite3.IOERR_CLOSE)
}

func (f *vfsFile) Lock(l vfs.LockLevel) error       { f.lock = max(f.lock, l); return nil }
func (f *vfsFile) Unlock(l vfs.LockLevel) error     { f.lock = min(f.lock, l); return nil }
func (f *vfsFile) CheckReservedLock() (bool, error) { return f.lock >= vfs.LOCK_RESERVED, nil }
func (f *vfsFile) LockState() vfs.LockLevel         { return f.lock }
func (f *vfsFile) SectorSize() int                  { return 4096 }

func (f *vfsFile) DeviceCharacteristics() vfs.DeviceCharacteristic {
	return vfs.IOCAP_UNDELETABLE_WHEN_OPEN | vfs.IOCAP_POWERSAFE_OVERWRITE | vfs.IOCAP_SUBPAGE_READ
}

// systemError gives SQLite the code for an error: FULL when there is no room, the operation's own otherwise.
func systemError(err error, code sqlite3.ExtendedErrorCode) error {
	if errors.Is(err, ErrFull) {
		return vfs.SystemError(err, sqlite3.FULL)
	}
	return vfs.SystemError(err, code)
}

// tempFile is a temporary file: nobody else sees it, and nobody misses it.
type tempFile struct{ vfsutil.SliceFile }

func (*tempFile) Lock(vfs.LockLevel) error         { return nil }
func (*tempFile) Unlock(vfs.LockLevel) error       { return nil }
func (*tempFile) CheckReservedLock() (bool, error) { return false, nil }
