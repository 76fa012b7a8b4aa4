package replica_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

// faults decides which calls of a connection and its statements fail.
type faults struct {
	calls int
	fail  func(call int, sql string) bool // nil: none
	hit   int                             // how many have failed
}

var errInjected = errors.New("injected fault")

func (f *faults) next(sql string) error {
	f.calls++
	if f.fail != nil && f.fail(f.calls, sql) {
		f.hit++
		return fmt.Errorf("%w at call %d: %s", errInjected, f.calls, sql)
	}
	return nil
}

// reset has the calls that come counted from 1, and those fail that say so.
func (f *faults) reset(fail func(call int, sql string) bool) { *f = faults{fail: fail} }

// runs counts only the calls that run SQL, which are those that can change what a failure leaves behind.
func runs(fail func(run int, sql string) bool) func(int, string) bool {
	run := 0
	return func(_ int, sql string) bool {
		if strings.HasPrefix(sql, "bind ") || strings.HasPrefix(sql, "reset ") {
			return false
		}
		run++
		return fail(run, sql)
	}
}

// faultyConn fails when it is told to, instead of what it was called for.
type faultyConn struct {
	sqlite.Conn
	*faults
}

func (c faultyConn) Prepare(sql string) (sqlite.Stmt, string, error) {
	if err := c.next(sql); err != nil {
		return nil, "", err
	}
	stmt, tail, err := c.Conn.Prepare(sql)
	if stmt == nil || err != nil {
		return nil, tail, err
	}
	return &faultyStmt{Stmt: stmt, faults: c.faults, sql: sql}, tail, nil
}

func (c faultyConn) Exec(sql string) error {
	if err := c.next(sql); err != nil {
		return err
	}
	return c.Conn.Exec(sql)
}

type faultyStmt struct {
	sqlite.Stmt
	*faults
	sql string
	err error // of the last Step
}

func (s *faultyStmt) Step() bool {
	if s.err = s.next(s.sql); s.err != nil {
		return false
	}
	return s.Stmt.Step()
}

func (s *faultyStmt) Err() error {
	if s.err != nil {
		return s.err
	}
	return s.Stmt.Err()
}

func (s *faultyStmt) Exec() error {
	if err := s.next(s.sql); err != nil {
		return err
	}
	return s.Stmt.Exec()
}

// Reset and Close do what they are for, and fail all the same: as SQLite's do.
func (s *faultyStmt) Reset() error {
	s.err = nil
	return errors.Join(s.Stmt.Reset(), s.next("reset "+s.sql))
}

func (s *faultyStmt) Close() error { return errors.Join(s.Stmt.Close(), s.next("close "+s.sql)) }

func (s *faultyStmt) bind(param int, do func() error) error {
	if err := s.next(fmt.Sprintf("bind %d of %s", param, s.sql)); err != nil {
		return err
	}
	return do()
}

func (s *faultyStmt) ClearBindings() error { return s.bind(0, s.Stmt.ClearBindings) }
func (s *faultyStmt) BindNull(p int) error {
	return s.bind(p, func() error { return s.Stmt.BindNull(p) })
}
func (s *faultyStmt) BindInt64(p int, v int64) error {
	return s.bind(p, func() error { return s.Stmt.BindInt64(p, v) })
}
func (s *faultyStmt) BindText(p int, v string) error {
	return s.bind(p, func() error { return s.Stmt.BindText(p, v) })
}
func (s *faultyStmt) BindRawText(p int, v []byte) error {
	return s.bind(p, func() error { return s.Stmt.BindRawText(p, v) })
}

// faultCases are the calls that write, on a copy of the first six events of the log in which it stands.
var faultCases = []faultCase{
	{"apply", nil, func(r *replica.Replica, l *serverLog) error {
		_, err := r.Apply(chat, l.incarnation, l.batch(7, 19)) // more than one statement inserts, and a rest
		return err
	}},
	{"apply with an overlap", nil, func(r *replica.Replica, l *serverLog) error {
		_, err := r.Apply(chat, l.incarnation, l.batch(5, 10))
		return err
	}},
	{"apply the first batch of a stream", nil, func(r *replica.Replica, l *serverLog) error {
		_, err := r.Apply(other, l.incarnation, l.batch(1, 4))
		return err
	}},
	{"rebuild at once", nil, func(r *replica.Replica, l *serverLog) error {
		fresh := newLog(9, 11)
		_, err := r.Rebuild(chat, fresh.incarnation, fresh.batch(1, 11))
		return err
	}},
	{"head", nil, func(r *replica.Replica, l *serverLog) error { return r.Head(chat, 99) }},
	{"begin to rebuild", nil, func(r *replica.Replica, l *serverLog) error { return rebuild(r, newLog(9, 21), 8) }},
	{"go on with a rebuild", beginRebuild, func(r *replica.Replica, l *serverLog) error { return goOn(r, newLog(9, 21), 9, 20) }},
	{"end a rebuild", beginRebuild, func(r *replica.Replica, l *serverLog) error { return goOn(r, newLog(9, 21), 9, 21) }},
	{"begin another rebuild", beginRebuild, func(r *replica.Replica, l *serverLog) error { return rebuild(r, newLog(10, 21), 5) }},
	{"show a copy that is not complete", beginRebuild, func(r *replica.Replica, l *serverLog) error { return r.Promote(chat) }},
	{"delete old rows", endRebuild, func(r *replica.Replica, l *serverLog) error { return r.Collect() }},
}

type faultCase struct {
	name  string
	given func(r *replica.Replica) error
	run   func(r *replica.Replica, l *serverLog) error
}

// prepare makes the replica that the case is run on.
func (c faultCase) prepare(t *testing.T, r *replica.Replica, l *serverLog) {
	t.Helper()
	mustApply(t, r, chat, l, 1, 6)
	if c.given != nil {
		if err := c.given(r); err != nil {
			t.Fatal(err)
		}
	}
}

func rebuild(r *replica.Replica, l *serverLog, to int) error {
	_, err := r.Rebuild(chat, l.incarnation, l.batch(1, to))
	return err
}

func goOn(r *replica.Replica, l *serverLog, from, to int) error {
	_, err := r.Apply(chat, l.incarnation, l.batch(from, to))
	return err
}

func beginRebuild(r *replica.Replica) error { return rebuild(r, newLog(9, 21), 8) }
func endRebuild(r *replica.Replica) error   { return rebuild(r, newLog(9, 21), 21) }

// dumpAll is what a replica holds, seen or not.
func dumpAll(t testing.TB, conn sqlite.Conn) string {
	return dump(t, conn) + rows(t, conn, "SELECT stream_id, incarnation, offset, hash, target FROM copies ORDER BY stream_id, id") +
		rows(t, conn, "SELECT copy_id, offset, hash FROM event_rows ORDER BY copy_id, offset")
}

// positions are how far the copies of chat have got.
func positions(t *testing.T, r *replica.Replica) string {
	t.Helper()
	at, err := r.Position(chat)
	if err != nil {
		t.Fatal(err)
	}
	next, target, ok, err := r.Next(chat)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(at, next, target, ok)
}

// B9: whichever call fails, nothing has happened and no transaction is open; the same again succeeds, with the same end.
func TestEveryFault(t *testing.T) {
	for _, c := range faultCases {
		t.Run(c.name, func(t *testing.T) {
			l := newLog(1, 19)
			conn := faultyConn{sqlitetest.Open(t), &faults{}}
			r := open(t, conn, replica.Options{})
			c.prepare(t, r, l)
			before, at0 := dumpAll(t, conn.Conn), positions(t, r)

			want := outcome(t, c)
			for at := 1; ; at++ {
				conn.reset(func(call int, _ string) bool { return call == at })
				err := c.run(r, l)
				missed := conn.hit == 0
				conn.reset(nil)
				if missed { // every call has had its turn
					if err != nil {
						t.Fatalf("without a fault: %v", err)
					}
					if got := dumpAll(t, conn.Conn); got != want {
						t.Fatalf("after %d faults:\n%swant:\n%s", at-1, got, want)
					}
					if at < 5 {
						t.Fatalf("only %d calls", at-1)
					}
					return
				}
				if !errors.Is(err, errInjected) {
					t.Fatalf("fault %d is told as %v", at, err)
				}
				if conn.InTransaction() {
					t.Fatalf("%v: left a transaction open", err)
				}
				if at := positions(t, r); at != at0 {
					t.Fatalf("the positions were %s and are %s", at0, at)
				}
				if got := dumpAll(t, conn.Conn); got != before {
					t.Fatalf("%v: has changed\n%sto\n%s", err, before, got)
				}
			}
		})
	}
}

// outcome is what the replica holds after a case without faults.
func outcome(t *testing.T, c faultCase) string {
	l, conn := newLog(1, 19), sqlitetest.Open(t)
	r := open(t, conn, replica.Options{})
	c.prepare(t, r, l)
	if err := c.run(r, l); err != nil {
		t.Fatal(err)
	}
	return dumpAll(t, conn)
}

// B3: a failing ROLLBACK never masks the error that caused it. What it leaves open is not seen and not committed.
func TestFailingRollback(t *testing.T) {
	for _, c := range faultCases {
		t.Run(c.name, func(t *testing.T) {
			want := outcome(t, c)
			l, conn := newLog(1, 19), faultyConn{sqlitetest.Open(t), &faults{}}
			r := open(t, conn, replica.Options{})
			for at, left := 1, 0; ; at++ {
				exec(t, conn.Conn, "DELETE FROM streams; DELETE FROM copies; DELETE FROM event_rows")
				r.Close()
				r = open(t, conn, replica.Options{})
				c.prepare(t, r, l)
				at0 := positions(t, r)
				conn.reset(runs(func(run int, sql string) bool { return run == at || sql == "ROLLBACK" }))
				err := c.run(r, l)
				if err == nil {
					if left == 0 {
						t.Fatal("no fault has left a transaction open")
					}
					return
				}
				cause, _, _ := strings.Cut(err.Error(), " (and ")
				if !errors.Is(err, errInjected) || strings.Contains(cause, "ROLLBACK") {
					t.Fatalf("the cause is masked: %v", err)
				}
				if conn.InTransaction() {
					left++
					if !strings.Contains(err.Error(), "the rollback failed") {
						t.Fatalf("the failed rollback is not told: %v", err)
					}
				}
				conn.reset(nil)
				if at := positions(t, r); at != at0 { // not that of the transaction that is still open
					t.Fatalf("the positions were %s and are %s", at0, at)
				}
				if err := c.run(r, l); err != nil {
					t.Fatalf("again, after %v: %v", cause, err)
				}
				if got := dumpAll(t, conn.Conn); got != want {
					t.Fatalf("after %v:\n%swant:\n%s", cause, got, want)
				}
			}
		})
	}
}

// B9: a process that dies before any run of SQL leaves a database that opens with the old position, and goes on from there.
func TestDeathAtEveryRun(t *testing.T) {
	for _, c := range faultCases {
		t.Run(c.name, func(t *testing.T) {
			want := outcome(t, c)
			for at := 1; ; at++ {
				storage := sqlitetest.New(t)
				if !storage.Durable() {
					t.Skip("databases are in memory here")
				}
				l := newLog(1, 19)
				conn := faultyConn{storage.Open(), &faults{}}
				r := open(t, conn, replica.Options{})
				c.prepare(t, r, l)
				id, before := r.ID(), dumpAll(t, conn.Conn)
				conn.reset(runs(func(run int, _ string) bool { return run >= at }))
				err := c.run(r, l)
				storage.Crash()

				again := storage.Open()
				r = open(t, again, replica.Options{})
				if r.ID() != id {
					t.Fatalf("the replica's id was %s and is %s", id, r.ID())
				}
				if err := r.CheckIntegrity(); err != nil {
					t.Fatal(err)
				}
				if err != nil {
					if got := dumpAll(t, again); got != before {
						t.Fatalf("died at run %d: was\n%sis\n%s", at, before, got)
					}
					if err := c.run(r, l); err != nil {
						t.Fatal(err)
					}
				}
				if got := dumpAll(t, again); got != want {
					t.Fatalf("died at run %d:\n%swant:\n%s", at, got, want)
				}
				if err == nil {
					return
				}
				r.Close()
				again.Close()
			}
		})
	}
}

// Open fails whole: whichever call fails, the next Open makes or reads the same replica.
func TestFaultsOfOpen(t *testing.T) {
	for _, exists := range []bool{false, true} {
		t.Run(fmt.Sprintf("exists=%v", exists), func(t *testing.T) {
			for at := 1; ; at++ {
				conn := faultyConn{sqlitetest.Open(t), &faults{}}
				id := ""
				if exists {
					r := open(t, conn, replica.Options{})
					id = r.ID()
					r.Close()
				}
				conn.reset(func(call int, _ string) bool { return call == at })
				r, err := replica.Open(conn, replica.Options{})
				if conn.hit == 0 {
					if err != nil || at < 20 {
						t.Errorf("after %d calls: %v", at-1, err)
					}
					r.Close()
					return
				}
				if !errors.Is(err, errInjected) || conn.InTransaction() {
					t.Fatalf("fault %d is told as %v; transaction open: %v", at, err, conn.InTransaction())
				}
				conn.reset(nil)
				r = open(t, conn, replica.Options{})
				if exists && r.ID() != id {
					t.Fatalf("fault %d: the replica's id was %s and is %s", at, id, r.ID())
				}
				mustApply(t, r, chat, newLog(1, 3), 1, 3)
				if r.Close() != nil || conn.Close() != nil {
					t.Fatalf("fault %d: a statement was left open", at)
				}
			}
		})
	}
}
