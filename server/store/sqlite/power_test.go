package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"

	"github.com/millpond-dev/millpond/server/store/storetest"
)

// S1: the power may go at any moment: what was acknowledged is there, nothing that was not begun is, transactions are whole,
// and the store goes on. One run of a writer is recorded, down to each write and sync of its files, with several checkpoints.
// Then the disk is made as it may be after any of these: what was synced is there; of what was not, each write is there,
// or is not, or in parts.
func TestPowerLoss(t *testing.T) {
	const transactions, checkpointPages = 120, 40
	tape := recordWriter(t, transactions, checkpointPages)
	if n := tape.count(kindSync); n < transactions {
		t.Fatalf("%d syncs for %d transactions", n, transactions)
	}
	if tape.written(databaseFile) < 4 {
		t.Fatal("there was no checkpoint in this run")
	}
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	disk := disk{}
	var acknowledged uint64
	for i, op := range tape.ops {
		for range moments(i, len(tape.ops), *cuts) {
			image := disk.afterPowerLoss(rnd)
			if err := verifyImage(image, acknowledged); err != nil {
				t.Fatalf("seed %d, before operation %d of %d (%s): %v", seed, i, len(tape.ops), op, err)
			}
		}
		if op.kind == kindAcknowledged {
			acknowledged = uint64(op.at)
		} else {
			disk.do(op)
		}
	}
	t.Logf("%d moments in %d operations", *cuts, len(tape.ops))
}

// moments is how many of the cuts are before the i-th of n operations.
func moments(i, n, cuts int) int { return (i+1)*cuts/n - i*cuts/n }

// recordWriter lets a store commit through files that record what is done to them.
func recordWriter(t *testing.T, transactions, checkpointPages int) *tape {
	tape := &tape{}
	name := "tape-" + filepath.Base(t.TempDir())
	vfs.Register(name, tapeVFS{vfs.Find(""), tape})
	defer vfs.Unregister(name)
	s, err := open(t.TempDir(), name)
	if err != nil {
		t.Fatal(err)
	}
	w := <-s.writer.free
	if err := w.conn.Exec(fmt.Sprintf("PRAGMA wal_autocheckpoint = %d", checkpointPages)); err != nil {
		t.Fatal(err)
	}
	s.writer.put(w)
	if err := storetest.Write(s, &acknowledger{tape, transactions}); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // that is recorded, too
		t.Fatal(err)
	}
	return tape
}

var errEnough = errors.New("enough")

// acknowledger puts what the writer acknowledges on the tape, and ends it after some transactions.
type acknowledger struct {
	tape *tape
	left int
}

func (a *acknowledger) Write(line []byte) (int, error) {
	if a.left--; a.left < 0 {
		return 0, errEnough
	}
	a.tape.add(op{kind: kindAcknowledged, at: int64(storetest.Acknowledged(bytes.NewReader(line)))})
	return len(line), nil
}

// verifyImage opens the files of a disk and verifies what they hold. In memory, where there is a file system there: the
// disk's own syncs prove nothing.
func verifyImage(image map[string][]byte, acknowledged uint64) error {
	dir, err := os.MkdirTemp("/dev/shm", "millpond-")
	if err != nil {
		dir, err = os.MkdirTemp("", "millpond-")
	}
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for name, data := range image {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	s, err := Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(storetest.Verify(s, acknowledged, storetest.Begun(acknowledged)), s.Close())
}

// op is what was done to a file.
type op struct {
	kind kind
	file string
	at   int64 // offset of a write, size of a truncation; of an acknowledgement: the log's offset
	data []byte
}

type kind string

const (
	kindWrite        kind = "write"
	kindTruncate     kind = "truncate"
	kindSync         kind = "sync"
	kindDelete       kind = "delete"
	kindAcknowledged kind = "acknowledged"
)

func (o op) String() string {
	return fmt.Sprintf("%s %s at %d, %d bytes", o.kind, o.file, o.at, len(o.data))
}

// tape is what was done to all files, in order.
type tape struct {
	mu  sync.Mutex
	ops []op
}

func (t *tape) add(o op) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ops = append(t.ops, o)
}

func (t *tape) count(k kind) (n int) {
	for _, o := range t.ops {
		if o.kind == k {
			n++
		}
	}
	return n
}

func (t *tape) written(file string) (n int) {
	for _, o := range t.ops {
		if o.kind == kindWrite && o.file == file {
			n++
		}
	}
	return n
}

// disk is what files hold for certain, and what may be lost.
type disk map[string]*diskFile

type diskFile struct {
	durable []byte
	pending []op
}

func (d disk) do(o op) {
	f := d[o.file]
	if f == nil {
		f = &diskFile{}
		d[o.file] = f
	}
	switch o.kind {
	case kindSync:
		for _, p := range f.pending {
			f.durable = p.apply(f.durable)
		}
		f.pending = nil
	case kindDelete: // of a WAL that the database has all of: SQLite does not rely on when it is gone
		delete(d, o.file)
	default:
		f.pending = append(f.pending, o)
	}
}

// apply does the operation to the content of a file.
func (o op) apply(content []byte) []byte {
	if o.kind == kindTruncate {
		return slices.Clip(content[:min(int64(len(content)), o.at)])
	}
	if need := int(o.at) + len(o.data); need > len(content) {
		content = append(content, make([]byte, need-len(content))...)
	}
	copy(content[o.at:], o.data)
	return content
}

// afterPowerLoss is what the files may hold when the power goes now.
func (d disk) afterPowerLoss(rnd *rand.Rand) map[string][]byte {
	image := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(d)) {
		f := d[name]
		content := bytes.Clone(f.durable)
		for _, o := range f.pending {
			switch rnd.IntN(4) {
			case 0: // lost
			case 1: // in parts
				for _, part := range o.torn(rnd) {
					content = part.apply(content)
				}
			default:
				content = o.apply(content)
			}
		}
		image[name] = content
	}
	return image
}

// torn is some sectors of a write, or none of it.
func (o op) torn(rnd *rand.Rand) (parts []op) {
	const sector = 512
	for start := int64(0); start < int64(len(o.data)); start += sector {
		if rnd.IntN(2) == 0 {
			part := o
			part.at, part.data = o.at+start, o.data[start:min(start+sector, int64(len(o.data)))]
			parts = append(parts, part)
		}
	}
	return parts
}

// tapeVFS passes everything on, and records what changes the database and its WAL.
type tapeVFS struct {
	vfs.VFS
	tape *tape
}

func (v tapeVFS) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfsutil.WrapOpen(v.VFS, name, flags)
	return v.wrap(name, f, flags, err)
}

func (v tapeVFS) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfsutil.WrapOpenFilename(v.VFS, name, flags)
	return v.wrap(name.String(), f, flags, err)
}

func (v tapeVFS) Delete(name string, syncDir bool) error {
	err := v.VFS.Delete(name, syncDir)
	if err == nil {
		v.tape.add(op{kind: kindDelete, file: filepath.Base(name)})
	}
	return err
}

func (v tapeVFS) wrap(name string, f vfs.File, flags vfs.OpenFlag, err error) (vfs.File, vfs.OpenFlag, error) {
	if err != nil {
		return f, flags, err
	}
	return &tapeFile{f, filepath.Base(name), v.tape}, flags, nil
}

// tapeFile is an open file. An operation is on the tape before it is done: what is acknowledged after a sync is on the tape
// after it.
type tapeFile struct {
	vfs.File
	name string
	tape *tape
}

func (f *tapeFile) Unwrap() vfs.File               { return f.File }
func (f *tapeFile) SharedMemory() vfs.SharedMemory { return vfsutil.WrapSharedMemory(f.File) }

func (f *tapeFile) WriteAt(p []byte, at int64) (int, error) {
	f.tape.add(op{kind: kindWrite, file: f.name, at: at, data: bytes.Clone(p)})
	return f.File.WriteAt(p, at)
}

func (f *tapeFile) Truncate(size int64) error {
	f.tape.add(op{kind: kindTruncate, file: f.name, at: size})
	return f.File.Truncate(size)
}

func (f *tapeFile) Sync(flags vfs.SyncFlag) error {
	f.tape.add(op{kind: kindSync, file: f.name})
	return f.File.Sync(flags)
}
