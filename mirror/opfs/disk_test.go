package opfs

import (
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

// errQuota is what a browser says when the origin's quota is used up.
var errQuota = &Error{Op: "write", Name: "QuotaExceededError", Message: "no space is left"}

// openDisk opens the files on a disk as a new worker would.
func openDisk(d *faultfiles.Disk) (*Pool, error) {
	var handles []sqlite.File
	for _, name := range fileNames {
		h, err := d.Open(name, sqlite.DatabaseFile)
		if err != nil {
			return nil, err
		}
		handles = append(handles, h)
	}
	return newPool("test", handles)
}

func openPool(t testing.TB, d *faultfiles.Disk) *Pool {
	t.Helper()
	pool, err := openDisk(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

func openConn(t testing.TB, pool *Pool) sqlite.Conn {
	t.Helper()
	conn, err := sqlite.Open(Database, sqlite.Options{Files: pool})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func mustExec(t testing.TB, conn sqlite.Conn, sql string) {
	t.Helper()
	if err := conn.Exec(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// query is the first value of a query.
func query(conn sqlite.Conn, sql string) (string, error) {
	stmt, _, err := conn.Prepare(sql)
	if err != nil {
		return "", err
	}
	defer stmt.Close()
	if !stmt.Step() {
		return "", stmt.Err()
	}
	return stmt.ColumnText(0), nil
}

// newTestFile is a file "f" on a disk of its own.
func newTestFile(t testing.TB) (*file, *faultfiles.Disk) {
	t.Helper()
	d := faultfiles.New()
	return openTestFile(t, d, "f", new(writeBuffer)), d
}

func openTestFile(t testing.TB, d *faultfiles.Disk, name string, buffer *writeBuffer) *file {
	t.Helper()
	h, err := d.Open(name, sqlite.DatabaseFile)
	if err != nil {
		t.Fatal(err)
	}
	f, err := newFile(h, buffer)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustWrite(t testing.TB, f sqlite.File, p []byte, at int64) {
	t.Helper()
	if n, err := f.WriteAt(p, at); n != len(p) || err != nil {
		t.Fatalf("write: %d, %v", n, err)
	}
}

func writesFail(err error) faultfiles.Fault {
	return faultfiles.Of(faultfiles.Write, faultfiles.Always(err))
}
