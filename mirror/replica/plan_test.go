package replica_test

import (
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

// B10: what users ask for is found by an index, in its order, without a scan of the events or a sort.
func TestQueryPlans(t *testing.T) {
	conn := sqlitetest.Open(t)
	r := open(t, conn, replica.Options{})
	mustApply(t, r, chat, newLog(1, 50), 1, 50)
	for _, c := range []struct{ sql, want string }{
		{"SELECT payload FROM events WHERE stream_id = 1 AND offset = 7", "events_by_offset (copy_id=? AND offset=?)"},
		{"SELECT payload FROM events WHERE stream_id = 1 AND offset > 7 ORDER BY offset LIMIT 9", "events_by_offset (copy_id=? AND offset>?)"},
		{"SELECT payload FROM events WHERE stream_id = 1 ORDER BY offset DESC LIMIT 9", "events_by_offset (copy_id=?)"},
		{"SELECT payload FROM events WHERE stream_id = 1 AND type = 'a' AND local_index > 7 ORDER BY local_index", "events_by_type (copy_id=? AND type=? AND local_index>?)"},
		{"SELECT payload FROM events WHERE stream_id = 1 AND type = 'a' ORDER BY local_index DESC LIMIT 9", "events_by_type (copy_id=? AND type=?)"},
		{"SELECT count(*), max(offset) FROM events WHERE stream_id = 1", "COVERING INDEX events_by_offset (copy_id=?)"},
		{"SELECT type, count(*) FROM events WHERE stream_id = 1 GROUP BY type", "COVERING INDEX events_by_type (copy_id=?)"},
		{"SELECT offset, type, payload FROM log WHERE namespace = 'default' AND path = '/chat' AND offset > 7 ORDER BY offset LIMIT 9",
			"events_by_offset (copy_id=? AND offset>?)"},
		{"SELECT payload FROM log WHERE namespace = 'default' AND path = '/chat' AND type = 'a' ORDER BY local_index",
			"events_by_type (copy_id=? AND type=?)"},
	} {
		plan := rows(t, conn, "EXPLAIN QUERY PLAN "+c.sql)
		if !strings.Contains(plan, c.want) || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\nwant %s, is\n%s", c.sql, c.want, plan)
		}
	}
}
