//go:build js && !gosqlite

package sqlite

import "github.com/millpond-dev/millpond/mirror/sqlite/linked"

// SQLite answers for a closed statement, which is 0, and for columns that do not exist: 0, nothing and NULL.

func (s *linkedStmt) ColumnCount() int { return int(linked.ColumnCount(s.stmt)) }

func (s *linkedStmt) ColumnName(col int) string {
	if s.stmt == 0 {
		return ""
	}
	return linked.CString(linked.ColumnName(s.stmt, int32(col)))
}

func (s *linkedStmt) ColumnType(col int) Type { return Type(linked.ColumnType(s.stmt, int32(col))) }

func (s *linkedStmt) ColumnInt64(col int) int64 { return linked.ColumnInt64(s.stmt, int32(col)) }

func (s *linkedStmt) ColumnFloat(col int) float64 { return linked.ColumnDouble(s.stmt, int32(col)) }

func (s *linkedStmt) ColumnText(col int) string {
	text := linked.ColumnText(s.stmt, int32(col))
	if text.Pointer() == 0 {
		s.missing(col)
		return ""
	}
	return linked.Text(text.Pointer(), text.Len())
}

func (s *linkedStmt) ColumnBlob(col int) []byte {
	blob := linked.ColumnBlob(s.stmt, int32(col))
	if blob.Pointer() == 0 {
		if s.ColumnType(col) == Null {
			return nil
		}
		if blob.Len() > 0 {
			s.missing(col)
		}
		return []byte{}
	}
	b := make([]byte, blob.Len())
	linked.CopyOut(b, blob.Pointer())
	return b
}

// missing notes that there is a value that SQLite has had no memory to give: Err tells.
func (s *linkedStmt) missing(col int) {
	if s.failure == nil && s.ColumnType(col) != Null {
		s.failure = errNoMem
	}
}
