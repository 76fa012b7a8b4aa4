package query

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Named are parameters by name, with or without the ":", "@" or "$" that the statement has before it.
type Named map[string]any

// Bind binds all parameters of a statement, or says which one is wrong. They are as those of [Reader.Run].
func Bind(stmt sqlite.Stmt, params []any) error {
	if len(params) == 1 {
		if named, ok := params[0].(Named); ok {
			return bindNamed(stmt, named)
		}
	}
	if n := stmt.BindCount(); n != len(params) {
		return fmt.Errorf("%w: the statement has %s, %s given", ErrParams, describe(stmt, n), count(len(params)))
	}
	for i, value := range params {
		if err := bindValue(stmt, i+1, value); err != nil {
			return err
		}
	}
	return nil
}

func bindNamed(stmt sqlite.Stmt, named Named) error {
	used := 0
	for i := 1; i <= stmt.BindCount(); i++ {
		name := stmt.BindName(i)
		if name == "" {
			return fmt.Errorf("%w: parameter %d of the statement has no name: give all in order, or name all", ErrParams, i)
		}
		value, ok := named[name]
		if !ok {
			value, ok = named[name[1:]]
		}
		if !ok {
			return fmt.Errorf("%w: %s is not given", ErrParams, name)
		}
		used++
		if err := bindValue(stmt, i, value); err != nil {
			return err
		}
	}
	if used < len(named) {
		return fmt.Errorf("%w: the statement has %s, not all of %s", ErrParams, describe(stmt, used), keys(named))
	}
	return nil
}

func bindValue(stmt sqlite.Stmt, param int, value any) error {
	switch v := value.(type) {
	case nil:
		return stmt.BindNull(param)
	case bool:
		if v {
			return stmt.BindInt64(param, 1)
		}
		return stmt.BindInt64(param, 0)
	case int:
		return stmt.BindInt64(param, int64(v))
	case int64:
		return stmt.BindInt64(param, v)
	case float64:
		return stmt.BindFloat(param, v)
	case string:
		return stmt.BindText(param, v)
	case json.RawMessage:
		return stmt.BindRawText(param, v)
	case []byte:
		return stmt.BindBlob(param, v)
	}
	return fmt.Errorf("%w: parameter %s is a %T; it can be nil, bool, int, int64, float64, string, []byte or json.RawMessage",
		ErrParams, label(stmt, param), value)
}

func label(stmt sqlite.Stmt, param int) string {
	if name := stmt.BindName(param); name != "" {
		return name
	}
	return strconv.Itoa(param)
}

// describe counts the parameters of a statement, and names those with a name.
func describe(stmt sqlite.Stmt, n int) string {
	var names []string
	for i := 1; i <= n; i++ {
		if name := stmt.BindName(i); name != "" {
			names = append(names, name)
		}
	}
	text := count(n) + " parameter"
	if n != 1 {
		text += "s"
	}
	if names != nil {
		text += " (" + strings.Join(names, ", ") + ")"
	}
	return text
}

func count(n int) string {
	if n == 0 {
		return "no"
	}
	return strconv.Itoa(n)
}

func keys(named Named) string {
	var list []string
	for name := range named {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
