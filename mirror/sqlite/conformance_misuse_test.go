package sqlite_test

import (
	"errors"
	"io"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// After Close, calls fail or answer nothing; they do not crash.
func testAfterClose(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	stmt := prepare(t, conn, "SELECT 'text', x'00', ?1")
	if !stmt.Step() || stmt.Close() != nil {
		t.Fatal(stmt.Err())
	}
	checkMisuse(t, stmtCalls(stmt))
	checkNothing(t, stmt)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	checkMisuse(t, stmtCalls(stmt))
	checkMisuse(t, connCalls(conn))
	checkNothing(t, stmt)
	check(t, "changes", conn.Changes(), int64(0))
	check(t, "rowid", conn.LastInsertRowID(), int64(0))
	check(t, "transaction", conn.InTransaction(), false)
	conn.OnUpdate(func(string, int64) {})
	conn.OnUpdate(nil)
	conn.OnProgress(func() bool { return false })
	conn.OnProgress(nil)
	if err := errors.Join(stmt.Close(), conn.Close()); err != nil {
		t.Error("closing again:", err)
	}
}

// checkNothing checks what a closed statement answers.
func checkNothing(t *testing.T, stmt sqlite.Stmt) {
	t.Helper()
	check(t, "parameters", stmt.BindCount(), 0)
	check(t, "parameter", stmt.BindName(1), "")
	check(t, "columns", stmt.ColumnCount(), 0)
	check(t, "column", stmt.ColumnName(0), "")
	check(t, "type", stmt.ColumnType(0), sqlite.Null)
	check(t, "integer", stmt.ColumnInt64(0), int64(0))
	check(t, "float", stmt.ColumnFloat(0), 0.0)
	check(t, "text", stmt.ColumnText(0), "")
	check(t, "blob", stmt.ColumnBlob(1), []byte(nil))
	check(t, "read-only", stmt.ReadOnly(), false)
}

// stmtCalls are all calls of a statement that can fail, but Close.
func stmtCalls(stmt sqlite.Stmt) map[string]func() error {
	return map[string]func() error{
		"BindNull":      func() error { return stmt.BindNull(1) },
		"BindInt64":     func() error { return stmt.BindInt64(1, 1) },
		"BindFloat":     func() error { return stmt.BindFloat(1, 1) },
		"BindText":      func() error { return stmt.BindText(1, "text") },
		"BindRawText":   func() error { return stmt.BindRawText(1, []byte("text")) },
		"BindBlob":      func() error { return stmt.BindBlob(1, []byte("blob")) },
		"ClearBindings": stmt.ClearBindings,
		"Reset":         stmt.Reset,
		"Exec":          stmt.Exec,
		"Step": func() error {
			if stmt.Step() {
				return errors.New("there is a row")
			}
			return stmt.Err()
		},
	}
}

// connCalls are all calls of a connection that can fail, but Close.
func connCalls(conn sqlite.Conn) map[string]func() error {
	return map[string]func() error{
		"Prepare": func() error {
			stmt, _, err := conn.Prepare("SELECT 1")
			if stmt != nil {
				stmt.Close()
			}
			return err
		},
		"Conn.Exec":   func() error { return conn.Exec("SELECT 1") },
		"OnAuthorize": func() error { return conn.OnAuthorize(nil) },
		"Backup":      func() error { return conn.Backup(io.Discard) },
	}
}

func checkMisuse(t *testing.T, calls map[string]func() error) {
	t.Helper()
	for name, call := range calls {
		if err := call(); !errors.Is(err, sqlite.Misuse) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A hook that uses its connection is refused, whichever it is, and nothing comes of it.
func testReentrance(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(x)")
	insert := prepare(t, conn, "INSERT INTO t VALUES (?)")
	other := prepare(t, conn, "SELECT ?")
	called := map[string]int{}
	misuse := func(hook string) {
		called[hook]++
		for _, calls := range []map[string]func() error{connCalls(conn), stmtCalls(insert), stmtCalls(other)} {
			checkMisuse(t, calls)
		}
		checkMisuse(t, map[string]func() error{"Close": conn.Close, "Stmt.Close": other.Close})
	}
	conn.OnUpdate(func(string, int64) { misuse("update") })
	conn.OnProgress(func() bool { misuse("progress"); return false })
	if err := conn.OnAuthorize(func(sqlite.Access) sqlite.Verdict { misuse("authorize"); return sqlite.Allow }); err != nil {
		t.Fatal(err)
	}
	bind(t, insert, 1, int64(1))
	if err := insert.Exec(); err != nil {
		t.Error(err)
	}
	exec(t, conn, "INSERT INTO t SELECT x + 1 FROM t")
	conn.OnUpdate(nil)
	conn.OnProgress(nil)
	if err := conn.OnAuthorize(nil); err != nil {
		t.Fatal(err)
	}
	if called["update"] != 2 || called["progress"] == 0 || called["authorize"] == 0 {
		t.Errorf("called: %v", called)
	}
	check(t, "rows", value(t, conn, "SELECT group_concat(x) FROM t"), "1,2")
	bind(t, other, 1, "used again")
	if !other.Step() || other.ColumnText(0) != "used again" {
		t.Error(other.Err())
	}
}

// A hook that panics fails the call in which it was called, and no other.
func testPanics(t *testing.T, open func(testing.TB) sqlite.Conn) {
	for hook, set := range map[string]func(sqlite.Conn) error{
		"update":   func(c sqlite.Conn) error { c.OnUpdate(func(string, int64) { panic("planted") }); return nil },
		"progress": func(c sqlite.Conn) error { c.OnProgress(func() bool { panic("planted") }); return nil },
		"authorize": func(c sqlite.Conn) error {
			return c.OnAuthorize(func(sqlite.Access) sqlite.Verdict { panic("planted") })
		},
	} {
		t.Run(hook, func(t *testing.T) {
			conn := open(t)
			exec(t, conn, "CREATE TABLE t(x); BEGIN; INSERT INTO t VALUES (1)")
			insert := prepare(t, conn, "INSERT INTO t VALUES (2)")
			if err := set(conn); err != nil {
				t.Fatal(err)
			}
			for name, call := range map[string]func() error{"Stmt.Exec": insert.Exec, "Step": func() error {
				insert.Step()
				return insert.Err()
			}, "Exec": func() error { return conn.Exec("INSERT INTO t VALUES (3)") }} {
				if err := call(); !errors.Is(err, sqlite.Abort) || err.Error() != "sqlite: a hook has panicked: planted" {
					t.Errorf("%s: %v", name, err)
				}
				insert.Reset()
			}
			conn.OnUpdate(nil)
			conn.OnProgress(nil)
			if err := conn.OnAuthorize(nil); err != nil {
				t.Fatal(err)
			}
			exec(t, conn, "ROLLBACK; INSERT INTO t VALUES (4)")
			check(t, "rows", value(t, conn, "SELECT group_concat(x) FROM t"), "4")
		})
	}
}

// A value that is bound while the statement is in the middle of its rows is refused, and the rows stay as they are.
func testBindBetweenSteps(t *testing.T, open func(testing.TB) sqlite.Conn) {
	stmt := prepare(t, open(t), "SELECT ?1 FROM (VALUES (1), (2))")
	const bound = "bound before the first step"
	if err := stmt.BindText(1, bound); err != nil {
		t.Fatal(err)
	}
	for row := range 2 {
		if !stmt.Step() {
			t.Fatal("no row", stmt.Err())
		}
		if err := stmt.BindText(1, "while the statement is busy"); !errors.Is(err, sqlite.Misuse) {
			t.Errorf("row %d: bound between two steps: %v, want Misuse", row, err)
		}
		if got := stmt.ColumnText(0); got != bound {
			t.Errorf("row %d: %q, want %q", row, got, bound)
		}
	}
}
