package opfs

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"syscall/js"
	"testing"
	"time"
)

// openReal opens a fresh pool in OPFS, which goes with the test.
func openReal(t *testing.T) (pool *Pool, name string) {
	t.Helper()
	name = "test-" + rand.Text()
	pool, err := Open(t.Context(), name)
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err) // Node
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(pool.Close(), Delete(context.Background(), name)); err != nil {
			t.Error(err)
		}
	})
	return pool, name
}

// The file layer behaves on real handles as it does on those of the tests, also when Go's memory has grown meanwhile.
func TestRealFiles(t *testing.T) {
	pool, name := openReal(t)
	conn := openConn(t, pool)
	mustExec(t, conn, "CREATE TABLE t(x); BEGIN")
	for range 30 {
		mustExec(t, conn, "INSERT INTO t VALUES (randomblob(100000))")
	}
	mustExec(t, conn, "COMMIT; DELETE FROM t WHERE rowid % 2; VACUUM")
	sum, err := query(conn, "SELECT count(*) || hex(max(x)) FROM t")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(conn.Close(), pool.Close()); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for i, f := range again.all {
		if isDatabase := i == 0; isDatabase != (f.size() > 1_000_000) || !isDatabase && f.size() != 0 {
			t.Errorf("after a clean end, %s has %d bytes", fileNames[i], f.size())
		}
	}
	conn = openConn(t, again)
	if got, err := query(conn, "SELECT count(*) || hex(max(x)) FROM t"); err != nil || got != sum {
		t.Errorf("other rows, or %v", err)
	}
	if ok, err := query(conn, "PRAGMA integrity_check"); err != nil || ok != "ok" {
		t.Errorf("integrity_check: %s, %v", ok, err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// A sort that does not fit into memory goes through the spare files, and leaves nothing in them.
func TestRealTemp(t *testing.T) {
	pool, _ := openReal(t)
	conn := openConn(t, pool)
	mustExec(t, conn, `PRAGMA temp_store=FILE; PRAGMA cache_size=-500; CREATE TABLE t(x);
		WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 1200) INSERT INTO t SELECT randomblob(10000) FROM r`)
	stmt, _, err := conn.Prepare("SELECT x FROM t ORDER BY x")
	if err != nil {
		t.Fatal(err)
	}
	spilled, last := false, []byte(nil)
	for stmt.Step() {
		spilled = spilled || len(pool.temps.spares) < spareFiles
		next := bytes.Clone(stmt.ColumnBlob(0))
		if bytes.Compare(last, next) > 0 {
			t.Fatal("out of order")
		}
		last = next
	}
	if err := errors.Join(stmt.Err(), stmt.Close(), conn.Close()); err != nil {
		t.Fatal(err)
	}
	if !spilled || len(pool.temps.spares) != spareFiles {
		t.Errorf("spilled: %t, %d spare files are free at the end", spilled, len(pool.temps.spares))
	}
	for _, f := range pool.temps.spares {
		if size, err := f.handle.Size(); size != 0 || err != nil {
			t.Errorf("a spare file keeps %d bytes, %v", size, err)
		}
	}
}

// A commit survives a worker that closes nothing, though nothing was flushed.
func TestRealCrash(t *testing.T) {
	pool, name := openReal(t)
	conn := openConn(t, pool)
	mustExec(t, conn, "CREATE TABLE t(x); INSERT INTO t VALUES ('committed'); BEGIN; INSERT INTO t VALUES (zeroblob(1000000))")
	if err := pool.Abandon(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	next := openConn(t, again)
	defer next.Close()
	if got, err := query(next, "SELECT group_concat(x) FROM t"); err != nil || got != "committed" {
		t.Errorf("%q, %v", got, err)
	}
}

// Files that are open are busy, until they are closed: for Open, which waits, and for Delete.
func TestRealBusy(t *testing.T) {
	pool, name := openReal(t)
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Open(soon, name); !errors.Is(err, ErrBusy) {
		t.Errorf("open twice: %v", err)
	}
	if err := Delete(soon, name); !errors.Is(err, ErrBusy) {
		t.Errorf("delete what is open: %v", err)
	}
	opened := make(chan error)
	go func() {
		again, err := Open(t.Context(), name)
		if err == nil {
			err = again.Close()
		}
		opened <- err
	}()
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("open while the other closes: %v", err)
	}
}

func TestRealDelete(t *testing.T) {
	pool, name := openReal(t)
	mustExec(t, openConn(t, pool), "CREATE TABLE t(x)")
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // what is not there can be deleted
		if err := Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	again, err := Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if exists, err := again.Exists(Database); exists || err != nil {
		t.Errorf("the new pool has a database: %v", err)
	}
}

// An exception in an import function becomes an error with its name.
func TestRealException(t *testing.T) {
	pool, _ := openReal(t)
	h := pool.all[0].handle
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, err := h.WriteAt([]byte("x"), 0); !errors.As(err, &e) || e.Op != "write" || e.Name != "TypeError" {
		t.Errorf("write to a closed handle: %v", err)
	}
}

// Where there is no OPFS, that is what Open says. B16
func TestUnavailable(t *testing.T) {
	original := js.Global().Get("navigator")
	for name, navigator := range map[string]any{
		"no storage": map[string]any{},
		"refused": map[string]any{"storage": map[string]any{"getDirectory": js.Global().Get("Function").New(
			`return Promise.reject(new DOMException("private window", "SecurityError"))`)}},
		"no sync handles": map[string]any{"storage": map[string]any{"getDirectory": js.Global().Get("Function").New(
			`const folder = {getDirectoryHandle: async () => folder, getFileHandle: async () => ({})}; return Promise.resolve(folder)`)}},
	} {
		replaceNavigator(js.ValueOf(navigator))
		_, err := Open(t.Context(), "name")
		replaceNavigator(original)
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(t.Context(), "../name"); !errors.Is(err, ErrName) {
		t.Errorf("a bad name: %v", err)
	}
}

func replaceNavigator(v js.Value) {
	js.Global().Get("Object").Call("defineProperty", js.Global(), "navigator",
		map[string]any{"value": v, "configurable": true, "writable": true})
}
