package faultfiles

import (
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Path is the database that Work works on.
const Path = "db"

// The workload of Work: transactions of rows, some of which write over what they have already spilled into the log, with
// checkpoints between them.
const (
	Transactions       = 12
	rowsPerTransaction = 20
	rowBytes           = 1500

	workSettings = "PRAGMA cache_size=4; PRAGMA wal_autocheckpoint=60; "
	createTable  = "CREATE TABLE IF NOT EXISTS t(tx, i, data)"
)

// Told is what Work was told.
type Told struct {
	Acknowledged []int // the transactions whose COMMIT has worked, of those from 0 to Transactions-1
	Failures     []error
}

// Work runs transactions on the database at Path, each once. settings are SQL that is run first, such as PRAGMA
// synchronous=FULL.
func Work(files sqlite.Files, settings string) (told Told) {
	conn, err := sqlite.Open(Path, sqlite.Options{Files: files})
	if err != nil {
		told.Failures = append(told.Failures, err)
		return told
	}
	defer conn.Close() // it can fail, as all else
	if err := conn.Exec(workSettings + settings + "; " + createTable); err != nil {
		told.Failures = append(told.Failures, err)
	}
	for tx := range Transactions {
		if err := transact(conn, tx); err != nil {
			told.Failures = append(told.Failures, err)
		} else {
			told.Acknowledged = append(told.Acknowledged, tx)
		}
	}
	return told
}

func transact(conn sqlite.Conn, tx int) error {
	err := conn.Exec(fmt.Sprintf(`BEGIN;
		WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < %d)
		INSERT INTO t SELECT %d, i, zeroblob(%d) FROM r;
		UPDATE t SET data = randomblob(%[3]d) WHERE tx = %[2]d AND i %% 5 = 0;
		COMMIT`, rowsPerTransaction, tx, rowBytes))
	if err != nil && conn.InTransaction() {
		err = errors.Join(err, conn.Exec("ROLLBACK"))
	}
	return err
}

// Verify opens what is left, which must be a sound database, and compares it: every transaction that was acknowledged must
// be there, any other as a whole or not at all.
func (told Told) Verify(files sqlite.Files) error { return told.compare(files, 0) }

// VerifyPrefix is Verify for settings that may lose the end, such as synchronous=NORMAL in a power cut: a transaction that
// was acknowledged may be missing if all after it are missing, too.
func (told Told) VerifyPrefix(files sqlite.Files) error {
	return told.compare(files, len(told.Acknowledged))
}

// compare accepts that the last ones are lost, as many as mayLose.
func (told Told) compare(files sqlite.Files, mayLose int) error {
	conn, err := sqlite.Open(Path, sqlite.Options{Files: files})
	if err != nil {
		return err
	}
	found, err := read(conn)
	if closing := conn.Close(); err == nil && closing != nil {
		err = fmt.Errorf("close: %w", closing)
	}
	kept := told.Acknowledged
	for err == nil && len(kept) > 0 && !found[kept[len(kept)-1]] && mayLose > 0 {
		kept, mayLose = kept[:len(kept)-1], mayLose-1
	}
	for _, tx := range kept {
		if err == nil && !found[tx] {
			err = fmt.Errorf("transaction %d was acknowledged and is lost", tx)
		}
	}
	if err != nil {
		return fmt.Errorf("%w; found %v after %+v", err, found, told)
	}
	return nil
}

// read checks the database and tells which transactions it has.
func read(conn sqlite.Conn) (found map[int]bool, err error) {
	if ok, err := first(conn, "PRAGMA integrity_check"); err != nil || ok != "ok" {
		return nil, fmt.Errorf("integrity_check: %s, %v", ok, err)
	}
	if err := conn.Exec(createTable); err != nil {
		return nil, err
	}
	stmt, _, err := conn.Prepare("SELECT tx, count(*), sum(length(data)) FROM t GROUP BY tx")
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	found = make(map[int]bool)
	for stmt.Step() {
		tx, rows, bytes := stmt.ColumnInt64(0), stmt.ColumnInt64(1), stmt.ColumnInt64(2)
		if rows != rowsPerTransaction || bytes != rowsPerTransaction*rowBytes {
			return nil, fmt.Errorf("transaction %d is torn: it has %d rows of %d bytes", tx, rows, bytes)
		}
		found[int(tx)] = true
	}
	return found, stmt.Err()
}

// first is the first value of a query.
func first(conn sqlite.Conn, sql string) (string, error) {
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
