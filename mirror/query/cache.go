package query

import (
	"errors"
	"slices"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// cached is a compiled statement and the tables that it reads.
type cached struct {
	sql    string
	stmt   sqlite.Stmt
	tables map[string]struct{}
}

// cache keeps the statements used last, the very last at the end. It is small: a search beats a map.
type cache struct{ list []*cached }

func (c *cache) get(sql string) *cached {
	for i := len(c.list) - 1; i >= 0; i-- {
		if s := c.list[i]; s.sql == sql {
			c.list = append(slices.Delete(c.list, i, i+1), s)
			return s
		}
	}
	return nil
}

// put adds a statement, and closes the one that was not used for longest when there are too many.
func (c *cache) put(s *cached) error {
	c.list = append(c.list, s)
	if len(c.list) <= maxStatements {
		return nil
	}
	oldest := c.list[0]
	c.list = slices.Delete(c.list, 0, 1)
	return oldest.stmt.Close()
}

func (c *cache) close() error {
	var errs []error
	for _, s := range c.list {
		errs = append(errs, s.stmt.Close())
	}
	c.list = nil
	return errors.Join(errs...)
}
