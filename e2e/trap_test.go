package e2e

import (
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

// A trap in SQLite ends the worker, and the tab starts another one, which finds the data. A call that traps each time fails
// and says so. The fault is planted in what the proxy serves: reading a float traps.
func TestTrapStartsAnotherWorker(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s)
	planted := false
	p.Edit("sqlite-", ".wasm", func(body []byte) []byte {
		trapping, err := sqlitetest.Trapping(body, "sqlite3_column_double")
		if err != nil {
			t.Error(err)
			return body
		}
		planted = true
		return trapping
	})
	tab := openViewer(startBrowser(t, t.TempDir()), p.URL, "/trap")
	s.Append("/trap", batch("note", 0, 100))
	tab.waitCaughtUp(s, "/trap")
	if !planted {
		t.Fatal("the page has not loaded the SQLite with a fault")
	}
	const trap = `millpond.query('SELECT 1.5').then(() => 'no error', (e) => e.code + ': ' + e.message)`
	if got := eval[string](tab, trap); !strings.HasPrefix(got, "worker_crashed: ") || !strings.Contains(got, "the call itself may be what ends it") {
		t.Errorf("the call that traps: %s", got)
	}
	tab.waitAttached()
	tab.waitCaughtUp(s, "/trap")
	s.Append("/trap", batch("note", 100, 10))
	tab.waitCaughtUp(s, "/trap")
}
