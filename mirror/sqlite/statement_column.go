//go:build !js || gosqlite

package sqlite

import "bytes"

func (s *statement) ColumnCount() int {
	if s.closed {
		return 0
	}
	return s.Stmt.ColumnCount()
}

func (s *statement) ColumnName(col int) string {
	if !s.has(col) {
		return ""
	}
	return s.Stmt.ColumnName(col)
}

func (s *statement) ColumnType(col int) Type {
	if s.closed {
		return Null
	}
	return Type(s.Stmt.ColumnType(col))
}

func (s *statement) ColumnInt64(col int) int64 {
	if s.closed {
		return 0
	}
	return s.Stmt.ColumnInt64(col)
}

func (s *statement) ColumnFloat(col int) float64 {
	if s.closed {
		return 0
	}
	return s.Stmt.ColumnFloat(col)
}

func (s *statement) ColumnText(col int) string {
	if s.closed {
		return ""
	}
	return s.Stmt.ColumnText(col)
}

func (s *statement) ColumnBlob(col int) []byte {
	if s.closed {
		return nil
	}
	if blob := s.Stmt.ColumnRawBlob(col); len(blob) > 0 {
		return bytes.Clone(blob)
	}
	if s.ColumnType(col) == Null {
		return nil
	}
	return []byte{}
}

// has keeps go-sqlite3 from panicking.
func (s *statement) has(col int) bool { return col >= 0 && col < s.ColumnCount() }
