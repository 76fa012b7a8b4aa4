package projection

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Projection makes rows of events.
type Projection struct {
	// Name names it: a lower-case letter, then letters, digits and "_".
	Name string
	// Version is that of Schema and Apply: another one is folded from the first event on. So is one whose Schema or Consumes differ.
	Version string
	// Consumes are the event types that Apply sees; "*": all.
	Consumes []string
	// Schema makes the tables that the projection owns: CREATE TABLE and CREATE INDEX statements. Each table has a column
	// stream_id, streams.id: the rows of a stream go when the stream begins anew. Names are as that of the projection, and no
	// column has the name of a table.
	Schema string

	// Apply folds events of one stream into the tables, inside the transaction that stores the events. It sees each event that it
	// consumes once, in order, as long as transactions commit; how many at a time is by chance, and must not show in the rows.
	// So it is pure: the events and its own tables decide what it writes. When it fails or panics, all that the call did is
	// taken back, and the events come one by one; the one that fails alone is where the projection stops.
	//
	// Payload and metadata of an event are JSON without white space between tokens, and its time is in microseconds, as the mirror
	// stores them. An event is good until Apply returns.
	Apply func(tx *Tx, events []millpond.Event) error

	check func(c *checker) error // more to check when it is registered; may be nil
	id    string                 // more that makes it another definition
}

// all is what consumes every type.
const all = "*"

// definition is what makes two projections the same: when it differs, the tables are made again.
func (p *Projection) definition() string {
	text := strings.Join([]string{p.Version, p.Schema, strings.Join(p.Consumes, "\x00"), p.id}, "\x01")
	return millpond.Hash(0).Next([]byte(text)).String()
}

// Tx is what Apply has of the database. It is good until Apply returns.
type Tx struct {
	// Stream and StreamID are of the stream that the events are of.
	Stream   millpond.Name
	StreamID int64

	// Memory is what Apply has left there for its next call for the same stream, or nil: after a failure, a restart, or just so.
	// What it holds must follow from the tables.
	Memory any

	set     *Set
	version *version
	failure error // once set, nothing works any more
}

// Exec runs one statement that writes. Its text is compiled once and kept, so what differs belongs into the parameters, which are
// those of [query.Bind], and uint64. Tables other than the projection's own are refused.
func (tx *Tx) Exec(sql string, params ...any) error {
	stmt, err := tx.prepare(sql, params)
	if err == nil {
		err = stmt.Exec()
	}
	return tx.note(err)
}

// Query runs one statement and calls fn at each of its rows, which is good until fn returns. fn must not run the same
// statement again.
func (tx *Tx) Query(sql string, fn func(row sqlite.Stmt) error, params ...any) error {
	stmt, err := tx.prepare(sql, params)
	if err != nil {
		return tx.note(err)
	}
	defer stmt.Reset() // whatever fn does
	for stmt.Step() {
		if err := fn(stmt); err != nil {
			return err
		}
	}
	return tx.note(stmt.Err())
}

func (tx *Tx) prepare(sql string, params []any) (sqlite.Stmt, error) {
	if tx.failure != nil {
		return nil, tx.failure
	}
	stmt, err := tx.set.compile(tx.version, sql)
	if err != nil {
		return nil, err
	}
	return stmt, bind(stmt, params)
}

// note keeps a failure after which nothing of the transaction is left: what is run after it would stand by itself.
func (tx *Tx) note(err error) error {
	if err != nil && tx.failure == nil && !tx.set.conn.InTransaction() {
		tx.failure = err
	}
	return err
}

// validate says which rule the projection breaks.
func (p *Projection) validate() error {
	switch {
	case !validName(p.Name):
		return &DefinitionError{Projection: p.Name, Message: nameRule}
	case p.Version == "" || len(p.Version) > millpond.MaxVersionBytes:
		return p.fault(fmt.Sprintf("its version must have 1 to %d bytes", millpond.MaxVersionBytes))
	case len(p.Consumes) == 0:
		return p.fault(`it consumes nothing: name event types, or "*" for all`)
	case p.Apply == nil:
		return p.fault("it has no Apply")
	case slices.Contains(p.Consumes, ""):
		return p.fault("it consumes an event type without a name")
	}
	return nil
}

func (p *Projection) fault(message string) error {
	return &DefinitionError{Projection: p.Name, Message: message}
}

var nameRule = fmt.Sprintf(`a name must be 1 to %d characters of a–z, 0–9 and "_", and begin with a letter`, MaxNameBytes)

func validName(name string) bool {
	if name == "" || len(name) > MaxNameBytes || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !(c >= 'a' && c <= 'z' || isDigit(c) || c == '_') {
			return false
		}
	}
	return true
}
