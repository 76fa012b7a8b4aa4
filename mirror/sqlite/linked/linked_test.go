//go:build js

package linked

import "testing"

// The least that has to work: the rest is package sqlite's conformance tests.
func TestLinked(t *testing.T) {
	if v := CString(Version()); v != "3.54.1" {
		t.Errorf("SQLite %s", v)
	}
	name := NewCString(":memory:")
	conn := Open(name, 0)
	Free(name)
	if code := ExtendedErrCode(conn); code != 0 {
		t.Fatalf("open: %d, %s", code, CString(ErrMsg(conn)))
	}
	sql := NewCString("CREATE TABLE t(x); INSERT INTO t VALUES ('a'), ('bc')")
	if code := Exec(conn, sql); code != 0 {
		t.Fatalf("exec: %d, %s", code, CString(ErrMsg(conn)))
	}
	Free(sql)
	const query = "SELECT group_concat(x) FROM t; -- more"
	sql = NewCString(query)
	r := Prepare(conn, sql, int32(len(query)))
	Free(sql)
	if r < 0 || r>>32 != 30 {
		t.Fatalf("prepare: %d, %s", r, CString(ErrMsg(conn)))
	}
	stmt := Stmt(r)
	if code := Step(stmt); code != 100 {
		t.Fatalf("step: %d, %s", code, CString(ErrMsg(conn)))
	}
	if got := ColumnText(stmt, 0); Text(got.Pointer(), got.Len()) != "a,bc" {
		t.Errorf("column: %d bytes", got.Len())
	}
	if code := Close(conn); code != 5 {
		t.Errorf("close with an open statement: %d", code)
	}
	if code := Finalize(stmt); code != 0 {
		t.Errorf("finalize: %d", code)
	}
	if code := Close(conn); code != 0 {
		t.Errorf("close: %d", code)
	}
}
