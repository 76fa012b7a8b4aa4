package e2e

import (
	"fmt"
	"testing"
)

// declared is a mirror that the page opens beside that of the viewer, with a projection.
const declared = `(() => {
	window.shop = openMirror({ name: 'shop', projections: [{
		name: 'stock', version: %q,
		schema: 'CREATE TABLE stock (stream_id INTEGER, item TEXT, n INTEGER, PRIMARY KEY (stream_id, item))',
		on: {
			'stock/arrived': "INSERT INTO stock VALUES (:stream_id, :payload ->> 'item', %s) ON CONFLICT DO UPDATE SET n = n + excluded.n",
			'stock/sold': ["UPDATE stock SET n = n - 1 WHERE stream_id = :stream_id AND item = :payload ->> 'item'", %q],
		},
	}] });
	window.stream = shop.stream('/shop');
	return true;
})()`

// B11: a projection that a page declares in SQL, and the feed, are there as tables; another version takes the place of the first; one
// that is wrong says where.
func TestProjectionFromThePage(t *testing.T) {
	s := startServer(t)
	tab := openViewer(startBrowser(t, t.TempDir()), s.URL(), "/other")
	const sold = "DELETE FROM stock WHERE n = 0"
	eval[bool](tab, fmt.Sprintf(declared, "1", ":payload ->> 'n'", sold))
	for i := range 10 {
		eval[float64](tab, fmt.Sprintf(`stream.append({ type: 'stock/arrived', payload: { item: 'tea', n: %d } }).then((e) => e.offset)`, i))
	}
	eval[float64](tab, `stream.append([1, 2, 3].map(() => ({ type: 'stock/sold', payload: { item: 'tea' } }))).then((e) => e.length)`)
	tab.Wait(`shop.query("SELECT n FROM stock WHERE item = 'tea'").then((r) => r.rows[0]?.[0] === 42)`)
	tab.Wait(`shop.query("SELECT component, count FROM feed ORDER BY local_index").then((r) => JSON.stringify(r.rows)
		=== '[["stream.created",1],["stream.woken",1],["group",10],["group",3]]')`)

	eval[bool](tab, `(shop.close(), true)`)
	eval[bool](tab, fmt.Sprintf(declared, "2", ":payload ->> 'n' * 2", sold))
	tab.Wait(`shop.query("SELECT n FROM stock WHERE item = 'tea'").then((r) => r.rows[0]?.[0] === 87)`)
	tab.Wait(`shop.status.getSnapshot().projections.every((p) => p.state === 'current')`)

	eval[bool](tab, `(shop.close(), true)`)
	eval[bool](tab, fmt.Sprintf(declared, "3", "1", "DELETE FROM events"))
	tab.Wait(`shop.status.getSnapshot().failure?.code === 'invalid_projection'`)
	got := eval[string](tab, `shop.status.getSnapshot().failure.message`)
	if want := `projection "stock", event type "stock/sold", statement 2, line 1, column 13: no such table: events; it may use only the projection's own tables: stock`; got != want {
		t.Errorf("the failure is\n%s\nwant\n%s", got, want)
	}
}
