package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond/server/store/sqlite"
	"github.com/millpond-dev/millpond/server/stream"
)

// errBroken is when doctor has found, and said, that something is broken.
var errBroken = errors.New("broken")

type doctorCommand struct {
	Path string `arg:"" type:"path" placeholder:"DIR" help:"Data folder of a server, or the file of a backup."`
	JSON bool   `name:"json" help:"Print the report as JSON."`
}

func (doctorCommand) Help() string {
	return `Reads all of a server's data and compares it with itself: SQLite's own integrity check; for each stream that its offsets
have no gap, that each record is the one that was committed (the hash chain), that the index of idempotency keys agrees; that the
snapshots can be used; what is left over; who owns the files, who may read them, and how full the disk is. It changes nothing.

The server may run meanwhile. Its write-ahead log then grows until the check is over.

It exits with 0 when nothing is broken, with 3 when something is, and with 1 when the check could not be made.

Examples:

  millpond doctor ./data
  millpond doctor --json backup-2025-03-01.db`
}

func (cmd *doctorCommand) Run(ctx context.Context, std *stdio) error {
	info, err := os.Stat(cmd.Path)
	if err != nil {
		return err
	}
	file, dir := cmd.Path, ""
	if info.IsDir() {
		file, dir = sqlite.DatabasePath(cmd.Path), cmd.Path
		if err := hasDatabase(dir); err != nil {
			return err
		}
	}
	report, err := withProgress(std, "checking", func(opts sqlite.CheckOptions) (*sqlite.Report, error) {
		return sqlite.Check(ctx, file, opts)
	})
	switch {
	case errors.Is(err, sqlite3.CANTOPEN), errors.Is(err, sqlite3.READONLY), errors.Is(err, os.ErrPermission), ctx.Err() != nil:
		return err // it says nothing of the data
	case err != nil:
		report.Add(sqlite.Problem{Severity: sqlite.Broken, Check: "readable", Message: "the check could not be finished: " + err.Error(),
			Advice: "keep the folder for inspection, and restore a backup"})
	}
	if dir != "" {
		checkFiles(report, dir)
	}
	checkDisk(report, file)
	if printErr := cmd.print(std.out, report); printErr != nil {
		return printErr
	}
	switch {
	case err != nil:
		return err
	case report.Broken():
		return errBroken
	}
	return nil
}

// hasDatabase says what is wrong when a folder has no database in it.
func hasDatabase(dir string) error {
	file := sqlite.DatabasePath(dir)
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is not there: is %s the data folder of a server?", file, dir)
	}
	return nil
}

// withProgress shows how far a check is, on a terminal.
func withProgress(std *stdio, doing string, check func(sqlite.CheckOptions) (*sqlite.Report, error)) (*sqlite.Report, error) {
	p := newProgress(std.err, doing, -1, false)
	defer p.finish()
	return check(sqlite.CheckOptions{Snapshot: stream.CheckSnapshot, Progress: p.set})
}

func (cmd *doctorCommand) print(w io.Writer, r *sqlite.Report) error {
	if cmd.JSON {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", text)
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %d streams, %d events\n", r.Path, r.Streams, r.Events)
	for _, p := range r.Problems {
		if err == nil {
			_, err = io.WriteString(w, describe(p))
		}
	}
	if err != nil {
		return err
	}
	if r.Omitted > 0 {
		fmt.Fprintf(w, "… and %d more\n", r.Omitted)
	}
	end := "nothing is broken"
	if r.Broken() {
		end = "something is broken: do not start a server on it before you have looked"
	}
	_, err = fmt.Fprintln(w, end)
	return err
}

func describe(p sqlite.Problem) string {
	where := ""
	if p.Stream != "" {
		where = " stream " + p.Stream
	}
	if p.Offset != 0 {
		where += fmt.Sprintf(" offset %d", p.Offset)
	}
	text := fmt.Sprintf("%s [%s]%s: %s\n", p.Severity, p.Check, where, p.Message)
	if p.Advice != "" {
		text += "    " + p.Advice + "\n"
	}
	return text
}
