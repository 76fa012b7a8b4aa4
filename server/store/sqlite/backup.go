package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond/server/store"
)

// DatabasePath is where the database of a data directory is.
func DatabasePath(dir string) string { return filepath.Join(dir, databaseFile) }

// CopyOptions are for Backup and Restore. The zero value works.
type CopyOptions struct {
	CheckOptions
	Copied func(done, total uint64) // bytes, about; nil: nobody is told
}

// Backup writes a copy of the database of a data directory, as it is at one moment, to a file that does not exist yet. The
// directory may be in use; appends go on meanwhile. The copy is compact, is checked from the first record to the last, and is
// durable when Backup returns; before that there is no file of the name.
func Backup(ctx context.Context, dir, file string, opts CopyOptions) (*Report, error) {
	if _, err := os.Lstat(file); err == nil {
		return nil, fmt.Errorf("%s: %w: a backup is never overwritten; choose another name", file, fs.ErrExist)
	}
	source := DatabasePath(dir)
	if _, err := os.Stat(source); err != nil {
		return nil, err
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".millpond-backup-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(temporary.Name())
	defer temporary.Close()
	if err := vacuumInto(ctx, source, temporary.Name(), opts.Copied); err != nil {
		return nil, fmt.Errorf("copy the database: %w", err)
	}
	report, err := Check(ctx, temporary.Name(), opts.CheckOptions)
	if err != nil {
		return report, fmt.Errorf("check the copy: %w", err)
	}
	report.Path = file
	if report.Broken() {
		return report, &store.Error{Kind: store.ErrCorrupt, Path: source, Hint: "a copy was not kept: run millpond doctor, and use an older backup"}
	}
	return report, keep(temporary, file)
}

// vacuumInto writes the database into an empty file. It reads in one transaction, like any other reader.
func vacuumInto(ctx context.Context, source, target string, copied func(done, total uint64)) error {
	c, err := openToRead(source)
	if err != nil {
		return explainOpen(source, err)
	}
	defer c.Close()
	if id, err := queryInt(c, "PRAGMA application_id"); err != nil {
		return explainOpen(source, err)
	} else if id != applicationID {
		return &store.Error{Kind: store.ErrForeign, Path: source, Hint: "name the data folder of a server"}
	}
	total, err := queryInt(c, "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size")
	if err != nil {
		return explainOpen(source, err)
	}
	stop := watchGrowth(target, uint64(total), copied)
	c.SetInterrupt(ctx)
	err = c.Exec("VACUUM INTO " + sqlite3.Quote(target))
	stop()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case isFull(filepath.Dir(target), err):
		return &store.Error{Kind: store.ErrFull, Path: target, Err: err, Hint: "the copy needs as much space as the database has; nothing was left behind"}
	}
	return err
}

// watchGrowth tells copied from time to time, and at the end, how large the file is. SQLite itself does not say how far it is.
func watchGrowth(file string, total uint64, copied func(done, total uint64)) (stop func()) {
	if copied == nil {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(growthInterval)
		defer ticker.Stop()
		for going := true; going; {
			select {
			case <-ticker.C:
			case <-end:
				going = false
			}
			if info, err := os.Stat(file); err == nil {
				copied(min(uint64(info.Size()), total), total)
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// keep makes a temporary file durable, and gives it its name, which nobody has taken meanwhile.
func keep(f *os.File, name string) error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Link(f.Name(), name); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w: it was made meanwhile", name, fs.ErrExist)
	} else if err != nil { // a file system without links
		if err := os.Rename(f.Name(), name); err != nil {
			return err
		}
	}
	return syncDir(filepath.Dir(name))
}

// Restore makes a data directory of a backup, after checking it. The directory must have no database. It is locked
// meanwhile, and there is no database in it before all of it is durable.
func Restore(ctx context.Context, file, dir string, opts CopyOptions) (*Report, error) {
	report, err := Check(ctx, file, opts.CheckOptions)
	if err != nil {
		return report, fmt.Errorf("check the backup: %w", err)
	}
	if report.Foreign {
		return report, &store.Error{Kind: store.ErrForeign, Path: file, Hint: "nothing was restored: name a file that millpond backup has written"}
	}
	if report.Broken() {
		return report, &store.Error{Kind: store.ErrCorrupt, Path: file, Hint: "nothing was restored: use another backup"}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return report, err
	}
	l, err := lock(dir)
	if err != nil {
		return report, err
	}
	defer l.Close()
	for _, suffix := range []string{"", "-wal", "-journal"} {
		if _, err := os.Lstat(DatabasePath(dir) + suffix); err == nil {
			return report, fmt.Errorf("%s%s: %w: a database is never overwritten; move it away, or choose another folder",
				DatabasePath(dir), suffix, fs.ErrExist)
		}
	}
	return report, copyInto(ctx, file, DatabasePath(dir), opts.Copied)
}

func copyInto(ctx context.Context, file, target string, copied func(done, total uint64)) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(target), ".millpond-restore-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	if _, err := io.Copy(out, &copyReader{ctx: ctx, r: in, total: uint64(info.Size()), copied: copied}); err != nil {
		return err
	}
	return keep(out, target)
}

// copyReader ends with its context, and tells how much it has read.
type copyReader struct {
	ctx         context.Context
	r           io.Reader
	done, total uint64
	copied      func(done, total uint64)
}

func (r *copyReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	if r.done += uint64(n); r.copied != nil && n > 0 {
		r.copied(r.done, r.total)
	}
	return n, err
}
