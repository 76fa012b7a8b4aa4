package stream

import (
	"testing"

	"github.com/millpond-dev/millpond"
)

// B15, B4: what is meant for one life of a stream is not appended to another, not even as the repeat of a key.
func TestIncarnationPrecondition(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, input("x"))
	meant := func(key string, of millpond.Incarnation) millpond.Input {
		return millpond.Input{Type: "y", IdempotencyKey: key, Incarnation: of}
	}
	old := h.state(n).CreatedAt
	original := h.append(n, meant("k", old))[0]
	if again := h.append(n, meant("k", old))[0]; again.Offset != original.Offset {
		t.Errorf("the repeat has offset %d, the original %d", again.Offset, original.Offset)
	}
	if err := h.Reset(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	before := len(h.log(n))
	if err := h.refuse(n, millpond.IncarnationConflict, meant("k", old)); err.Field != "incarnation" {
		t.Errorf("the field is %q", err.Field)
	}
	h.append(n, meant("k", h.state(n).CreatedAt))
	h.refuse(n, millpond.IncarnationConflict, input("z"), meant("k", old))
	if got := len(h.log(n)); got != before+1 {
		t.Errorf("%d events were appended, want 1", got-before)
	}
}
