package mirror

import (
	"errors"
	"testing"
	"time"

	"github.com/millpond-dev/millpond/mirror/query"
)

// A query and a live one that do not get to a row within the bound fail, and the mirror goes on.
func TestMaxQueryStep(t *testing.T) {
	m, err := Open(t.Context(), Options{MaxQueryStep: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	const forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
	if _, err := m.Query(t.Context(), forever); !errors.Is(err, query.ErrTooSlow) {
		t.Error(err)
	}
	told := make(chan error, 1)
	defer m.Live(forever, nil, func(_ *query.Result, err error) { told <- err })()
	if err := <-told; !errors.Is(err, query.ErrTooSlow) {
		t.Error("live:", err)
	}
	if _, err := m.Query(t.Context(), "SELECT 1"); err != nil && !errors.Is(err, query.ErrTooSlow) { // on a machine that stalls
		t.Error(err)
	}
}
