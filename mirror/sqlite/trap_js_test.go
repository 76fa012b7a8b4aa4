package sqlite_test

import (
	"flag"
	"fmt"
	"testing"
)

var callTrap = flag.Bool("trap", false, "read a float, which TestTrap has planted a fault in")

// TestCallTrap is TestTrap's half in Node.
func TestCallTrap(t *testing.T) {
	if !*callTrap {
		t.Skip("needs -trap, and a fault in SQLite")
	}
	defer fmt.Println("Go goes on")
	stmt := prepare(t, openMemory(t), "SELECT 1.5")
	if !stmt.Step() {
		t.Fatal(stmt.Err())
	}
	fmt.Println("the float is", stmt.ColumnFloat(0))
}
