//go:build !js

package sqlite

import (
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
)

// backup copies by way of a temporary file, because SQLite does not copy in the order of the file. No part of memory grows
// with the database.
func (e *engine) backup(w io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "millpond-backup-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "db")
	// Nobody misses the copy after a crash.
	const settings = "_pragma=journal_mode(off)&_pragma=synchronous(off)"
	uri := url.URL{Scheme: "file", Path: path, RawQuery: settings}
	if err := e.copyTo(uri.String()); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return errors.Join(err, f.Close())
}

// copyTo copies the main database to another that does not exist yet.
func (e *engine) copyTo(uri string) (err error) {
	defer caughtNoMem(&err)
	return engineError(e.conn.Backup("main", uri))
}
