package millpond_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// The hash is xxHash64, whose test vectors are known everywhere: with seed 0 the empty text has ef46db3751d8e999.
func TestHashIsXXHash64(t *testing.T) {
	for _, test := range []struct {
		before millpond.Hash
		text   string
		want   string
	}{
		{0, "", "ef46db3751d8e999"},
		{0, "abc", "44bc2cf5ad770999"},
		{0, "Nobody inspects the spammish repetition", "fbcea83c8a378bf1"},
	} {
		if got := test.before.Next([]byte(test.text)).String(); got != test.want {
			t.Errorf("%d.Next(%q) = %s, want %s", test.before, test.text, got, test.want)
		}
	}
	var h millpond.Hash
	if h.Next([]byte("a")).Next([]byte("b")) == h.Next([]byte("b")).Next([]byte("a")) {
		t.Error("the order of records does not matter to the hash")
	}
}

func TestHashText(t *testing.T) {
	for _, want := range []string{"0000000000000000", "00000000deadbeef", "ffffffffffffffff"} {
		var h millpond.Hash
		if err := h.UnmarshalText([]byte(want)); err != nil || h.String() != want {
			t.Errorf("%s: read as %s, %v", want, h, err)
		}
	}
	for _, bad := range []string{"", "0", "00000000DEADBEEF", "0x000000000000000", "00000000deadbeefa", "00000000deadbee ", "00000000deadbeeg"} {
		h := millpond.Hash(7)
		if err := h.UnmarshalText([]byte(bad)); !errors.Is(err, millpond.InvalidRequest) || h != 7 {
			t.Errorf("%q: hash %s, error %v", bad, h, err)
		}
	}
}

func TestIncarnation(t *testing.T) {
	at := time.Date(2025, 3, 1, 13, 0, 0, 5, time.FixedZone("", 3600))
	if got := millpond.IncarnationOf(at); got != "2025-03-01T12:00:00.000000005Z" {
		t.Error(got)
	}
	if millpond.IncarnationOf(at) == millpond.IncarnationOf(at.Add(1)) {
		t.Error("a nanosecond later is the same incarnation")
	}
}

func TestPositionJSON(t *testing.T) {
	for want, p := range map[string]millpond.Position{
		`{"offset":0,"hash":"0000000000000000"}`:                   {},
		`{"incarnation":"i","offset":3,"hash":"000000000000000a"}`: {Incarnation: "i", Offset: 3, Hash: 10},
	} {
		got, err := json.Marshal(p)
		if err != nil || string(got) != want {
			t.Errorf("%+v: %s, %v", p, got, err)
		}
		var back millpond.Position
		if err := json.Unmarshal(got, &back); err != nil || back != p {
			t.Errorf("%s: read as %+v, %v", got, back, err)
		}
	}
}
