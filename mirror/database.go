package mirror

import (
	"context"
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/replica"
)

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
	if err == nil {
		return db, nil
	}
	problem := problemOfStorage(err)
	if !replaceable(problem, err) {
		return nil, err
	}
	return makeDatabase(ctx, o, problem, nil)
}

// makeDatabase makes the database anew, with the rows in its outbox and what else it has there.
func makeDatabase(ctx context.Context, o Options, why *StorageProblem, rows outbox.Rows) (*database, error) {
	o.Logger.Warn("the database is made anew and filled again from the server", "reason", why.Message)
	rows, renewed := renewDatabase(ctx, o, rows)
	if !renewed {
		if err := o.place.remove(ctx); err != nil {
			return nil, fmt.Errorf("delete the database (%s): %w", why.Message, err)
		}
	}
	db, err := tryDatabase(ctx, o)
	if err != nil {
		return nil, err
	}
	if !renewed {
		err = db.outbox.Restore(rows)
	}
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	if db.problem == nil {
		db.problem = why.madeAnew()
	}
	return db, nil
}

// renewDatabase makes the database anew in its place, which no crash interrupts half way. Where it cannot, it returns what is to
// go over into another.
func renewDatabase(ctx context.Context, o Options, rows outbox.Rows) (all outbox.Rows, done bool) {
	s, err := o.place.open(ctx)
	if err != nil {
		return rows, false
	}
	defer s.close() // what it could tell, the next open tells
	found, err := outbox.Salvage(s.conn)
	if err != nil {
		o.Logger.Warn("not all appends that wait could be read", "error", err)
	}
	rows = rows.With(found)
	if err := replica.Renew(s.conn, rows); err != nil {
		o.Logger.Warn("the database file is deleted", "reason", err)
		return rows, false
	}
	return rows, true
}

func tryDatabase(ctx context.Context, o Options) (*database, error) {
	s, err := o.place.open(ctx)
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
	r, err := replica.Open(s.conn, replica.Options{Now: o.world.now(), AtOnce: o.ShowRebuild})
	if err != nil {
		return nil, err
	}
	out, err := outbox.Open(s.conn, outbox.Options{Now: o.world.now()})
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.Fold(out)
	projections, err := projection.Open(s.conn, o.Projections, projection.Options{})
	if err != nil {
		return nil, errors.Join(err, out.Close(), r.Close())
	}
	r.Fold(projections)
	options := queryOptions(o)
	options.Authorize = projections.Authorize
	reader, err := query.NewReader(s.conn, options)
	if err != nil {
		return nil, errors.Join(err, projections.Close(), out.Close(), r.Close())
	}
	return &database{s, r, out, reader, projections}, nil
}

func queryOptions(o Options) query.Options {
	return query.Options{MaxStep: o.MaxQueryStep, Yield: yield}
}
