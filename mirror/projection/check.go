package projection

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// definition is a projection that has been checked, and the names in its schema.
type definition struct {
	*Projection
	tables, indexes []string
}

// checker has a database in memory, in which projections are checked before anything is done for them.
type checker struct {
	conn  sqlite.Conn
	judge judge
	owner map[string]string // of a table or an index: the projection
	now   definition        // that is checked
}

// Check says what is wrong with projections, as Open would: a *DefinitionError.
func Check(list []Projection) error {
	_, err := check(list)
	return err
}

func check(list []Projection) (definitions []definition, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	if len(list) > MaxProjections {
		return nil, fmt.Errorf("%d projections are over the limit of %d", len(list), MaxProjections)
	}
	c := &checker{owner: map[string]string{}}
	if c.conn, err = sqlite.Open(sqlite.Memory, sqlite.Options{}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.conn.Close()) }()
	if err := c.conn.OnAuthorize(c.judge.authorize); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for i := range list {
		p := list[i]
		if err := p.validate(); err != nil {
			return nil, err
		}
		if names[p.Name] {
			return nil, p.fault("there is another projection of that name")
		}
		names[p.Name] = true
		c.now = definition{Projection: &p}
		if err := c.schema(); err != nil {
			return nil, err
		}
		if p.check != nil {
			if err := p.check(c); err != nil {
				return nil, err
			}
		}
		definitions = append(definitions, c.now)
	}
	return definitions, nil
}

// schema checks the statements of the schema, and makes what they make.
func (c *checker) schema() error {
	d := &c.now
	statements, _ := split(d.Schema)
	for i, sql := range statements {
		if err := c.create(sql); err != nil {
			return c.fault("", i, sql, err)
		}
	}
	if len(d.tables) == 0 {
		return d.fault("its schema makes no table")
	}
	for _, table := range d.tables {
		if err := c.columns(table); err != nil {
			return err
		}
	}
	return nil
}

// create runs a statement of the schema, which must be one that makes a table or an index of one.
func (c *checker) create(sql string) error {
	d := &c.now
	tokens := tokenize(sql)
	words := make([]string, 5)
	for i := range words {
		if i < len(tokens) {
			if words[i] = tokens[i].name(sql); words[i] == "" {
				words[i] = sql[tokens[i].start:tokens[i].end]
			}
		}
	}
	if words[1] == "unique" {
		words = slices.Delete(words, 1, 2)
	}
	name := words[2]
	switch {
	case words[0] == "create" && words[1] == "table" && (words[3] == "(" || !validName(name)):
		d.tables = append(d.tables, name)
	case words[0] == "create" && words[1] == "index" && words[3] == "on":
		d.indexes = append(d.indexes, name)
	default:
		return errors.New("it must be CREATE TABLE name (…), CREATE INDEX name ON table (…) or CREATE UNIQUE INDEX")
	}
	if !validName(name) || strings.HasPrefix(name, "sqlite_") || strings.HasPrefix(name, "projection") {
		return fmt.Errorf(`%s cannot be the name of a table: %s; and "sqlite_" and "projection" begin those of others`, name, nameRule)
	}
	if owner := c.owner[name]; owner != "" {
		return fmt.Errorf("%s is there already, in projection %s", name, owner)
	}
	c.owner[name] = d.Name
	for _, t := range tokens {
		if t.is(sql, "references") || t.is(sql, "autoincrement") {
			return &impureError{t, fmt.Sprintf("%s ties rows to those of other streams, which come and go by themselves", sql[t.start:t.end])}
		}
	}
	if err := checkPure(sql); err != nil {
		return err
	}
	return c.conn.Exec(sql)
}

// columns checks the columns of a table that was made.
func (c *checker) columns(table string) error {
	d := &c.now
	stmt, _, err := c.conn.Prepare("SELECT name FROM pragma_table_xinfo(?)")
	if err != nil {
		return err
	}
	var names []string
	if err = stmt.BindText(1, table); err == nil {
		err = sqlite.Each(stmt, func(row sqlite.Stmt) error {
			names = append(names, strings.ToLower(row.ColumnText(0)))
			return nil
		})
	}
	if err = errors.Join(err, stmt.Close()); err != nil {
		return err
	}
	if !slices.Contains(names, "stream_id") {
		return d.fault(fmt.Sprintf("its table %s needs a column stream_id, streams.id of the stream that a row is of", table))
	}
	for _, name := range names {
		if slices.Contains(d.tables, name) {
			return d.fault(fmt.Sprintf("its table %s has a column with the name of a table, %s: choose another", table, name))
		}
	}
	return nil
}

// compile compiles a statement as it will be for the projection that is checked.
func (c *checker) compile(sql string) (sqlite.Stmt, error) {
	own := make(map[string]struct{}, len(c.now.tables))
	for _, table := range c.now.tables {
		own[table] = struct{}{}
	}
	return c.judge.compile(c.conn, sql, own, c.now.tables)
}

// fault says where in which statement an error is.
func (c *checker) fault(eventType string, statement int, sql string, err error) error {
	e := &DefinitionError{Projection: c.now.Name, Type: eventType, Statement: statement + 1, Message: strings.TrimPrefix(err.Error(), "sqlite: ")}
	if strings.HasPrefix(e.Message, "no such table: ") {
		e.Message += "; it may use only the projection's own tables: " + list(c.now.tables)
	}
	if at := c.locate(sql, err); at >= 0 {
		e.Line, e.Column = lineColumn(sql, at)
	}
	return e
}
