package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/projection/projectiontest"
)

func TestTea(t *testing.T) {
	tea := func(typ, kind string, grams int) millpond.Event {
		return millpond.Event{Type: typ, Payload: json.RawMessage(fmt.Sprintf(`{"kind":%q,"grams":%d}`, kind, grams))}
	}
	m := projectiontest.Fold(t, teaProjection(),
		tea("tea/bought", "sencha", 100), tea("tea/drunk", "sencha", 60), tea("tea/bought", "assam", 50), tea("tea/bought", "sencha", 25))
	if got, want := m.Rows("SELECT kind, grams, least, least_at FROM tea"), "assam|50|50|3\nsencha|65|40|2\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
