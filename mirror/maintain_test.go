//go:build !js

package mirror

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/outbox"
)

// B14: an export is a database that anybody can open, with all that the mirror has; the mirror goes on.
func TestExport(t *testing.T) {
	f := newFakeServer(t)
	f.add(pond, 5000, "frog")
	m := open(t, f, Options{Path: filepath.Join(t.TempDir(), "mirror.db")})
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 5002))
	var copied bytes.Buffer
	if err := m.Export(t.Context(), &copied); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "export.db")
	if err := os.WriteFile(file, copied.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	e := open(t, nil, Options{Path: file})
	const sum = "SELECT count(*) * 1000003 + sum(hash % 1009 * offset) FROM events"
	if got, want := number(t, e, sum), number(t, m, sum); got != want {
		t.Errorf("the export sums up to %d, the mirror to %d", got, want)
	}
	on(t, e, func(l *loop) error { return l.db.replica.CheckIntegrity() })
	f.add(pond, 10, "newt")
	until(t, m, caughtUp(pond, 5012))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Export(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled export: %v", err)
	}
	if err := m.Export(t.Context(), failingWriter{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("an export to nowhere: %v", err)
	}
	if s := m.Status(); s.StorageError != nil {
		t.Errorf("it is taken for the storage's fault: %+v", s.StorageError)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// B14: a mirror that is cleared begins again, from the server; what waits is not lost but on demand.
func TestClear(t *testing.T) {
	for _, file := range []string{"", filepath.Join(t.TempDir(), "mirror.db")} {
		f := newFakeServer(t)
		f.add(pond, 1000, "frog")
		m := open(t, f, Options{Path: file})
		s := stream(t, m, pond)
		id := until(t, m, caughtUp(pond, 1002)).ReplicaID
		f.setDown(true)
		until(t, m, func(s Status) bool { return s.Connection == Reconnecting })
		a := keep(t, s, "mine", "mine")
		var code millpond.ErrorCode
		if err := m.Clear(t.Context(), ClearOptions{}); !errors.As(err, &code) || code != CodeAppendsPending {
			t.Errorf("with appends that wait: %v", err)
		}
		if n := number(t, m, "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM outbox)"); n != 1004 {
			t.Errorf("%d rows are left", n)
		}
		if err := m.Clear(t.Context(), ClearOptions{DropAppends: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Wait(t.Context()); !errors.Is(err, millpond.NotFound) {
			t.Errorf("who waits hears %v", err)
		}
		if n := number(t, m, "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM outbox)"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		f.setDown(false)
		st := until(t, m, caughtUp(pond, 1002))
		if st.ReplicaID == id || st.StorageError != nil || st.AppendsLost != 0 || st.Outbox != (outbox.Counts{}) {
			t.Errorf("status %+v, %+v", st, st.StorageError)
		}
		for range maxReplacements + 1 { // is no failure of the storage, however often
			if err := m.Clear(t.Context(), ClearOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if now := m.Status(); now.Storage != st.Storage || now.StorageError != nil {
			t.Errorf("status %+v, %+v", now, now.StorageError)
		}
	}
}
