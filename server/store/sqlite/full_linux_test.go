package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/storetest"
)

// smallDisk is a folder on a disk of its own, of the size.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Skipf("a small disk can only be mounted by root, where that may mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// S1: on a disk that is really full a commit fails with ErrFull, and nothing of it is there; what was acknowledged is; a backup says
// the same, and leaves nothing; and all goes on when there is room.
func TestDiskReallyFull(t *testing.T) {
	disk := smallDisk(t, 4<<20)
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(filepath.Join(disk, "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var out bytes.Buffer
	if err := storetest.Write(s, &out); !errors.Is(err, store.ErrFull) {
		t.Fatalf("got %v, want ErrFull", err)
	}
	acknowledged := storetest.Acknowledged(&out)
	if head, err := s.Head(t.Context(), name("/crash/a")); err != nil || head.Offset != acknowledged {
		t.Errorf("the log ends at %d, %v, and %d was acknowledged", head.Offset, err, acknowledged)
	}
	if _, err := Backup(t.Context(), filepath.Join(disk, "data"), filepath.Join(disk, "backup.db"), CopyOptions{}); !errors.Is(err, store.ErrFull) {
		t.Errorf("backup: %v, want ErrFull", err)
	}
	if left, _ := filepath.Glob(filepath.Join(disk, ".millpond-*")); len(left) > 0 {
		t.Errorf("a backup has left %v", left)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := storetest.Verify(s, acknowledged, acknowledged); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// What is on a disk that nobody can write to is checked and copied, when nobody was cut off in the middle of writing.
func TestReadOnlyDisk(t *testing.T) {
	disk := smallDisk(t, 8<<20)
	s, err := Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	report, err := Check(t.Context(), DatabasePath(disk), CheckOptions{})
	if err != nil || report.Events != 8 || report.Broken() {
		t.Errorf("%+v %v", report, err)
	}
	if report, err := Backup(t.Context(), disk, filepath.Join(t.TempDir(), "backup.db"), CopyOptions{}); err != nil || report.Events != 8 {
		t.Errorf("%+v %v", report, err)
	}
}

// With a write-ahead log that cannot be read, it is not taken for whole.
func TestReadOnlyDiskWithLog(t *testing.T) {
	disk := smallDisk(t, 8<<20)
	s, err := Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s)
	wal, err := os.ReadFile(DatabasePath(disk) + "-wal")
	if err != nil || len(wal) == 0 {
		t.Fatalf("%d bytes of log, %v", len(wal), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(DatabasePath(disk)+"-wal", wal, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(t.Context(), DatabasePath(disk), CheckOptions{}); err == nil {
		t.Error("checked, without the log")
	}
}
