package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/millpond-dev/millpond/server/store/sqlite"
)

// checkFiles looks at who may do what with a data folder and its files.
func checkFiles(r *sqlite.Report, dir string) {
	info, err := os.Stat(dir)
	if err != nil {
		r.Add(sqlite.Problem{Severity: sqlite.Warning, Check: "files", Message: err.Error()})
		return
	}
	if info.Mode().Perm()&0o077 != 0 && exposesModes {
		r.Add(sqlite.Problem{Severity: sqlite.Warning, Check: "files",
			Message: fmt.Sprintf("others than its owner may look into %s (%v)", dir, info.Mode().Perm()), Advice: "chmod 700 " + dir})
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		r.Add(sqlite.Problem{Severity: sqlite.Warning, Check: "files", Message: err.Error()})
		return
	}
	for _, entry := range entries {
		checkFile(r, filepath.Join(dir, entry.Name()), info)
	}
}

func checkFile(r *sqlite.Report, path string, dir os.FileInfo) {
	info, err := os.Lstat(path)
	if err != nil {
		return // it has gone meanwhile
	}
	name := info.Name()
	switch {
	case strings.HasPrefix(name, ".millpond-backup-"), strings.HasPrefix(name, ".millpond-restore-"):
		r.Add(sqlite.Problem{Severity: sqlite.Note, Check: "files", Message: fmt.Sprintf("%s is left of a backup or restore that was cut off", path),
			Advice: "remove it, unless one runs at the moment"})
	case !strings.HasPrefix(name, "millpond."):
		r.Add(sqlite.Problem{Severity: sqlite.Note, Check: "files", Message: path + " is not a file of the server"})
	case !info.Mode().IsRegular():
		r.Add(sqlite.Problem{Severity: sqlite.Warning, Check: "files", Message: fmt.Sprintf("%s is not a plain file (%v)", path, info.Mode()),
			Advice: "keep the files of the database in one folder of one local disk"})
	case owner(info) != owner(dir):
		r.Add(sqlite.Problem{Severity: sqlite.Warning, Check: "files",
			Message: fmt.Sprintf("%s belongs to user %s, and its folder to %s: a server of either may not be able to write", path, owner(info), owner(dir)),
			Advice:  "chown -R " + owner(dir) + " " + filepath.Dir(path)})
	case info.Mode().Perm()&0o200 == 0:
		r.Add(sqlite.Problem{Severity: sqlite.Warning, Check: "files", Message: fmt.Sprintf("%s cannot be written (%v)", path, info.Mode().Perm()),
			Advice: "chmod u+rw " + path})
	}
}

// checkDisk looks at how full the disk of a file is.
func checkDisk(r *sqlite.Report, file string) {
	free, total, ok := diskSpace(filepath.Dir(file))
	if !ok {
		return
	}
	if free < minFreeBytes || free < total/minFreeShare {
		r.Add(sqlite.Problem{Severity: sqlite.Warning, Check: "disk",
			Message: fmt.Sprintf("%d MiB of %d MiB are free on the disk of %s", free>>20, total>>20, file),
			Advice:  "free some space: a server whose disk is full refuses appends"})
	}
	if info, err := os.Stat(file); err == nil && uint64(info.Size()) > free {
		r.Add(sqlite.Problem{Severity: sqlite.Note, Check: "disk",
			Message: "there is no room for a copy of the database beside it", Advice: "write backups to another disk"})
	}
}
