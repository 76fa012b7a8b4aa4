package mirror

import (
	"context"
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// storage is where a database is: an open connection, and what else is to be closed after it.
type storage struct {
	conn    sqlite.Conn
	kind    Storage
	problem string // why it is not the storage that was asked for
	release func() error
}

func (s *storage) close() error {
	err := s.conn.Close()
	if s.release != nil {
		err = errors.Join(err, s.release())
	}
	return err
}

// database is the open database of a mirror.
type database struct {
	*storage
	replica *replica.Replica
	outbox  *outbox.Outbox
	reader  *query.Reader

	projections *projection.Set
}

func (db *database) close() error {
	return errors.Join(db.reader.Close(), db.projections.Close(), db.outbox.Close(), db.replica.Close(), db.storage.close())
}

// openDatabase opens the database of a mirror. One that is of no use is made anew: all that was in it is with the server, but
// for what waits in the outbox, which goes over as far as it can be read. B15 B16
func openDatabase(ctx context.Context, o Options) (*database, error) {
	db, err := tryDatabase(ctx, o)
	if err == nil || !replaceable(err) {
		return db, err
	}
	o.Logger.Warn("the database is made anew and filled again from the server", "reason", err)
	rows, renewed := renewDatabase(ctx, o)
	if !renewed {
		if removing := removeStorage(ctx, o); removing != nil {
			return nil, fmt.Errorf("delete the database (%w): %w", err, removing)
		}
	}
	db, again := tryDatabase(ctx, o)
	if again != nil {
		return nil, again
	}
	if !renewed && len(rows) > 0 {
		if err := db.outbox.Restore(rows); err != nil {
			return nil, errors.Join(err, db.close())
		}
	}
	if db.problem == "" {
		db.problem = "the database was made anew and is filled again: " + err.Error()
	}
	return db, nil
}

// renewDatabase makes the database anew in its place, which no crash interrupts half way. Where it cannot, it returns what is to
// go over into another.
func renewDatabase(ctx context.Context, o Options) (rows outbox.Rows, done bool) {
	s, err := openStorage(ctx, o)
	if err != nil {
		return nil, false
	}
	defer s.close() // what it could tell, the next open tells
	if rows, err = outbox.Salvage(s.conn); err != nil {
		o.Logger.Warn("not all appends that wait could be read", "error", err)
	}
	if err := replica.Renew(s.conn, rows); err != nil {
		o.Logger.Warn("the database file is deleted", "reason", err)
		return rows, false
	}
	return rows, true
}

func tryDatabase(ctx context.Context, o Options) (*database, error) {
	s, err := openStorage(ctx, o)
	if err != nil {
		return nil, err
	}
	db, err := newDatabase(s, o)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return db, nil
}

func newDatabase(s *storage, o Options) (*database, error) {
	r, err := replica.Open(s.conn, replica.Options{})
	if err != nil {
		return nil, err
	}
	out, err := outbox.Open(s.conn, outbox.Options{})
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.Fold(out)
	projections, err := projection.Open(s.conn, o.Projections, projection.Options{})
	if err != nil {
		return nil, errors.Join(err, out.Close(), r.Close())
	}
	r.Fold(projections)
	reader, err := query.NewReader(s.conn, query.Options{MaxStep: o.MaxQueryStep, Yield: yield, Authorize: projections.Authorize})
	if err != nil {
		return nil, errors.Join(err, projections.Close(), out.Close(), r.Close())
	}
	return &database{s, r, out, reader, projections}, nil
}

// openMemory is the storage that is always there.
func openMemory(problem string) (*storage, error) {
	c, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	return &storage{conn: c, kind: StorageMemory, problem: problem}, nil
}

// damaged reports whether the database is of no use any more: broken, or of another version.
func damaged(err error) bool {
	var schema *replica.SchemaError
	if errors.As(err, &schema) {
		return schema.ApplicationID == replica.ApplicationID
	}
	return errors.Is(err, replica.ErrCorrupt) || errors.Is(err, sqlite.Corrupt)
}
