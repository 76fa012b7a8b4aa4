package token

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// file is a file that may change.
type file struct {
	path string
	info fs.FileInfo // when it was read
	at   time.Time
	hash [sha256.Size]byte
}

// read reads the file, and says whether it has changed since it was read last.
func (f *file) read() (text []byte, changed bool, err error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, false, err
	}
	// A file that was written right before it was read may have been written again since, without its time telling.
	settled := f.info != nil && f.at.Sub(f.info.ModTime()) > time.Second
	if settled && os.SameFile(info, f.info) && info.Size() == f.info.Size() && info.ModTime().Equal(f.info.ModTime()) {
		return nil, false, nil
	}
	at := time.Now()
	in, err := os.Open(f.path)
	if err != nil {
		return nil, false, err
	}
	defer in.Close()
	if info, err = in.Stat(); err != nil {
		return nil, false, err
	}
	if text, err = io.ReadAll(io.LimitReader(in, maxFileBytes+1)); err != nil {
		return nil, false, err
	}
	if len(text) > maxFileBytes {
		return nil, false, fmt.Errorf("%s: is over the limit of %d bytes", f.path, maxFileBytes)
	}
	hash := sha256.Sum256(text)
	changed = f.info == nil || hash != f.hash
	f.info, f.at, f.hash = info, at, hash
	return text, changed, nil
}
