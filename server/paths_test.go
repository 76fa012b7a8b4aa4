package server

import (
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
)

// S11: who may read a stream sees the paths of those below it, as docs/security.md says, and nothing else of them; who may not, and who
// may read another namespace, sees not even those.
func TestPathsAreSeenFromAbove(t *testing.T) {
	reads := map[string]func(millpond.Name) bool{
		"above": func(n millpond.Name) bool { return n.Namespace == "default" && n.Path == "/" },
		"alice": func(n millpond.Name) bool {
			return n.Namespace == "default" && strings.HasPrefix(n.Path+"/", "/users/alice/")
		},
		"other": func(n millpond.Name) bool { return n.Namespace == "other" },
	}
	d := &door{allow: func(who string, do access.Action, name millpond.Name) bool {
		return (do == access.Read || do == access.Subscribe) && reads[who](name)
	}}
	ts := start(t, d.options())
	for _, path := range []string{"default", "default/users/alice/inbox", "default/users/bob/secret-project", "other/x"} {
		if res := ts.do(t, "POST", "/api/streams/"+path, `{"type":"a","payload":"hidden"}`, "Authorization: Bearer root"); res.StatusCode != 200 {
			t.Fatal(res.body)
		}
	}
	for who, want := range map[string]string{"above": "/users/bob/secret-project", "alice": "", "other": ""} {
		var seen strings.Builder
		for _, path := range []string{"default", "default/users", "default/users/alice", "default/users/alice/inbox", "default/users/bob",
			"default/users/bob/secret-project", "other", "other/x"} {
			for _, kind := range []string{"/api/streams/", "/api/state/"} {
				res := ts.do(t, "GET", kind+path, "", "Authorization: Bearer "+who)
				if res.StatusCode == 403 { // it says what was asked for
					continue
				}
				if res.StatusCode != 200 {
					t.Fatalf("%s reads %s: %s", who, path, res.body)
				}
				seen.WriteString(res.body)
			}
		}
		if got := seen.String(); !strings.Contains(got, want) || strings.Contains(got, "bob") != (want != "") {
			t.Errorf("%s sees %s", who, got)
		}
		if who == "above" && strings.Count(seen.String(), "hidden") != 1 { // the root's own event
			t.Errorf("%s sees more than paths: %s", who, seen.String())
		}
	}
}
