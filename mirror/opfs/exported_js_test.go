package opfs

import (
	"bytes"
	"flag"
	"syscall/js"
	"testing"
)

var exported = flag.String("exported", "", "the URL to send a database to")

// exportedDump is a query whose one text has all rows of TestExported.
const exportedDump = `SELECT group_concat(line, char(10)) FROM (
	SELECT id || ' ' || quote(i) || quote(r) || quote(x) || quote(b) || quote(j) AS line FROM t
	UNION ALL SELECT k || ' ' || v FROM w ORDER BY 1)`

// TestExported is the half of e2e's TestExportedDatabase in the browser: it sends a database as its backup, then as the file
// itself once it is closed, each with what it holds.
func TestExported(t *testing.T) {
	if *exported == "" {
		t.Skip("needs -exported, and somebody to look")
	}
	pool, _ := openReal(t)
	conn := openConn(t, pool)
	mustExec(t, conn, `
		CREATE TABLE t(id INTEGER PRIMARY KEY, i, r, x TEXT, b BLOB, j); CREATE INDEX t_x ON t(x COLLATE NOCASE);
		CREATE TABLE w(k TEXT PRIMARY KEY, v INT) WITHOUT ROWID, STRICT; CREATE VIEW v AS SELECT count(*) AS n FROM t;
		WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 2000)
		INSERT INTO t SELECT n, -9223372036854775808 + n, n / 7.0, 'grüße 🌍 ' || n, randomblob(n), jsonb_array(n, 'x') FROM r;
		INSERT INTO w SELECT x, id FROM t; DELETE FROM t WHERE id % 3 = 0; UPDATE t SET x = NULL WHERE id % 5 = 0`)
	dump, err := query(conn, exportedDump)
	if err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if err := conn.Backup(&backup); err != nil {
		t.Fatal(err)
	}
	post("query", []byte(exportedDump))
	post("rows", []byte(dump))
	post("backup", backup.Bytes())
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	file := make([]byte, pool.all[0].size())
	if _, err := pool.all[0].handle.ReadAt(file, 0); err != nil {
		t.Fatal(err)
	}
	post("file", file)
}

// post returns when it was taken.
func post(what string, data []byte) {
	body := js.Global().Get("Uint8Array").New(len(data))
	js.CopyBytesToJS(body, data)
	request := js.Global().Get("XMLHttpRequest").New()
	request.Call("open", "POST", *exported+what, false)
	request.Call("send", body)
}
