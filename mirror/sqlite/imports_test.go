//go:build !js

package sqlite_test

import (
	"encoding/json"
	osexec "os/exec"
	"slices"
	"strings"
	"testing"
)

// Nothing above this package knows an engine: in the mirror and in the program, only this package imports one.
func TestOnlyEnginesKnowEngines(t *testing.T) {
	const module = "github.com/millpond-dev/millpond/"
	engines := []string{"github.com/ncruces/go-sqlite3", module + "mirror/sqlite/linked"}
	allowed := []string{module + "mirror/sqlite", module + "mirror/sqlite/linked"}
	for _, goos := range []string{"linux", "js"} {
		list := osexec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"mirror/...", module+"wasm/...")
		list.Env = append(list.Environ(), "GOOS="+goos, "GOARCH="+map[string]string{"linux": "amd64", "js": "wasm"}[goos])
		text, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		for d := json.NewDecoder(strings.NewReader(string(text))); d.More(); {
			var pkg struct {
				ImportPath                         string
				Imports, TestImports, XTestImports []string
			}
			if err := d.Decode(&pkg); err != nil {
				t.Fatal(err)
			}
			for _, path := range slices.Concat(pkg.Imports, pkg.TestImports, pkg.XTestImports) {
				for _, engine := range engines {
					if (path == engine || strings.HasPrefix(path, engine+"/")) && !slices.Contains(allowed, pkg.ImportPath) {
						t.Errorf("GOOS=%s: %s imports %s: it should know package sqlite only", goos, pkg.ImportPath, path)
					}
				}
			}
		}
	}
}
