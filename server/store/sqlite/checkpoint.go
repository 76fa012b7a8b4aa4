package sqlite

import (
	"context"
	"errors"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// Checkpoint is the data of a checkpoint.
func (s *Store) Checkpoint(ctx context.Context, stream store.Stream, key string) (data []byte, err error) {
	err = s.view(ctx, "read checkpoint", func(r *reader) error {
		if err := errors.Join(bindStream(r.checkpoint, stream), r.checkpoint.BindText(4, key)); err != nil {
			return err
		}
		found := false
		err := rows(r.checkpoint, func(row *sqlite3.Stmt) error {
			found = true
			data = row.ColumnBlob(0, []byte{})
			return nil
		})
		if err != nil || found {
			return err
		}
		if err := r.exists(stream); err != nil {
			return err
		}
		return store.ErrNoCheckpoint
	})
	return data, err
}

// Checkpointed lists the streams that have checkpoints.
func (s *Store) Checkpointed(ctx context.Context, after millpond.Name, limit int) (names []millpond.Name, err error) {
	err = s.view(ctx, "list checkpoints", func(r *reader) error {
		stmt := r.checkpointed
		if err := errors.Join(stmt.BindText(1, after.Namespace), stmt.BindText(2, after.Path), stmt.BindInt64(3, int64(limit))); err != nil {
			return err
		}
		return rows(stmt, func(row *sqlite3.Stmt) error {
			names = append(names, millpond.Name{Namespace: row.ColumnText(0), Path: row.ColumnText(1)})
			return nil
		})
	})
	return names, err
}
