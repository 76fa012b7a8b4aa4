package sqlite_test

import (
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

// engines are what the conformance tests run on: a new engine is one more line.
var engines = map[string]func(testing.TB) sqlite.Conn{
	"memory": openMemory,
	"file":   sqlitetest.Open, // OPFS in a browser, memory in Node
}

var conformance = map[string]func(*testing.T, func(testing.TB) sqlite.Conn){
	"values":       testValues,
	"null binds":   testNullBinds,
	"parameters":   testParameters,
	"columns":      testColumns,
	"JSON":         testJSON,
	"prepare":      testPrepare,
	"no growth":    testNoGrowth,
	"read-only":    testReadOnly,
	"rebinding":    testRebinding,
	"errors":       testErrors,
	"after errors": testAfterErrors,
	"no memory":    testNoMemory,
	"close":        testClose,
	"schema":       testSchemaChanges,
	"pending":      testPendingStatements,
	"nested":       testNestedQueries,
	"changes":      testChanges,
	"transactions": testTransactions,
	"savepoints":   testSavepoints,
	"stop a write": testStopWrite,
	"updates":      testUpdates,
	"authorizer":   testAuthorizer,
	"deny":         testDeny,
	"interrupt":    testInterrupt,
	"after close":  testAfterClose,
	"bind between": testBindBetweenSteps,
	"re-entrance":  testReentrance,
	"panics":       testPanics,
	"backup":       testBackup,
	"backup fails": testBackupFails,
}

func TestConformance(t *testing.T) {
	for engine, open := range engines {
		for name, test := range conformance {
			t.Run(engine+"/"+name, func(t *testing.T) { test(t, open) })
		}
	}
}

func openMemory(t testing.TB) sqlite.Conn {
	t.Helper()
	conn, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// exec runs statements that have to work.
func exec(t testing.TB, conn sqlite.Conn, sql string) {
	t.Helper()
	if err := conn.Exec(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// prepare prepares a statement that has to work. The test closes it, if it has not.
func prepare(t testing.TB, conn sqlite.Conn, sql string) sqlite.Stmt {
	t.Helper()
	stmt, tail, err := conn.Prepare(sql)
	if err != nil || stmt == nil || tail != "" {
		t.Fatalf("prepare %s: %v, %v, tail %q", sql, stmt, err, tail)
	}
	t.Cleanup(func() { stmt.Close() })
	return stmt
}

// value is the only value of the only row of a query.
func value(t testing.TB, conn sqlite.Conn, sql string) any {
	t.Helper()
	stmt := prepareOnly(t, conn, sql)
	defer stmt.Close()
	if !stmt.Step() {
		t.Fatalf("%s: no row, %v", sql, stmt.Err())
	}
	v := column(stmt, 0)
	if stmt.Step() || stmt.Err() != nil {
		t.Fatalf("%s: more than a row, or %v", sql, stmt.Err())
	}
	if err := stmt.Close(); err != nil {
		t.Fatal(err)
	}
	return v
}

func column(stmt sqlite.Stmt, col int) any {
	switch stmt.ColumnType(col) {
	case sqlite.Integer:
		return stmt.ColumnInt64(col)
	case sqlite.Float:
		return stmt.ColumnFloat(col)
	case sqlite.Text:
		return stmt.ColumnText(col)
	case sqlite.Blob:
		return stmt.ColumnBlob(col)
	}
	return nil
}
