//go:build !js || gosqlite

package sqlite

import (
	"errors"

	"github.com/ncruces/go-sqlite3"
)

// What go-sqlite3 adds to SQLite by itself. The linked engine has none of it, and SQL that works here and not there would be
// found out by users: so nobody gets it. A test compares what there is on both.
var (
	extraFunctions = map[string][]int{ // by their numbers of arguments
		"base64": {1}, "regexp": {2}, "regexpi": {2},
		"decimal": {1, 2}, "decimal_add": {2}, "decimal_cmp": {2}, "decimal_exp": {1, 2}, "decimal_mul": {2}, "decimal_pow2": {1},
		"decimal_sub": {2}, "decimal_sum": {1},
		"ieee754": {1, 2}, "ieee754_exponent": {1}, "ieee754_from_blob": {1}, "ieee754_from_int": {1}, "ieee754_inc": {2},
		"ieee754_mantissa": {1}, "ieee754_to_blob": {1}, "ieee754_to_int": {1},
	}
	extraCollations = []string{"decimal", "time", "uint"}
	extraModules    = []string{"generate_series"}
)

// removeExtras takes it all away from a new connection.
func removeExtras(conn *sqlite3.Conn) error {
	for name, counts := range extraFunctions {
		for _, args := range counts {
			if err := conn.CreateFunction(name, args, 0, nil); err != nil {
				return err
			}
		}
	}
	for _, name := range extraCollations {
		if err := conn.CreateCollation(name, nil); err != nil {
			return err
		}
	}
	for _, name := range extraModules { // a module can only be replaced
		missing := func(*sqlite3.Conn, string, string, string, ...string) (sqlite3.VTab, error) {
			return nil, errors.New("no such table: " + name)
		}
		//lint:ignore SA1019 the method in its place needs Go 1.27
		if err := sqlite3.CreateModule(conn, name, nil, missing); err != nil {
			return err
		}
	}
	return nil
}
