//go:build !js

package replica_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

// The SQL of docs/schema.md works, and every column is in it.
func TestDocumentedSQL(t *testing.T) {
	doc, err := os.ReadFile("../../docs/schema.md")
	if err != nil {
		t.Fatal(err)
	}
	conn := sqlitetest.Open(t)
	r := open(t, conn, replica.Options{})
	mustApply(t, r, chat, newLog(1, 20), 1, 20)
	blocks := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(blocks) < 3 {
		t.Errorf("only %d blocks of SQL", len(blocks))
	}
	for _, block := range blocks {
		for statement := range strings.SplitSeq(strings.TrimSpace(block[1]), ";") {
			if strings.TrimSpace(statement) != "" {
				rows(t, conn, statement)
			}
		}
	}
	for column := range strings.FieldsSeq(rows(t, conn, `SELECT DISTINCT c.name FROM sqlite_schema AS s, pragma_table_xinfo(s.name) AS c
		WHERE s.type IN ('table', 'view') AND s.name NOT LIKE 'sqlite_%'`)) {
		if !regexp.MustCompile(`\b` + column + `\b`).Match(doc) {
			t.Errorf("column %s is not documented", column)
		}
	}
}
