package replica_test

import (
	"fmt"
	"strings"
	"testing"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

// recorder is a fold that notes what it is told.
type recorder struct {
	list []string
	idle bool
}

func (f *recorder) Begin(name millpond.Name, incarnation millpond.Incarnation, replace bool) error {
	f.list = append(f.list, fmt.Sprintf("begin %s %.13s %v", name.Path, incarnation, replace))
	return nil
}

func (f *recorder) Event(e *millpond.Event) error {
	e.CreatedAt = e.CreatedAt.Truncate(1000)
	f.list = append(f.list, fmt.Sprintf("%d %s %s %s %v", e.Offset, e.Type, e.IdempotencyKey, e.CreatedAt, e.Source))
	return nil
}

func (f *recorder) End() error              { f.list = append(f.list, "end"); return nil }
func (f *recorder) Committed()              { f.list = append(f.list, "committed") }
func (f *recorder) RolledBack()             { f.list = append(f.list, "rolled back") }
func (f *recorder) Idle(millpond.Name) bool { return f.idle }

func (f *recorder) take() string {
	text := fmt.Sprint(f.list)
	f.list = nil
	return text
}

// B4: while a stream is built again every query sees the old copy, whole; then the new one, whole. A mirror that is opened again in
// the middle goes on in the middle.
func TestRebuildBeside(t *testing.T) {
	conn := sqlitetest.Open(t)
	r := open(t, conn, replica.Options{})
	before, after, bystander := newLog(1, 20), newLog(2, 40), newLog(3, 5)
	mustApply(t, r, chat, before, 1, 20)
	mustApply(t, r, other, bystander, 1, 5)
	old := dump(t, conn)
	fold := &recorder{}
	r.Fold(fold)
	check := func(at int) {
		t.Helper()
		if got := dump(t, conn); got != old {
			t.Fatalf("a query sees\n%s", got)
		}
		if n := rows(t, conn, "SELECT count(*) FROM events"); n != "25\n" {
			t.Fatalf("a query counts %s events", n)
		}
		wantPosition(t, r, chat, before.position(20))
		next, target, ok, err := r.Next(chat)
		if err != nil || !ok || next != after.position(at) || target != 40 {
			t.Fatalf("the next copy is at %v of %d, %v, %v", next, target, ok, err)
		}
		if err := r.CheckIntegrity(); err != nil {
			t.Fatal(err)
		}
	}
	if at, err := r.Rebuild(chat, after.incarnation, after.batch(1, 10)); err != nil || at != after.position(10) {
		t.Fatal(at, err)
	}
	check(10)
	mustApply(t, r, chat, after, 11, 25)
	check(25)
	r.Close()
	r = open(t, conn, replica.Options{})
	r.Fold(fold)
	check(25)
	mustApply(t, r, chat, after, 20, 39)
	check(39)
	if told := strings.ReplaceAll(fold.take(), "committed", ""); strings.Trim(told, "[ ]") != "" {
		t.Errorf("folds are told %s", told)
	}
	mustApply(t, r, chat, after, 40, 40)

	wantPosition(t, r, chat, after.position(40))
	if _, _, ok, err := r.Next(chat); ok || err != nil {
		t.Errorf("there is still another copy, %v", err)
	}
	told := fold.take()
	fresh := sqlitetest.Open(t)
	f := open(t, fresh, replica.Options{})
	mustApply(t, f, other, bystander, 1, 5)
	direct := &recorder{}
	f.Fold(direct)
	mustApply(t, f, chat, after, 1, 40)
	if want := direct.take(); told != replaceFirst(want) {
		t.Errorf("folds are told %s\nwant %s", told, want)
	}
	if got, want := dump(t, conn), dump(t, fresh); got != want {
		t.Errorf("rebuilt:\n%sfresh:\n%s", got, want)
	}
	for r.Garbage() {
		if err := r.Collect(); err != nil {
			t.Fatal(err)
		}
	}
	if n := rows(t, conn, "SELECT count(*), (SELECT count(*) FROM copies) FROM event_rows"); n != "45|0\n" {
		t.Errorf("rows and copies left: %s", n)
	}
	if err := r.CheckIntegrity(); err != nil {
		t.Error(err)
	}
}

// replaceFirst makes of what folds are told of a first batch what they are told of one that replaces.
func replaceFirst(told string) string {
	return fmt.Sprintf("%s%s", told[:len("[begin /chat 2026-03-01T14 ")], "true"+told[len("[begin /chat 2026-03-01T14 false"):])
}

// B4: the stream becomes another one again while it is built again: what was built so far goes, and what is seen stays.
func TestRebuildWithinARebuild(t *testing.T) {
	conn := sqlitetest.Open(t)
	r := open(t, conn, replica.Options{})
	first, second, third := newLog(1, 20), newLog(2, 40), newLog(3, 30)
	mustApply(t, r, chat, first, 1, 20)
	old := dump(t, conn)
	for _, l := range []*serverLog{second, third, second, third} {
		if err := rebuild(r, l, 10); err != nil {
			t.Fatal(err)
		}
		if got := dump(t, conn); got != old {
			t.Fatalf("a query sees\n%s", got)
		}
	}
	if err := goOn(r, second, 11, 12); err == nil {
		t.Error("events of the second are added to the third")
	}
	mustApply(t, r, chat, third, 11, 30)
	wantPosition(t, r, chat, third.position(30))
	for r.Garbage() {
		if err := r.Collect(); err != nil {
			t.Fatal(err)
		}
	}
	if n := rows(t, conn, "SELECT count(*), (SELECT count(*) FROM copies) FROM event_rows"); n != "30|0\n" {
		t.Errorf("rows and copies left: %s", n)
	}
}

// Garbage that a crash has left is found again.
func TestGarbageIsFoundAgain(t *testing.T) {
	conn := sqlitetest.Open(t)
	r := open(t, conn, replica.Options{})
	mustApply(t, r, chat, newLog(1, 20), 1, 20)
	if err := endRebuild(r); err != nil {
		t.Fatal(err)
	}
	r.Close()
	r = open(t, conn, replica.Options{})
	if !r.Garbage() {
		t.Fatal("there is none")
	}
	if err := r.Collect(); err != nil || r.Garbage() {
		t.Error(err)
	}
	if n := rows(t, conn, "SELECT count(*), (SELECT count(*) FROM copies) FROM event_rows"); n != "21|0\n" {
		t.Errorf("rows and copies left: %s", n)
	}
}

// Who asks for it sees the new copy from its first batch on, and never a row of both.
func TestRebuildAtOnce(t *testing.T) {
	conn := sqlitetest.Open(t)
	r := open(t, conn, replica.Options{AtOnce: true})
	before, after := newLog(1, 20), newLog(2, 40)
	mustApply(t, r, chat, before, 1, 20)
	if err := rebuild(r, after, 7); err != nil {
		t.Fatal(err)
	}
	wantPosition(t, r, chat, after.position(7))
	if n := rows(t, conn, "SELECT count(*), max(offset) FROM events"); n != "7|7\n" {
		t.Errorf("a query sees %s", n)
	}
}

// A copy that nobody makes anything of takes its place without being read.
func TestIdleFoldsAreNotFed(t *testing.T) {
	conn := sqlitetest.Open(t)
	r := open(t, conn, replica.Options{})
	mustApply(t, r, chat, newLog(1, 20), 1, 20)
	fold := &recorder{idle: true}
	r.Fold(fold)
	if err := rebuild(r, newLog(2, 40), 30); err != nil {
		t.Fatal(err)
	}
	fold.take()
	mustApply(t, r, chat, newLog(2, 40), 31, 40)
	if got := fold.take(); got != "[begin /chat 2026-03-01T14 true end committed]" {
		t.Errorf("told %s", got)
	}
}
