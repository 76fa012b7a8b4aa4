package e2e

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The worker's program has none of the packages that have made it larger to download for little: docs/decisions/0020-program-size.md.
func TestProgramWithoutLargePackages(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "../wasm")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	packages := strings.Fields(string(out))
	if !slices.Contains(packages, "github.com/millpond-dev/millpond/mirror") {
		t.Fatalf("the program has no mirror:\n%s", out)
	}
	for _, name := range []string{"crypto/rand", "crypto/sha256", "crypto/tls", "net/http", "regexp", "text/template"} {
		if slices.Contains(packages, name) {
			t.Errorf("the program has package %s: find another way, or say in the decision why not", name)
		}
	}
}
