package main

import (
	"context"
	"fmt"
	"time"

	"github.com/millpond-dev/millpond/server/store/sqlite"
)

type backupCommand struct {
	Data string `default:"./data" env:"MILLPOND_DATA" type:"path" placeholder:"DIR" help:"Data folder of the server (default: ${default})."`
	File string `arg:"" type:"path" placeholder:"FILE" help:"File to write. It must not exist."`
}

func (backupCommand) Help() string {
	return `Writes a copy of all streams, as they are at one moment, into one file. The server may run meanwhile. The copy is checked
from the first event to the last, as doctor does, and is on disk when the command has ended; before that there is no file of the
name. It needs as much space as the database has.

Example:

  millpond backup --data /var/lib/millpond /backups/millpond-$(date +%F).db`
}

func (cmd *backupCommand) Run(ctx context.Context, std *stdio) error {
	start := time.Now()
	if err := hasDatabase(cmd.Data); err != nil {
		return err
	}
	show := &steps{std: std}
	report, err := sqlite.Backup(ctx, cmd.Data, cmd.File, show.options())
	show.bar.finish()
	return finished(std, report, err, "has", start)
}

type restoreCommand struct {
	File string `arg:"" type:"existingfile" placeholder:"FILE" help:"The backup."`
	Data string `default:"./data" env:"MILLPOND_DATA" type:"path" placeholder:"DIR" help:"Data folder to make. It must hold no database (default: ${default})."`
}

func (restoreCommand) Help() string {
	return `Checks a backup, and makes a data folder of it. Start a server on the folder then. Mirrors that have seen events which the
backup does not have notice that, and rebuild their copies.

Example:

  millpond restore /backups/millpond-2025-03-01.db --data /var/lib/millpond`
}

func (cmd *restoreCommand) Run(ctx context.Context, std *stdio) error {
	start := time.Now()
	show := &steps{std: std}
	report, err := sqlite.Restore(ctx, cmd.File, cmd.Data, show.options())
	show.bar.finish()
	return finished(std, report, err, "was good, and "+cmd.Data+" has", start)
}

// finished says what a backup or a restore has done, and what its check has found.
func finished(std *stdio, r *sqlite.Report, err error, has string, start time.Time) error {
	if r != nil {
		for _, p := range r.Problems {
			fmt.Fprint(std.err, describe(p))
		}
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.err, "%s %s %d streams with %d events, all checked, after %v\n", r.Path, has, r.Streams, r.Events,
		time.Since(start).Round(time.Millisecond))
	return err
}
