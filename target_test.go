package millpond_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

// S20: absolute and relative paths, seen from a stream.
func TestResolve(t *testing.T) {
	for _, test := range []struct{ from, path, want string }{
		{"/a/b", "/c", "/c"},
		{"/a/b", "/", "/"},
		{"/a/b", "./y", "/a/b/y"},
		{"/a/b", "../x", "/a/x"},
		{"/a/b", "../../x/y", "/x/y"},
		{"/a/b", "..", "/a"},
		{"/a/b", "../..", "/"},
		{"/a/b", ".", "/a/b"},
		{"/a", "./.hidden", "/a/.hidden"},
		{"/", "./y", "/y"},
		{"/", ".", "/"},
		{"/", "..", ""},
		{"/a", "../../x", ""},
		{"/a", "x", ""},
		{"/a", ".x", ""},
		{"/a", "", ""},
		{"/a", "./", ""},
		{"/a", "../", ""},
		{"/a", "./x/./y", ""},
		{"/a", "./x/../y", "/a/y"},
		{"/a", "/x/../y", ""},
		{"/a", "//x", ""},
		{"/a", "./X", ""},
		{"/a", "other:/x", ""},
		{"/" + strings.Repeat("p", 500), "./" + strings.Repeat("p", 20), ""},
	} {
		from := millpond.Name{Namespace: "n", Path: test.from}
		got, err := from.Resolve(test.path)
		if want := (millpond.Name{Namespace: "n", Path: test.want}); test.want != "" && (err != nil || got != want) {
			t.Errorf("%q from %s: got %v, %v, want %v", test.path, test.from, got, err, want)
		} else if test.want == "" && (!errors.Is(err, millpond.InvalidName) || refusalOf(t, err).Field != "stream") {
			t.Errorf("%q from %s: got %v, %v, want an error", test.path, test.from, got, err)
		}
	}
}

// S20: a batch goes to one stream.
func TestTarget(t *testing.T) {
	from := millpond.Name{Namespace: "n", Path: "/a/b"}
	to := func(paths ...string) []millpond.Input {
		inputs := make([]millpond.Input, len(paths))
		for i, path := range paths {
			inputs[i] = millpond.Input{Type: "t", Stream: path}
		}
		return inputs
	}
	for _, test := range []struct {
		inputs []millpond.Input
		want   string
		field  string
	}{
		{to(), "/a/b", ""},
		{to(""), "/a/b", ""},
		{to("", "."), "/a/b", ""},
		{to("../x", "/a/x"), "/a/x", ""},
		{to("", "../x"), "", "[1].stream"},
		{to("../x", ""), "", "[1].stream"},
		{to(".", "x"), "", "[1].stream"},
		{to("x"), "", "[0].stream"},
	} {
		got, err := millpond.Target(from, test.inputs)
		if test.field != "" && (err == nil || refusalOf(t, err).Field != test.field) || test.field == "" && (err != nil || got.Path != test.want) {
			t.Errorf("%+v: got %v, %v, want %q %q", test.inputs, got, err, test.want, test.field)
		}
	}
}
