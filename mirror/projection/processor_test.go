package projection_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/projection/projectiontest"
)

// stock is a processor that counts tea, and would order some.
type stock struct{}

type stockState struct {
	Left  map[string]int `json:"left"`
	Asked int            `json:"asked"`
}

func (stock) Contract() millpond.Contract {
	return millpond.Contract{Slug: "tea-stock", Version: "1", Consumes: []string{"tea/bought", "tea/drunk"}, Emits: []string{"tea/ordered"}}
}

func (stock) Reduce(s stockState, e *millpond.Event) stockState {
	var p struct{ Kind string }
	if json.Unmarshal(e.Payload, &p) != nil {
		return s
	}
	left := map[string]int{p.Kind: 0}
	for kind, n := range s.Left {
		left[kind] = n
	}
	if e.Type == "tea/bought" {
		left[p.Kind] += 10
	} else {
		left[p.Kind]--
	}
	return stockState{left, s.Asked + 1}
}

func (stock) ProcessEvent(millpond.Step[stockState]) error { panic("effects are not a mirror's") }

// A processor with Reduce and a snapshot runs in the mirror as it is, its state saved with the events.
func TestProcessor(t *testing.T) {
	p := projection.FromProcessor(millpond.Define(reducing{}))
	var events []millpond.Event
	for i := range 40 {
		typ := []string{"tea/bought", "tea/drunk", "coffee/drunk", "tea/drunk"}[i%4]
		events = append(events, millpond.Event{Type: typ, Payload: json.RawMessage(fmt.Sprintf(`{"kind":"k%d"}`, i%3))})
	}
	m := projectiontest.Fold(t, p, events...)
	if got, want := m.Rows("SELECT offset, state ->> 'asked', json(state) FROM processor_tea_stock"),
		`40|30|{"left":{"k0":33,"k1":23,"k2":24},"asked":30}`+"\n"; got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	if err := projection.Check([]projection.Projection{projection.FromProcessor(millpond.Define(stock{}))}); err == nil || !strings.Contains(err.Error(), "neither ProcessEvent") {
		t.Errorf("a processor that is not well defined: %v", err)
	}
}

// reducing is stock without effects.
type reducing struct{}

func (reducing) Contract() millpond.Contract {
	c := stock{}.Contract()
	c.Emits = nil
	return c
}

func (reducing) Reduce(s stockState, e *millpond.Event) stockState { return stock{}.Reduce(s, e) }
