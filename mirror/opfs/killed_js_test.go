package opfs

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"syscall/js"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

var (
	written     = flag.String("written", "", "FULL or NORMAL: write with this synchronous until the browser is killed")
	writtenTell = flag.String("written.tell", "", "the URL to tell it")
)

// What TestWritten writes: transactions of up to so many rows, of up to so many bytes each. Checkpoints are often, and the
// cache is small, so that a kill meets all that SQLite does.
const (
	maxWrittenRows  = 12
	maxWrittenBytes = 3000
	writtenSettings = "PRAGMA cache_size=8; PRAGMA wal_autocheckpoint=40; PRAGMA synchronous="
)

// TestWritten is the half of e2e's TestKilledBrowser in the browser. It checks what the one before it has left, tells how
// many transactions that is, and goes on with the next one; each is told, and heard, before it begins another.
func TestWritten(t *testing.T) {
	if *written == "" {
		t.Skip("needs -written, and somebody to listen and kill")
	}
	pool, err := Open(t.Context(), "written-"+*written)
	if err != nil {
		t.Fatal(err)
	}
	conn := openConn(t, pool)
	mustExec(t, conn, writtenSettings+*written+`; CREATE TABLE IF NOT EXISTS t(tx, i, stamp, data);
		CREATE INDEX IF NOT EXISTS t_tx ON t(tx, stamp); CREATE TABLE IF NOT EXISTS head(id INTEGER PRIMARY KEY, next)`)
	found, err := checkWritten(conn)
	if err != nil {
		t.Fatal(err)
	}
	insert, _, err := conn.Prepare("INSERT INTO t VALUES (?, ?, ?1, ?)")
	if err != nil {
		t.Fatal(err)
	}
	tell("found", found)
	for tx := found; ; tx++ {
		if err := writeOne(conn, insert, tx); err != nil {
			t.Fatal(err)
		}
		tell("committed", tx)
	}
}

// tell returns when it was heard. The message has left the browser by then.
func tell(what string, tx int) {
	request := js.Global().Get("XMLHttpRequest").New()
	request.Call("open", "POST", *writtenTell, false)
	request.Call("send", fmt.Sprintf("%s %d", what, tx))
}

// writeOne adds the rows of a transaction, changes an old one, and counts.
func writeOne(conn sqlite.Conn, insert sqlite.Stmt, tx int) error {
	if err := conn.Exec("BEGIN"); err != nil {
		return err
	}
	for i, data := range writtenRows(tx) {
		for param, value := range []int{tx, i} {
			if err := insert.BindInt64(param+1, int64(value)); err != nil {
				return err
			}
		}
		if err := insert.BindBlob(3, data); err != nil {
			return err
		}
		if err := insert.Exec(); err != nil {
			return err
		}
	}
	return conn.Exec(fmt.Sprintf(`UPDATE t SET stamp = %d WHERE tx = %d AND i = 0;
		INSERT OR REPLACE INTO head VALUES (1, %d); COMMIT`, tx, tx/2, tx+1))
}

// writtenStamp is what the first row of a transaction has as its stamp after so many: that of the last one that changed it.
func writtenStamp(tx, transactions int) int {
	for _, by := range []int{2*tx + 1, 2 * tx} {
		if by < transactions {
			return by
		}
	}
	return tx
}

// writtenRows are the data of a transaction: always the same.
func writtenRows(tx int) [][]byte {
	r := rand.New(rand.NewPCG(uint64(tx), 0))
	rows := make([][]byte, 1+r.IntN(maxWrittenRows))
	for i := range rows {
		rows[i] = make([]byte, 1+r.IntN(maxWrittenBytes))
		for at := range rows[i] {
			rows[i][at] = byte(r.Uint32())
		}
	}
	return rows
}

// checkWritten checks that the database is sound and is what some number of transactions, from the first, have made of it:
// all of each, and nothing else. It returns the number.
func checkWritten(conn sqlite.Conn) (transactions int, err error) {
	if ok, err := query(conn, "PRAGMA integrity_check"); err != nil || ok != "ok" {
		return 0, fmt.Errorf("integrity_check: %s, %v", ok, err)
	}
	next, err := query(conn, "SELECT coalesce(max(next), 0) FROM head")
	if err != nil {
		return 0, err
	}
	fmt.Sscan(next, &transactions)
	stmt, _, err := conn.Prepare("SELECT tx, i, stamp, data FROM t ORDER BY rowid")
	if err != nil {
		return 0, err
	}
	defer stmt.Close()
	for tx := range transactions {
		for i, data := range writtenRows(tx) {
			stamp := tx
			if i == 0 {
				stamp = writtenStamp(tx, transactions)
			}
			if !stmt.Step() {
				return 0, fmt.Errorf("transaction %d of %d ends before row %d: %v", tx, transactions, i, stmt.Err())
			}
			got := [3]int{int(stmt.ColumnInt64(0)), int(stmt.ColumnInt64(1)), int(stmt.ColumnInt64(2))}
			if got != [3]int{tx, i, stamp} || !bytes.Equal(stmt.ColumnBlob(3), data) {
				return 0, fmt.Errorf("row %d of transaction %d of %d is %v, with %d bytes of data", i, tx, transactions, got, len(stmt.ColumnBlob(3)))
			}
		}
	}
	if stmt.Step() {
		return 0, fmt.Errorf("after %d transactions there are rows of transaction %d", transactions, stmt.ColumnInt64(0))
	}
	return transactions, stmt.Err()
}
