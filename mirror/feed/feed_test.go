package feed_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/feed"
	"github.com/millpond-dev/millpond/mirror/projection/projectiontest"
)

func events(types ...string) (list []millpond.Event) {
	for i, typ := range types {
		list = append(list, millpond.Event{Type: typ, Payload: json.RawMessage(fmt.Sprint(i))})
	}
	return list
}

func many(n int, typ string) (list []millpond.Event) {
	return events(strings.Fields(strings.Repeat(typ+" ", n))...)
}

// B11: consecutive events of one type are one row; types with a component of their own are single rows and close the group.
func TestRows(t *testing.T) {
	m := projectiontest.Fold(t, feed.Projection(), events("stream/created", "stream/woken", "frog", "frog", "newt", "frog", "frog",
		"stream/child-stream-created", "stream/child-stream-created", "frog", "stream/paused", "stream/paused")...)
	want := `0|stream.created|stream/created|1|1|1
1|stream.woken|stream/woken|2|2|1
2|group|frog|3|4|2
3|group|newt|5|5|1
4|group|frog|6|7|2
5|stream.child-stream-created|stream/child-stream-created|8|8|1
6|stream.child-stream-created|stream/child-stream-created|9|9|1
7|group|frog|10|10|1
8|group|stream/paused|11|12|2
`
	if got := m.Rows("SELECT local_index, component, type, first_offset, last_offset, count FROM feed ORDER BY local_index"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	var data []millpond.Event
	text := m.Rows("SELECT data FROM feed WHERE local_index = 4")
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		t.Fatal(err)
	}
	if len(data) != 2 || data[0].Offset != 6 || data[1].Type != "frog" || string(data[1].Payload) != "6" || data[1].CreatedAt.IsZero() {
		t.Errorf("the data is %s", text)
	}
}

// B11: the same input makes the same rows on any batch split, whatever fails and restarts between them.
func TestAnySplit(t *testing.T) {
	for seed := range uint64(2) {
		random := rand.New(rand.NewPCG(seed, 2))
		var list []millpond.Event
		for len(list) < 450 {
			n := 1
			if random.IntN(3) == 0 {
				n = 1 + random.IntN(350)
			}
			typ := []string{"frog", "newt", "stream/woken"}[random.IntN(3)]
			for range n {
				payload := fmt.Sprintf(`{ "n" : "%s" }`, strings.Repeat("x", random.IntN(1000)*random.IntN(4)))
				list = append(list, millpond.Event{Type: typ, Payload: json.RawMessage(payload)})
			}
		}
		m := projectiontest.Fold(t, feed.Projection(), list...)
		if got, want := m.Rows("SELECT sum(count), max(last_offset) FROM feed"), fmt.Sprintf("%d|%[1]d\n", len(list)); got != want {
			t.Errorf("seed %d: the rows have %swant %s", seed, got, want)
		}
		gaps := m.Rows(`SELECT local_index FROM (SELECT local_index, local_index - row_number() OVER w AS off, first_offset - lag(last_offset, 1, 0) OVER w AS step
			FROM feed WINDOW w AS (ORDER BY local_index)) WHERE off <> -1 OR step <> 1`)
		if gaps != "" {
			t.Errorf("seed %d: rows that do not follow the one before: %s", seed, gaps)
		}
	}
}

// B11: a batch writes each row once at the most.
func TestOneWriteARow(t *testing.T) {
	m := projectiontest.New(t, feed.Projection())
	m.Append(many(3, "frog")...)
	writes := map[int64]int{}
	m.Conn.OnUpdate(func(table string, row int64) {
		if table == "feed" {
			writes[row]++
		}
	})
	m.Append(append(append(many(100, "frog"), events("stream/woken")...), many(100, "newt")...)...)
	m.Conn.OnUpdate(nil)
	if len(writes) != 3 {
		t.Errorf("%d rows are written, want 3", len(writes))
	}
	for row, n := range writes {
		if n != 1 {
			t.Errorf("row %d is written %d times", row, n)
		}
	}
}

// B11: a group keeps its last 200 events, fewer when they are large, and of a very large one only its size.
func TestBoundedData(t *testing.T) {
	const shape = `SELECT count, json_array_length(data), json_extract(data, '$[0].offset'), json_extract(data, '$[#-1].offset') FROM feed ORDER BY local_index`
	m := projectiontest.Fold(t, feed.Projection(), many(777, "frog")...)
	if got, want := m.Rows(shape), "777|200|578|777\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
	large := func(n int) millpond.Event {
		return millpond.Event{Type: "frog", Payload: json.RawMessage(`"` + strings.Repeat("x", n) + `"`)}
	}
	list := []millpond.Event{large(feed.MaxPayloadBytes)}
	for range 40 {
		list = append(list, large(feed.MaxPayloadBytes-2))
	}
	m = projectiontest.Fold(t, feed.Projection(), list...)
	if got, want := m.Rows(shape), "41|15|27|41\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
	m = projectiontest.Fold(t, feed.Projection(), large(feed.MaxPayloadBytes))
	if got, want := m.Rows("SELECT data ->> '$[0].omittedBytes', data ->> '$[0].offset', json_type(data, '$[0].payload') FROM feed"), "16386|1|\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
}
