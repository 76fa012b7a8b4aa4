package replica

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Options of a replica. The zero value works.
type Options struct {
	// Now is the clock of inserted_at. Default: time.Now.
	Now func() time.Time
	// AtOnce has a copy that is built again take the place of the old one with its first batch, instead of when it has come as far
	// as the log.
	AtOnce bool
}

// Fold makes something of the events of a stream, in the transaction that stores them: it sees each event once, in order,
// as long as its transactions commit. An error fails the batch, and all that it did.
type Fold interface {
	// Begin begins a batch. replace says that the stream's copy so far goes in the same transaction, and begins anew.
	Begin(name millpond.Name, incarnation millpond.Incarnation, replace bool) error
	// Event is the next event. It is good until Event returns.
	Event(e *millpond.Event) error
	// End is after the last event, still in the transaction.
	End() error
	// Committed and RolledBack say what became of the transaction of the batch: one of them follows each Begin. RolledBack
	// also when nobody knows.
	Committed()
	RolledBack()
}

// Replica is the database of a mirror. It is for one goroutine at a time, like the connection that it is on. Other
// statements may be run on the connection between its calls, but none may be left in the middle of its rows by a writer,
// and no transaction open.
type Replica struct {
	conn sqlite.Conn
	now  func() time.Time

	atOnce bool
	folds  []Fold
	id     string
	// streams is what the table of that name holds. nil after a failure: read again at the next use.
	streams map[millpond.Name]stream
	garbage []int64 // copies that are to be deleted
	stmt    statements
	rows    rowWriter
	event   millpond.Event // reused for each record, so that equal types are not allocated again
}

// Stream is what a replica holds of one stream.
type Stream struct {
	millpond.Name
	millpond.Position
	MaxOffset uint64 // of the stream's last event, as far as the server has told
}

type stream struct {
	id int64
	copied
	maxOffset uint64
	next      *copied // that is being built; nil: none is
}

// copied is rows, and the position up to which they are a copy.
type copied struct {
	copyID int64 // 0: there are none yet
	millpond.Position
	target uint64 // of a next copy: the offset at which it serves
}

// Open makes the connection's database a replica when it is empty, or checks the one that it holds: a *SchemaError says
// that it is of another version or another program, ErrCorrupt that position and rows do not agree. The replica uses
// conn and does not close it.
func Open(conn sqlite.Conn, options Options) (*Replica, error) {
	r := &Replica{conn: conn, now: options.Now, atOnce: options.AtOnce}
	if r.now == nil {
		r.now = time.Now
	}
	if err := r.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open replica: %w", asCorrupt(err)), r.Close())
	}
	return r, nil
}

func (r *Replica) open() error {
	if err := r.stmt.prepareControl(r.conn); err != nil {
		return err
	}
	exists, err := hasSchema(r.conn)
	if err != nil {
		return err
	}
	if !exists {
		if err := r.transact(func() error { return createSchema(r.conn) }); err != nil {
			return err
		}
	}
	if err := r.stmt.prepareData(r.conn); err != nil {
		return err
	}
	r.rows.one = inserter{stmt: r.stmt.insertEvent, rows: make([]boundRow, 1)}
	r.rows.many = inserter{stmt: r.stmt.insertEvents, rows: make([]boundRow, rowsPerInsert)}
	if err := r.readID(); err != nil {
		return err
	}
	return r.load()
}

func (r *Replica) readID() error {
	id := ""
	err := readRows(r.conn, "SELECT value FROM meta WHERE key = 'replica_id'", func(row sqlite.Stmt) error {
		id = row.ColumnText(0)
		return nil
	})
	if err == nil && id == "" {
		err = fmt.Errorf("%w: it has no replica id", ErrCorrupt)
	}
	if err == nil {
		r.id = id
	}
	return err
}

// Fold adds one that sees the events of every batch from now on. They are called in the order in which they were added.
func (r *Replica) Fold(f Fold) { r.folds = append(r.folds, f) }

// Close lets go of the connection, which stays open. A closed replica must not be used.
func (r *Replica) Close() error { return r.stmt.close() }

// ID is the random id of the database: another one after it was deleted and made again.
func (r *Replica) ID() string { return r.id }

// Position is how far the copy of a stream has got that queries see: zero when there is none.
func (r *Replica) Position(name millpond.Name) (millpond.Position, error) {
	if err := r.load(); err != nil {
		return millpond.Position{}, fmt.Errorf("position of %s: %w", name, asCorrupt(err))
	}
	return r.streams[name].Position, nil
}

// Next is how far the copy of a stream has got that is being built beside the one that queries see, and the offset at which it takes
// its place. ok is false when none is.
func (r *Replica) Next(name millpond.Name) (position millpond.Position, target uint64, ok bool, err error) {
	if err := r.load(); err != nil {
		return position, 0, false, fmt.Errorf("next copy of %s: %w", name, asCorrupt(err))
	}
	next := r.streams[name].next
	if next == nil {
		return position, 0, false, nil
	}
	return next.Position, next.target, true, nil
}

// Streams are the streams that the replica holds a copy of, by namespace and path.
func (r *Replica) Streams() ([]Stream, error) {
	if err := r.load(); err != nil {
		return nil, fmt.Errorf("list streams: %w", asCorrupt(err))
	}
	list := make([]Stream, 0, len(r.streams))
	for name, s := range r.streams {
		list = append(list, Stream{name, s.Position, s.maxOffset})
	}
	slices.SortFunc(list, func(a, b Stream) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Path, b.Path))
	})
	return list, nil
}

// Head remembers the offset of the stream's last event, as the server has told it without a batch, for those who read the
// streams table. It does nothing when the replica has no copy of the stream, or knows of a later event.
func (r *Replica) Head(name millpond.Name, maxOffset uint64) error {
	if err := r.load(); err != nil {
		return fmt.Errorf("head of %s: %w", name, asCorrupt(err))
	}
	s, ok := r.streams[name]
	if !ok || maxOffset <= s.maxOffset {
		return nil
	}
	s.maxOffset = maxOffset
	if err := r.transact(func() error { return r.stmt.writeStream(s) }); err != nil {
		return fmt.Errorf("head of %s: %w", name, asCorrupt(err))
	}
	r.streams[name] = s
	return nil
}

// load reads the streams table unless it is known, and checks in O(1) a stream that its rows end where its position says.
func (r *Replica) load() error {
	if r.streams != nil {
		return nil
	}
	if err := r.rollback(); err != nil { // what is left of a transaction that could not be rolled back before
		return err
	}
	streams := map[millpond.Name]stream{}
	names := map[int64]millpond.Name{}
	err := sqlite.Each(r.stmt.selectStreams, func(row sqlite.Stmt) error {
		name := millpond.Name{Namespace: row.ColumnText(1), Path: row.ColumnText(2)}
		s := stream{id: row.ColumnInt64(0), maxOffset: uint64(row.ColumnInt64(6))}
		s.copyID = row.ColumnInt64(7)
		s.Position = positionOf(row, 3)
		streams[name], names[s.id] = s, name
		if s.Incarnation == "" { // a row without a copy
			return fmt.Errorf("%w: %s has no incarnation", ErrCorrupt, name)
		}
		return checkEnds(row, 8, name, s.Position)
	})
	var garbage []int64
	if err == nil {
		err = sqlite.Each(r.stmt.selectCopies, func(row sqlite.Stmt) error {
			id, streamID := row.ColumnInt64(0), row.ColumnInt64(1)
			if streamID == 0 {
				garbage = append(garbage, id)
				return nil
			}
			name := names[streamID]
			s := streams[name]
			s.next = &copied{copyID: id, Position: positionOf(row, 2), target: uint64(row.ColumnInt64(5))}
			streams[name] = s
			return checkEnds(row, 6, name, s.next.Position)
		})
	}
	if err != nil {
		return err
	}
	r.streams, r.garbage = streams, garbage
	return nil
}

func positionOf(row sqlite.Stmt, column int) millpond.Position {
	return millpond.Position{
		Incarnation: millpond.Incarnation(row.ColumnText(column)),
		Offset:      uint64(row.ColumnInt64(column + 1)),
		Hash:        millpond.Hash(row.ColumnInt64(column + 2)),
	}
}

// checkEnds compares where the rows of a copy begin and end with its position.
func checkEnds(row sqlite.Stmt, column int, name millpond.Name, at millpond.Position) error {
	first, last, hash := uint64(row.ColumnInt64(column)), uint64(row.ColumnInt64(column+1)), millpond.Hash(row.ColumnInt64(column+2))
	if last != at.Offset || hash != at.Hash || last > 0 && first != 1 {
		return fmt.Errorf("%w: %s has events %d to %d with hash %s, its position is %d with hash %s",
			ErrCorrupt, name, first, last, hash, at.Offset, at.Hash)
	}
	return nil
}
