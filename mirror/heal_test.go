package mirror

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

// These run natively and, with GOOS=js, in Node, on the engine that the browser has.

// disk is a place of files that a test spoils.
type disk struct {
	*faultfiles.Disk
	gone    error // what check and each later open find
	checked error // what check finds
	space   *Space
	kind    Storage
	opened  int
}

func newDisk() *disk { return &disk{Disk: faultfiles.New()} }

func (d *disk) open(context.Context) (*storage, error) {
	d.opened++
	if d.gone != nil {
		return nil, d.gone
	}
	d.Fault = nil // files that are opened again work
	c, err := sqlite.Open("db", sqlite.Options{Files: d.Disk})
	if err != nil {
		return nil, err
	}
	return &storage{conn: c, kind: cmp.Or(d.kind, StorageFile), check: func() (*Space, error) { return d.space, d.checked }}, nil
}

func (d *disk) remove(context.Context) error {
	return errors.Join(d.Delete("db"), d.Delete("db-wal"), d.Delete("db-journal"))
}

// openOn opens a mirror without a server on the disk, with an append that waits, and some rows.
func openOn(t *testing.T, d *disk) (*Mirror, *Appended) {
	t.Helper()
	m, err := Open(t.Context(), Options{place: d, AppendWait: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() }) // what it closes may be broken
	s, err := m.Stream(streamName)
	if err != nil {
		t.Fatal(err)
	}
	var last *Appended
	for range 200 {
		if last, err = s.Append(t.Context(), millpond.Input{Type: "kept"}); err != nil {
			t.Fatal(err)
		}
	}
	on(t, m, func(l *loop) error {
		return l.db.conn.Exec(`CREATE TABLE ballast AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
			SELECT i, hex(randomblob(200)) AS text FROM n; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA shrink_memory`)
	})
	return m, last
}

var streamName = millpond.Name{Namespace: "default", Path: "/healed"}

// on runs something on the mirror's loop.
func on(t *testing.T, m *Mirror, fn func(*loop) error) {
	t.Helper()
	var err error
	if failed := m.do(t.Context(), func(l *loop) { err = fn(l) }); failed != nil || err != nil {
		t.Fatal(failed, err)
	}
}

// spoilTableOf writes over the pages of a table.
func (d *disk) spoilTable(t *testing.T, m *Mirror, table string) {
	t.Helper()
	var pages []int64
	on(t, m, func(l *loop) error {
		stmt, _, err := l.db.conn.Prepare("SELECT rootpage FROM sqlite_schema WHERE tbl_name = '" + table + "' AND rootpage > 0")
		if err != nil {
			return err
		}
		err = sqlite.Each(stmt, func(row sqlite.Stmt) error {
			pages = append(pages, row.ColumnInt64(0))
			return nil
		})
		return errors.Join(err, stmt.Close(), l.db.conn.Exec("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA shrink_memory"))
	})
	for _, page := range pages {
		d.Spoil("db", 4096*(page-1), bytes.Repeat([]byte{0xa5}, 4096))
	}
}

// check has the mirror look after its files at once.
func check(t *testing.T, m *Mirror) {
	t.Helper()
	m.chores.add(func(l *loop) { l.checkStorage() })
}

// healed waits until the storage has the problem.
func healed(t *testing.T, m *Mirror, code millpond.ErrorCode, kind Storage) Status {
	t.Helper()
	found := make(chan Status, 1)
	stop := m.WatchStatus(func(s Status) {
		if s.StorageError != nil && s.StorageError.Code == code && s.Storage == kind {
			select {
			case found <- s:
			default:
			}
		}
	})
	defer stop()
	select {
	case s := <-found:
		return s
	case <-time.After(time.Minute):
		t.Fatalf("the status is %+v, %+v", m.Status(), m.Status().StorageError)
		panic("not reached")
	}
}

func wantOutbox(t *testing.T, m *Mirror, want outbox.Counts) {
	t.Helper()
	var got outbox.Counts
	on(t, m, func(l *loop) (err error) {
		got, err = l.db.outbox.Counts()
		return err
	})
	if got != want {
		t.Errorf("the outbox has %+v, want %+v", got, want)
	}
}

// B16: damage that a query runs into is told with its code, and the database is made anew while the mirror runs. What waits in
// the outbox is in the next. B15
func TestDamageUnderAQuery(t *testing.T) {
	d := newDisk()
	m, appended := openOn(t, d)
	id := m.Status().ReplicaID
	d.spoilTable(t, m, "ballast")
	var code millpond.ErrorCode
	if _, err := m.Query(t.Context(), "SELECT sum(length(text)) FROM ballast"); !errors.As(err, &code) || code != CodeStorageCorrupt {
		t.Errorf("the query fails with %v", err)
	}
	s := healed(t, m, CodeStorageCorrupt, StorageFile)
	if s.ReplicaID == id || s.StorageError.Action != Refill || s.AppendsLost != 0 {
		t.Errorf("status %+v, %+v", s, s.StorageError)
	}
	wantOutbox(t, m, outbox.Counts{Pending: 200})
	if _, err := m.Query(t.Context(), "SELECT * FROM outbox JOIN events USING (idempotency_key)"); err != nil {
		t.Errorf("afterwards a query fails: %v", err)
	}
	on(t, m, func(l *loop) error { return l.db.replica.CheckIntegrity() })
	on(t, m, func(l *loop) error { return l.db.outbox.Drop(appended.ID) })
}

// B16: a live query goes on in the database that takes the place of a damaged one.
func TestLiveQueryOutlivesTheDatabase(t *testing.T) {
	d := newDisk()
	m, _ := openOn(t, d)
	results := make(chan string, 100)
	defer m.Live("SELECT count(*) FROM outbox", nil, func(r *queryResult, err error) { results <- fmt.Sprint(r != nil && err == nil) })()
	if first := <-results; first != "true" {
		t.Error("it does not run")
	}
	d.spoilTable(t, m, "ballast")
	m.Query(t.Context(), "SELECT sum(length(text)) FROM ballast") // it fails: see TestDamageUnderAQuery
	healed(t, m, CodeStorageCorrupt, StorageFile)
	on(t, m, func(l *loop) error {
		_, err := l.db.outbox.Add(streamName, "", []millpond.Input{{Type: "more", IdempotencyKey: "k"}})
		l.outboxChanged()
		return err
	})
	if second := <-results; second != "true" {
		t.Error("it does not run any more")
	}
}

// B16: a file that was cut short under the mirror.
func TestFileCutShort(t *testing.T) {
	d := newDisk()
	m, _ := openOn(t, d)
	d.Shorten("db", 4096*3)
	m.Query(t.Context(), "SELECT sum(length(text)) FROM ballast")
	s := healed(t, m, CodeStorageCorrupt, StorageFile)
	if s.AppendsLost == 0 && s.Outbox.Pending == 0 {
		t.Errorf("appends are lost, and nobody says so: %+v", s)
	}
	if s.AppendsLost+s.Outbox.Pending+s.Outbox.Refused != 200 {
		t.Errorf("%d of 200 appends are lost, and the outbox has %+v", s.AppendsLost, s.Outbox)
	}
}

// B16: what cannot be read of the outbox is counted, and who waits for it hears so. What is on its way is still in memory, and kept. B15
func TestAppendsLost(t *testing.T) {
	d := newDisk()
	m, appended := openOn(t, d)
	wait := make(chan error, 1)
	go func() {
		_, err := appended.Wait(t.Context())
		wait <- err
	}()
	on(t, m, func(l *loop) error { // as if it had not been given to the machine
		l.cancel(appended.ID)
		return nil
	})
	d.spoilTable(t, m, "outbox")
	m.Query(t.Context(), "SELECT sum(length(input)) FROM outbox NOT INDEXED")
	s := healed(t, m, CodeStorageCorrupt, StorageFile)
	if s.AppendsLost != 1 {
		t.Errorf("%d appends are lost, want 1", s.AppendsLost)
	}
	wantOutbox(t, m, outbox.Counts{Pending: 199})
	if err := <-wait; !errors.Is(err, CodeAppendsLost) {
		t.Errorf("who waits hears %v", err)
	}
}

// B16: site data is cleared under an open mirror, whose files go on as if nothing had happened. It notices, begins anew where others
// see it, and takes along what waits.
func TestClearedUnderneath(t *testing.T) {
	d := newDisk()
	m, _ := openOn(t, d)
	id := m.Status().ReplicaID
	d.space = &Space{UsageBytes: 7}
	check(t, m)
	measured(t, m, Space{UsageBytes: 7})
	if s := m.Status(); s.ReplicaID != id || s.StorageError != nil {
		t.Fatalf("without a reason: %+v", s)
	}
	d.Disk = faultfiles.New() // others see this one
	d.checked = lost()
	check(t, m)
	s := healed(t, m, CodeStorageLost, StorageFile)
	if s.ReplicaID == id || s.AppendsLost != 0 {
		t.Errorf("status %+v", s)
	}
	wantOutbox(t, m, outbox.Counts{Pending: 200})
}

// B16: handles that were closed by somebody else: the files are opened again, and nothing is lost.
func TestHandlesLost(t *testing.T) {
	d := newDisk()
	m, _ := openOn(t, d)
	id := m.Status().ReplicaID
	d.Fault = faultfiles.Always(lost())
	var code millpond.ErrorCode
	if _, err := m.Query(t.Context(), "SELECT sum(length(text)) FROM ballast"); !errors.As(err, &code) || code != CodeStorageLost {
		t.Errorf("the query fails with %v", err)
	}
	if r, err := m.Query(t.Context(), "SELECT count(*) FROM ballast"); err != nil || r.Rows[0][0] != int64(500) {
		t.Errorf("the next one answers %v, %v", r, err)
	}
	if s := m.Status(); s.ReplicaID != id || s.StorageError != nil || s.AppendsLost != 0 {
		t.Errorf("status %+v", s)
	}
	wantOutbox(t, m, outbox.Counts{Pending: 200})
}

// B16: where the files cannot be opened again the mirror goes on in memory, with what waits in the outbox, and says so.
func TestNoWayBack(t *testing.T) {
	d := newDisk()
	m, _ := openOn(t, d)
	d.gone = errors.New("no such thing any more")
	d.Fault = faultfiles.Always(lost())
	m.Query(t.Context(), "SELECT sum(length(text)) FROM ballast")
	s := healed(t, m, CodeStorageUnavailable, StorageMemory)
	if s.StorageError.Action != OpenAgain || !strings.Contains(s.StorageError.Message, "no such thing") {
		t.Errorf("status %+v", s.StorageError)
	}
	wantOutbox(t, m, outbox.Counts{Pending: 200})
}

// B16: a storage that fails again and again is given up, without a busy loop.
func TestStorageThatNeverWorks(t *testing.T) {
	d := newDisk()
	m, _ := openOn(t, d)
	for range maxReplacements + 1 {
		d.Fault = faultfiles.Always(lost())
		on(t, m, func(l *loop) error { return l.db.conn.Exec("PRAGMA shrink_memory") })
		m.Query(t.Context(), "SELECT sum(length(text)) FROM ballast")
		on(t, m, func(*loop) error { return nil })
	}
	s := healed(t, m, CodeStorageUnavailable, StorageMemory)
	if d.opened > maxReplacements+1 {
		t.Errorf("the files were opened %d times", d.opened)
	}
	if !strings.Contains(s.StorageError.Message, "failed 4 times") {
		t.Errorf("status %+v", s.StorageError)
	}
	wantOutbox(t, m, outbox.Counts{Pending: 200})
}

// B16: calls that fail for another reason are tried again, and do not cost the files before they have failed a few times.
func TestTransientFailure(t *testing.T) {
	d := newDisk()
	m, _ := openOn(t, d)
	fail := func() {
		d.Fault = faultfiles.Always(faultfiles.ErrFault)
		on(t, m, func(l *loop) error { return l.db.conn.Exec("PRAGMA shrink_memory") })
		m.Query(t.Context(), "SELECT sum(length(text)) FROM ballast")
		d.Fault = nil
	}
	fail()
	s := healed(t, m, CodeStorageFailed, StorageFile)
	if s.StorageError.Action != RetryFile || d.opened != 1 {
		t.Errorf("status %+v, opened %d times", s.StorageError, d.opened)
	}
	fail()
	fail()
	on(t, m, func(*loop) error { return nil })
	if d.opened != 2 {
		t.Errorf("after %d failures in a row the files were opened %d times", maxStorageFailures, d.opened)
	}
	wantOutbox(t, m, outbox.Counts{Pending: 200})
}

// B16: an append that there is no room for is refused with the code, and nothing else ends.
func TestAppendWithoutRoom(t *testing.T) {
	d := newDisk()
	m, _ := openOn(t, d)
	s, err := m.Stream(streamName)
	if err != nil {
		t.Fatal(err)
	}
	d.Limit = 1
	var code millpond.ErrorCode
	if _, err := s.Append(t.Context(), millpond.Input{Type: "more"}); !errors.As(err, &code) || code != CodeStorageFull {
		t.Errorf("got %v", err)
	}
	if st := healed(t, m, CodeStorageFull, StorageFile); st.StorageError.Action != FreeSpace {
		t.Errorf("status %+v", st.StorageError)
	}
	d.Limit = 0
	if _, err := s.Append(t.Context(), millpond.Input{Type: "more"}); err != nil {
		t.Error(err)
	}
	wantOutbox(t, m, outbox.Counts{Pending: 201})
	on(t, m, func(*loop) error { return nil })
	if st := m.Status(); st.StorageError != nil {
		t.Errorf("with room again: %+v", st.StorageError)
	}
}

// measured waits until the status has the room.
func measured(t *testing.T, m *Mirror, want Space) Status {
	t.Helper()
	found := make(chan Status, 1)
	stop := m.WatchStatus(func(s Status) {
		if s.Space != nil && *s.Space == want {
			select {
			case found <- s:
			default:
			}
		}
	})
	defer stop()
	select {
	case s := <-found:
		return s
	case <-time.After(time.Minute):
		t.Fatalf("the status is %+v, %+v", m.Status(), m.Status().Space)
		panic("not reached")
	}
}

// B14: the status tells the room, and warns before it is used up. B16
func TestLowSpace(t *testing.T) {
	d := newDisk()
	d.space = &Space{UsageBytes: 10 << 20, QuotaBytes: 1 << 30, Persistence: BestEffort}
	m, _ := openOn(t, d)
	if s := measured(t, m, *d.space); s.StorageError != nil {
		t.Errorf("status %+v", s.StorageError)
	}
	d.space = &Space{UsageBytes: 1<<30 - 60<<20, QuotaBytes: 1 << 30, Persistence: BestEffort}
	check(t, m)
	if s := measured(t, m, *d.space); s.StorageError == nil || s.StorageError.Code != CodeStorageLow || s.StorageError.Action != FreeSpace {
		t.Errorf("status %+v", s.StorageError)
	}
	d.space = &Space{UsageBytes: 800 << 20, QuotaBytes: 1 << 30, Persistence: BestEffort}
	check(t, m)
	if s := measured(t, m, *d.space); s.StorageError != nil {
		t.Errorf("status %+v", s.StorageError)
	}
}

// B14: persistence is asked for once, when there is something to lose, and the answer is in the status.
func TestPersist(t *testing.T) {
	for granted, want := range map[bool]Persistence{true: PersistenceKept, false: PersistenceOff} {
		d := newDisk()
		d.kind = StorageOPFS
		d.space = &Space{Persistence: BestEffort}
		asked := make(chan int, 10)
		m, err := Open(t.Context(), Options{place: d, Persist: func(context.Context) (bool, error) {
			if granted {
				d.space = &Space{Persistence: PersistenceKept}
			}
			asked <- 1
			return granted, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		measured(t, m, Space{Persistence: BestEffort})
		if len(asked) != 0 {
			t.Error("asked before there is anything to lose")
		}
		s, err := m.Stream(streamName)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := s.Append(t.Context(), millpond.Input{Type: "kept"}); err != nil {
				t.Fatal(err)
			}
		}
		measured(t, m, Space{Persistence: want})
		if len(asked) != 1 {
			t.Errorf("asked %d times", len(asked))
		}
	}
}
