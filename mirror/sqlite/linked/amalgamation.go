//go:build amalgamation

package linked

// The source of sqlite.wasm is the amalgamation in this module: the import lets go.mod and go.sum pin it, and the tag,
// which nobody sets, keeps it from being compiled.
import _ "github.com/mattn/go-sqlite3"
