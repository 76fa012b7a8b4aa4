package sqlite

import (
	"testing"

	"github.com/millpond-dev/millpond/server/store"
)

// A database of version 1 gets what later ones have more, and keeps what it holds.
func TestMigrate(t *testing.T) {
	dir := filled(t)
	execIn(t, dir, "DROP TABLE checkpoints; DROP TABLE parts; ALTER TABLE log DROP COLUMN record_bytes; PRAGMA user_version = 1")
	for range 2 { // the second time there is nothing to do
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		head, err := s.Head(t.Context(), name("/crash/a"))
		if err != nil {
			t.Fatal(err)
		}
		err = s.Commit(t.Context(), []store.Batch{{Stream: head.Stream, After: head.Offset,
			Checkpoints: []store.Checkpoint{{Key: "k", Data: []byte("data")}}}})
		if err != nil {
			t.Error(err)
		}
		if data, err := s.Checkpoint(t.Context(), head.Stream, "k"); err != nil || string(data) != "data" {
			t.Errorf("got %q, %v", data, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A migration that fails leaves the database as it was.
func TestMigrateFails(t *testing.T) {
	dir := filled(t)
	execIn(t, dir, "PRAGMA user_version = 1") // the table is there already
	if s, err := Open(dir); err == nil {
		s.Close()
		t.Fatal("a table was made twice")
	}
	execIn(t, dir, "DROP TABLE checkpoints; DROP TABLE parts; ALTER TABLE log DROP COLUMN record_bytes")
	s, err := Open(dir)
	if err != nil {
		t.Fatalf("the failed migration has left something: %v", err)
	}
	s.Close()
}
