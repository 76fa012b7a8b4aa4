package millpond_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

var validNames = []millpond.Name{
	{Namespace: "default", Path: "/"},
	{Namespace: "default", Path: "/chat/42"},
	{Namespace: "a", Path: "/a"},
	{Namespace: "0._-", Path: "/.hidden/..a/a../-/_/0"},
	{Namespace: "...", Path: "/..."},
	{Namespace: strings.Repeat("n", 64), Path: "/" + strings.Repeat("p", 511)},
	{Namespace: "default", Path: strings.Repeat("/a", 64)},
}

var invalidNames = []struct {
	why   string
	name  millpond.Name
	field string
}{
	{"empty namespace", millpond.Name{Namespace: "", Path: "/a"}, "namespace"},
	{"dot namespace", millpond.Name{Namespace: ".", Path: "/a"}, "namespace"},
	{"dot-dot namespace", millpond.Name{Namespace: "..", Path: "/a"}, "namespace"},
	{"capital in namespace", millpond.Name{Namespace: "Default", Path: "/a"}, "namespace"},
	{"slash in namespace", millpond.Name{Namespace: "a/b", Path: "/a"}, "namespace"},
	{"colon in namespace", millpond.Name{Namespace: "a:b", Path: "/a"}, "namespace"},
	{"namespace over 64 bytes", millpond.Name{Namespace: strings.Repeat("n", 65), Path: "/a"}, "namespace"},
	{"empty path", millpond.Name{Namespace: "default", Path: ""}, "path"},
	{"no slash in front", millpond.Name{Namespace: "default", Path: "a"}, "path"},
	{"two slashes", millpond.Name{Namespace: "default", Path: "//"}, "path"},
	{"slash at the end", millpond.Name{Namespace: "default", Path: "/a/"}, "path"},
	{"empty segment", millpond.Name{Namespace: "default", Path: "/a//b"}, "path"},
	{"dot segment", millpond.Name{Namespace: "default", Path: "/a/./b"}, "path"},
	{"dot-dot segment", millpond.Name{Namespace: "default", Path: "/a/../b"}, "path"},
	{"dot-dot path", millpond.Name{Namespace: "default", Path: "/.."}, "path"},
	{"capital", millpond.Name{Namespace: "default", Path: "/A"}, "path"},
	{"space", millpond.Name{Namespace: "default", Path: "/a b"}, "path"},
	{"percent", millpond.Name{Namespace: "default", Path: "/a%2fb"}, "path"},
	{"backslash", millpond.Name{Namespace: "default", Path: "/a\\b"}, "path"},
	{"NUL", millpond.Name{Namespace: "default", Path: "/a\x00"}, "path"},
	{"not ASCII", millpond.Name{Namespace: "default", Path: "/ä"}, "path"},
	{"Kelvin sign, which folds to k", millpond.Name{Namespace: "default", Path: "/a\u212a"}, "path"},
	{"path over 512 bytes", millpond.Name{Namespace: "default", Path: "/" + strings.Repeat("p", 512)}, "path"},
	{"path of 65 segments", millpond.Name{Namespace: "default", Path: strings.Repeat("/a", 65)}, "path"},
}

// S4: names are checked, and the error names the field.
func TestName(t *testing.T) {
	for _, want := range validNames {
		got, err := millpond.NewName(want.Namespace, want.Path)
		if err != nil || got != want {
			t.Errorf("NewName(%q, %q) = %v, %v", want.Namespace, want.Path, got, err)
		}
	}
	for _, test := range invalidNames {
		_, err := millpond.NewName(test.name.Namespace, test.name.Path)
		if !errors.Is(err, millpond.InvalidName) {
			t.Errorf("%s: error %v, want %v", test.why, err, millpond.InvalidName)
			continue
		}
		if got := refusalOf(t, err); got.Field != test.field {
			t.Errorf("%s: the error names %q, want %q", test.why, got.Field, test.field)
		}
	}
	if err := (millpond.Name{Namespace: "default", Path: "/\xff"}).Validate(); !errors.Is(err, millpond.InvalidName) {
		t.Errorf("invalid UTF-8: error %v", err)
	}
}

func TestAncestors(t *testing.T) {
	for path, want := range map[string][]string{"/": nil, "/a": {"/"}, "/a/b": {"/", "/a"}, "/a/b/c.d": {"/", "/a", "/a/b"}} {
		if got := millpond.Ancestors(path); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestGoldenNames(t *testing.T) {
	type invalid struct {
		Why string `json:"why"`
		millpond.Name
		refusal
	}
	var bad []invalid
	for _, test := range invalidNames {
		bad = append(bad, invalid{test.why, test.name, refusalOf(t, test.name.Validate())})
	}
	golden(t, "names.json", map[string]any{
		"about":   "Stream names: which are valid, and for the others the field at fault.",
		"valid":   validNames,
		"invalid": bad,
	})
}
