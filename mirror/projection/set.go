package projection

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Options of a set. The zero value works.
type Options struct {
	// Now is the clock by which Apply is too slow. Default: time.Now.
	Now func() time.Time
}

// Set is the projections of a database. It is a fold of the database's replica: see package replica.
type Set struct {
	conn     sqlite.Conn
	now      func() time.Time
	versions []*version // in the order of Open; a name may have two: that which serves, and that which is being built
	stmt     statements
	judge    judge

	batch   batch
	memory  map[place]any      // what Apply has left in Tx.Memory
	failed  map[place]*failure // not written yet: they took their transaction with them
	slice   uint64             // how many offsets the next slice has
	behind  bool               // something may have to be folded again
	changed bool               // the state may be another one than Status has told
	status  []Status
	wrote   map[string]struct{} // tables, since Changed was asked
}

// place is a version on a stream.
type place struct{ version, stream int64 }

// version is a projection as it is in the database.
type version struct {
	id         int64
	name       string
	number     string // Projection.Version
	definition string
	serving    bool
	tables     []string

	projection *Projection // nil: this program does not have it; it serves until the next version does
	types      map[string]bool
	all        bool // it consumes all types
	compiled   map[string]sqlite.Stmt
}

// have gives the version its code.
func (v *version) have(p *Projection) {
	v.projection, v.types = p, map[string]bool{}
	for _, typ := range p.Consumes {
		v.types[typ] = true
		v.all = v.all || typ == all
	}
}

func (v *version) consumes(typ string) bool { return v.all || v.types[typ] }

// Open opens the projections of a database that has the [Schema]: tables of new ones are made, those of versions that this program
// does not have go, as soon as another one can serve. A *DefinitionError says which projection is wrong, and where. The set uses
// conn and does not close it, and judges what is compiled for projections: see [Set.Authorize].
func Open(conn sqlite.Conn, list []Projection, options Options) (*Set, error) {
	s := &Set{
		conn: conn, now: options.Now, slice: firstSlice, behind: true, changed: true,
		memory: map[place]any{}, failed: map[place]*failure{}, wrote: map[string]struct{}{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	definitions, err := check(list)
	if err == nil {
		err = s.open(definitions)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open projections: %w", err), s.Close())
	}
	return s, nil
}

func (s *Set) open(definitions []definition) error {
	if err := s.stmt.prepare(s.conn); err != nil {
		return err
	}
	if err := s.transact(func() error { return s.reconcile(definitions) }); err != nil {
		return err
	}
	return s.conn.OnAuthorize(s.Authorize)
}

// Close lets go of the connection, which stays open. A closed set must not be used.
func (s *Set) Close() error {
	var errs []error
	for _, v := range s.versions {
		errs = append(errs, v.forget())
	}
	return errors.Join(append(errs, s.stmt.close())...)
}

// forget closes the version's statements. They are compiled again when they are needed.
func (v *version) forget() error {
	var errs []error
	for _, stmt := range v.compiled {
		errs = append(errs, stmt.Close())
	}
	v.compiled = map[string]sqlite.Stmt{}
	return errors.Join(errs...)
}

// physical is the name that a table has, or an index, while its version does not serve.
func (v *version) physical(name string) string {
	if v.serving {
		return name
	}
	return fmt.Sprintf("%s:%d", name, v.id)
}

// renaming is the physical names by the ones in the statements.
func (v *version) renaming(names []string) map[string]string {
	to := make(map[string]string, len(names))
	for _, name := range names {
		to[name] = v.physical(name)
	}
	return to
}

// reconcile brings the database to the projections that this program has, inside a transaction.
func (s *Set) reconcile(definitions []definition) error {
	if err := s.load(); err != nil {
		return err
	}
	old := s.versions
	s.versions = nil
	taken := map[string]string{} // who owns a table now
	for i := range definitions {
		for _, table := range definitions[i].tables {
			taken[table] = definitions[i].Name
		}
	}
	var build []definition
	for _, d := range definitions {
		kept := false
		for _, v := range old {
			if v.name == d.Name && !kept && v.definition == d.definition() {
				v.have(d.Projection)
				kept = true
				s.versions = append(s.versions, v)
			}
		}
		if !kept {
			build = append(build, d)
		}
	}
	for _, v := range old {
		// One whose next version is to be built goes on to serve, unless another projection wants its tables now.
		wanted := slices.ContainsFunc(build, func(d definition) bool { return d.Name == v.name })
		wanted = wanted || slices.ContainsFunc(s.versions, func(w *version) bool { return w.name == v.name && !w.serving })
		foreign := slices.ContainsFunc(v.tables, func(table string) bool { return taken[table] != "" && taken[table] != v.name })
		if slices.Contains(s.versions, v) {
			continue
		}
		if v.serving && wanted && !foreign {
			s.versions = append(s.versions, v)
		} else if err := s.drop(v); err != nil {
			return err
		}
	}
	for _, d := range build {
		if err := s.checkFree(d); err != nil {
			return err
		}
		if err := s.create(d); err != nil {
			return err
		}
	}
	order := func(v *version) int {
		return slices.IndexFunc(definitions, func(d definition) bool { return d.Name == v.name })
	}
	slices.SortStableFunc(s.versions, func(a, b *version) int { return cmp.Compare(order(a), order(b)) })
	return nil
}

// load reads the versions that there are.
func (s *Set) load() error {
	s.versions = nil
	return sqlite.Each(s.stmt.versions, func(row sqlite.Stmt) error {
		v := &version{
			id: row.ColumnInt64(0), name: row.ColumnText(1), number: row.ColumnText(2), definition: row.ColumnText(3),
			serving: row.ColumnInt64(4) == 1, compiled: map[string]sqlite.Stmt{},
		}
		s.versions = append(s.versions, v)
		return json.Unmarshal([]byte(row.ColumnText(5)), &v.tables)
	})
}

// checkFree says when a table of a projection would have the name of one that is no projection's.
func (s *Set) checkFree(d definition) error {
	own := map[string]bool{}
	for _, v := range s.versions {
		for _, table := range v.tables {
			own[table] = own[table] || v.name == d.Name
		}
	}
	for _, table := range d.tables {
		if err := bind(s.stmt.object, []any{table}); err != nil {
			return err
		}
		there := false
		err := sqlite.Each(s.stmt.object, func(sqlite.Stmt) error { there = true; return nil })
		if err == nil && there && !own[table] {
			err = d.fault(fmt.Sprintf("a table %s is there already: choose another name", table))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// create makes the tables of a projection: in their place when nothing serves there, beside what does otherwise.
func (s *Set) create(d definition) error {
	serving := !slices.ContainsFunc(s.versions, func(v *version) bool { return v.name == d.Name })
	tables, err := json.Marshal(d.tables)
	if err != nil {
		return err
	}
	v := &version{name: d.Name, number: d.Version, definition: d.definition(), serving: serving, tables: d.tables,
		compiled: map[string]sqlite.Stmt{}}
	v.have(d.Projection)
	err = run(s.stmt.addVersion, v.name, v.number, v.definition, serving, string(tables))
	if err != nil {
		return err
	}
	v.id = s.conn.LastInsertRowID()
	s.versions = append(s.versions, v)
	// An index keeps its name when its table is given another, so it has one of its own from the start.
	names := v.renaming(d.tables)
	for _, index := range d.indexes {
		names[index] = fmt.Sprintf("%s:%d", index, v.id)
	}
	if err := s.conn.Exec(rename(d.Schema, names)); err != nil {
		return &DefinitionError{Projection: d.Name, Message: "its tables cannot be made: " + err.Error()}
	}
	return nil
}

// drop removes a version and its tables, inside a transaction.
func (s *Set) drop(v *version) error {
	if err := v.forget(); err != nil {
		return err
	}
	for _, table := range v.tables {
		if err := s.conn.Exec("DROP TABLE " + quoteName(v.physical(table))); err != nil {
			return fmt.Errorf("drop a table of projection %s: %w", v.name, err)
		}
	}
	if err := run(s.stmt.dropPositions, v.id); err != nil {
		return err
	}
	return run(s.stmt.dropVersion, v.id)
}

// serve puts the tables of a version in the place of those of an old one, if there is any, inside a transaction.
func (s *Set) serve(v, old *version) error {
	if old != nil {
		if err := s.drop(old); err != nil {
			return err
		}
	}
	if err := v.forget(); err != nil {
		return err
	}
	for _, table := range v.tables {
		sql := "ALTER TABLE " + quoteName(v.physical(table)) + " RENAME TO " + quoteName(table)
		if err := s.conn.Exec(sql); err != nil {
			return fmt.Errorf("rename a table of projection %s: %w", v.name, err)
		}
	}
	return run(s.stmt.serveVersion, v.id)
}

func (s *Set) serving(name string) *version {
	for _, v := range s.versions {
		if v.name == name && v.serving {
			return v
		}
	}
	return nil
}

// Retry lets a projection that has failed go on from where it has stopped.
func (s *Set) Retry(name string) error {
	found := false
	for _, v := range s.versions {
		if v.name != name || v.projection == nil {
			continue
		}
		found = true
		for at := range s.failed {
			if at.version == v.id {
				delete(s.failed, at)
			}
		}
		if err := s.transact(func() error { return run(s.stmt.retry, v.id) }); err != nil {
			return fmt.Errorf("retry projection %s: %w", name, err)
		}
	}
	if !found {
		return fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	s.behind, s.changed = true, true
	s.wrote[positionsTable] = struct{}{}
	return nil
}

const positionsTable = "projection_positions"

// Changed is the tables that were written since it was called last, for live queries.
func (s *Set) Changed() []string {
	if len(s.wrote) == 0 {
		return nil
	}
	list := make([]string, 0, len(s.wrote))
	for table := range s.wrote {
		list = append(list, table)
	}
	clear(s.wrote)
	return list
}

// Len is how many projections there are.
func (s *Set) Len() int { return len(s.versions) }

// transact runs fn in one transaction.
func (s *Set) transact(fn func() error) error {
	err := s.stmt.begin.Exec()
	if err != nil {
		return err
	}
	if err = fn(); err == nil {
		err = s.stmt.commit.Exec()
	}
	if err != nil && s.conn.InTransaction() {
		if failed := s.stmt.rollback.Exec(); failed != nil { // B3: the cause comes first, and alone decides what the error is
			err = fmt.Errorf("%w (and the rollback failed: %v)", err, failed)
		}
	}
	return err
}

// streamOf is the stream's number.
func (s *Set) streamOf(name millpond.Name) (id int64, err error) {
	if err := bind(s.stmt.stream, []any{name.Namespace, name.Path}); err != nil {
		return 0, err
	}
	err = sqlite.Each(s.stmt.stream, func(row sqlite.Stmt) error {
		id = row.ColumnInt64(0)
		return nil
	})
	if err == nil && id == 0 {
		err = fmt.Errorf("the stream %s has no row", name)
	}
	return id, err
}

// run binds and runs a statement.
func run(stmt sqlite.Stmt, params ...any) error {
	if err := bind(stmt, params); err != nil {
		return err
	}
	return stmt.Exec()
}

// list is names for people.
func list(names []string) string { return strings.Join(names, ", ") }
