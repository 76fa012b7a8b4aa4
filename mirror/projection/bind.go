package projection

import (
	"fmt"
	"math"

	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// bind binds parameters as a query does, and offsets as they are.
func bind(stmt sqlite.Stmt, params []any) error {
	for i, p := range params {
		if n, ok := p.(uint64); ok {
			if n > math.MaxInt64 {
				return fmt.Errorf("%w: parameter %d is over what SQLite holds", query.ErrParams, i+1)
			}
			params[i] = int64(n)
		}
	}
	return query.Bind(stmt, params)
}
