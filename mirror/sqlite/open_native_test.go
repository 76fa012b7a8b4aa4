//go:build !js

package sqlite_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// What Open says of files that are not a database that it can use.
func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	conn, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, conn, "CREATE TABLE t(x PRIMARY KEY, y); INSERT INTO t VALUES ('a', zeroblob(100000))")
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	database, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(database)
	for i := 200; i < 4096; i++ {
		damaged[i] = 0xff // the schema's page
	}
	for _, c := range []struct {
		name string
		data []byte
		code sqlite.Code
	}{
		{"text", bytes.Repeat([]byte("not a database. "), 1000), sqlite.NotADB},
		{"damaged", damaged, sqlite.Corrupt},
		{"short", database[:5000], sqlite.Corrupt},
	} {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := openAndClose(path); !errors.Is(err, c.code) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := openAndClose(filepath.Join(dir, "missing", "db")); !errors.Is(err, sqlite.CantOpen) {
		t.Errorf("in a missing folder: %v", err)
	}
}

func openAndClose(path string) error {
	conn, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		return err
	}
	err = conn.Exec("SELECT * FROM t")
	return errors.Join(err, conn.Close())
}

// A database has one exclusive connection.
func TestExclusive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	conn, err := sqlite.Open(path, sqlite.Options{Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := openAndClose(path); !errors.Is(err, sqlite.Busy) {
		t.Errorf("beside an exclusive connection: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if conn, err = sqlite.Open(path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, "CREATE TABLE t(x)")
	if err := openAndClose(path); err != nil {
		t.Errorf("beside one that is not: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}
