package projection

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/jsonb"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// SQL declares a projection as statements by event type. As JSON it is what @millpond/client gives.
type SQL struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"` // Default: "1". A change of the statements is another version by itself
	Schema  Texts  `json:"schema"`            // see Projection.Schema
	// On has the statements for events of a type, which run one after another; those of "*" run for all events, and first.
	// Each is one INSERT, UPDATE or DELETE on the projection's own tables. Its parameters have the names of the columns of the
	// table events, and their values: :stream_id, :offset, :local_index, :type, :created_at, :idempotency_key, :source_slug,
	// :source_version, :metadata and :payload. So :payload ->> 'a' is a member, as in a query.
	On map[string]Texts `json:"on"`
}

// Texts is one SQL text or several. In JSON it is a string, or an array of some.
type Texts []string

// UnmarshalJSON reads a string or an array of strings.
func (t *Texts) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*t = make(Texts, 1)
		return json.Unmarshal(data, &(*t)[0])
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// Projection is the projection that is declared. Whether its statements are right is told by Check and Open.
func (s SQL) Projection() Projection {
	plans := make(map[string][]*plan, len(s.On))
	var id strings.Builder
	types := slices.Sorted(maps.Keys(s.On))
	for _, typ := range types {
		for _, sql := range s.On[typ] {
			plans[typ] = append(plans[typ], newPlan(sql))
			fmt.Fprintf(&id, "%q %q\n", typ, sql)
		}
	}
	version := s.Version
	if version == "" {
		version = "1"
	}
	return Projection{
		Name: s.Name, Version: version, Consumes: types, Schema: strings.Join(s.Schema, ";\n"), id: id.String(),
		Apply: func(tx *Tx, events []millpond.Event) error { return applyPlans(tx, plans, events) },
		check: func(c *checker) error { return checkPlans(c, types, plans) },
	}
}

// plan is a statement, and which fields of an event its parameters are, in their order.
type plan struct {
	sql    string
	fields []func(r *row, stmt sqlite.Stmt, param int) error
}

// row is an event on its way into statements.
type row struct {
	*millpond.Event
	streamID int64
	jsonb    []byte
}

// fields are the parameters that a statement may have.
var fields = map[string]func(r *row, stmt sqlite.Stmt, param int) error{
	":stream_id":       func(r *row, s sqlite.Stmt, i int) error { return s.BindInt64(i, r.streamID) },
	":offset":          func(r *row, s sqlite.Stmt, i int) error { return s.BindInt64(i, int64(r.Offset)) },
	":local_index":     func(r *row, s sqlite.Stmt, i int) error { return s.BindInt64(i, int64(r.Offset)-1) },
	":type":            func(r *row, s sqlite.Stmt, i int) error { return s.BindText(i, r.Type) },
	":created_at":      func(r *row, s sqlite.Stmt, i int) error { return s.BindInt64(i, r.CreatedAt.UnixMicro()) },
	":idempotency_key": func(r *row, s sqlite.Stmt, i int) error { return bindOptional(s, i, r.IdempotencyKey) },
	":source_slug":     func(r *row, s sqlite.Stmt, i int) error { return bindOptional(s, i, r.source().Slug) },
	":source_version":  func(r *row, s sqlite.Stmt, i int) error { return bindOptional(s, i, r.source().Version) },
	":metadata":        func(r *row, s sqlite.Stmt, i int) error { return r.bindJSON(s, i, r.Metadata) },
	":payload":         func(r *row, s sqlite.Stmt, i int) error { return r.bindJSON(s, i, r.Payload) },
}

func (r *row) source() (id millpond.ProcessorID) {
	if r.Source != nil {
		id = r.Source.Processor
	}
	return id
}

func (r *row) bindJSON(stmt sqlite.Stmt, param int, text []byte) (err error) {
	if text == nil {
		return stmt.BindNull(param)
	}
	if r.jsonb, err = jsonb.Append(r.jsonb[:0], text); err != nil {
		return err
	}
	return stmt.BindBlob(param, r.jsonb)
}

func bindOptional(stmt sqlite.Stmt, param int, text string) error {
	if text == "" {
		return stmt.BindNull(param)
	}
	return stmt.BindText(param, text)
}

func newPlan(sql string) *plan { return &plan{sql: sql} }

// learn finds the fields of the statement's parameters.
func (p *plan) learn(stmt sqlite.Stmt) error {
	p.fields = make([]func(*row, sqlite.Stmt, int) error, stmt.BindCount())
	for i := range p.fields {
		name := stmt.BindName(i + 1)
		field := fields[name]
		if field == nil {
			return &parameterError{name}
		}
		p.fields[i] = field
	}
	return nil
}

type parameterError struct{ name string }

func (e *parameterError) Error() string {
	name := e.name
	if name == "" {
		name = "?"
	}
	return fmt.Sprintf("%s is not a parameter: there are %s; a member of the payload is :payload ->> 'name'", name,
		list(slices.Sorted(maps.Keys(fields))))
}

func checkPlans(c *checker, types []string, plans map[string][]*plan) error {
	if len(types) == 0 {
		return c.now.fault(`it has no statements: "on" has them by event type`)
	}
	for _, typ := range types {
		if len(plans[typ]) == 0 {
			return c.now.fault(fmt.Sprintf("it has no statement for the event type %q", typ))
		}
		for i, p := range plans[typ] {
			if err := checkPlan(c, p); err != nil {
				return c.fault(typ, i, p.sql, err)
			}
		}
	}
	return nil
}

func checkPlan(c *checker, p *plan) error {
	stmt, err := c.compile(p.sql)
	if err != nil {
		return err
	}
	if stmt.ReadOnly() {
		err = errors.New("it writes nothing: it must be an INSERT, UPDATE or DELETE")
	} else {
		err = p.learn(stmt)
	}
	return errors.Join(err, stmt.Close())
}

func applyPlans(tx *Tx, plans map[string][]*plan, events []millpond.Event) error {
	r := row{streamID: tx.StreamID}
	for i := range events {
		r.Event = &events[i]
		for _, typ := range []string{all, r.Type} {
			for n, p := range plans[typ] {
				if err := p.apply(tx, &r); err != nil {
					return fmt.Errorf("event type %q, statement %d: %w", typ, n+1, err)
				}
			}
			if r.Type == all {
				break
			}
		}
	}
	return nil
}

func (p *plan) apply(tx *Tx, r *row) error {
	if tx.failure != nil {
		return tx.failure
	}
	stmt, err := tx.set.compile(tx.version, p.sql)
	if err != nil {
		return err
	}
	for i, bind := range p.fields {
		if err := bind(r, stmt, i+1); err != nil {
			return err
		}
	}
	return tx.note(stmt.Exec())
}
