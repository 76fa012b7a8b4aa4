package query_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millpond-dev/millpond/mirror/query"
)

func resultOf(rows ...any) *query.Result {
	result := &query.Result{Columns: []string{"n"}, Rows: [][]any{}}
	for _, cell := range rows {
		result.Rows = append(result.Rows, []any{cell})
	}
	return result
}

// B6: only what differs leaves the worker.
func TestPatch(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to []any
		want     string // "": it saves nothing
	}{
		{"appended", []any{"a", "b"}, []any{"a", "b", "c"}, `[[0,2],{"rows":[["c"]]}]`},
		{"before", []any{"a", "b"}, []any{"c", "a", "b"}, `[{"rows":[["c"]]},[0,2]]`},
		{"changed", []any{"a", "b", "c"}, []any{"a", "x", "c"}, `[[0,1],{"rows":[["x"]]},[2,1]]`},
		{"deleted", []any{"a", "b", "c"}, []any{"a", "c"}, `[[0,1],[2,1]]`},
		{"emptied", []any{"a"}, []any{}, `[]`},
		{"filled", []any{}, []any{"a"}, ``},
		{"window", []any{"a", "b", "c", "d"}, []any{"c", "d", "e", "f"}, `[[2,2],{"rows":[["e"],["f"]]}]`},
		{"moved", []any{"a", "b", "c", "d"}, []any{"d", "b", "c", "a"}, `[[3,1],[1,2],[0,1]]`},
		{"equal rows", []any{"a", "a", "b"}, []any{"a", "b", "a", "a"}, `[[0,1],[2,1],[1,1],[1,1]]`},
		{"types", []any{int64(1), "1", 1.0, []byte("1"), nil}, []any{nil, "1", int64(1)}, `[[4,1],[1,1],[0,1]]`},
		{"all others", []any{"a", "b"}, []any{"c", "d"}, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, to := resultOf(c.from...), resultOf(c.to...)
			patch, ok := query.Diff(from, to)
			if got := string(patch.AppendJSON(nil)); ok != (c.want != "") || ok && got != c.want {
				t.Fatalf("%v %s, want %s", ok, got, c.want)
			}
			if got := patch.Apply(from); !got.Equal(to) {
				t.Errorf("makes %s", rowsOf(got))
			}
		})
	}
}

func TestNoPatch(t *testing.T) {
	one := resultOf("a")
	other := &query.Result{Columns: []string{"m"}, Rows: one.Rows}
	for _, pair := range [][2]*query.Result{{nil, one}, {one, nil}, {one, other}} {
		if patch, ok := query.Diff(pair[0], pair[1]); ok {
			t.Errorf("there is a patch: %v", patch)
		}
	}
}

// Whatever two results are, the patch makes one of the other, and holds no row that it could have kept, unless there are several
// like it.
func TestPatchRandom(t *testing.T) {
	for seed := range uint64(2_000) {
		r := rand.New(rand.NewPCG(seed, 0))
		random := func() *query.Result {
			var cells []any
			for range r.IntN(12) {
				n := r.IntN(4)
				cells = append(cells, []any{nil, int64(n), fmt.Sprint(n), float64(n), []byte{byte(n)}}[r.IntN(5)])
			}
			return resultOf(cells...)
		}
		from, to := random(), random()
		patch, _ := query.Diff(from, to)
		if got := patch.Apply(from); !got.Equal(to) {
			t.Fatalf("seed %d: %s of %s makes %s, not %s", seed, patch.AppendJSON(nil), rowsOf(from), rowsOf(got), rowsOf(to))
		}
		if text := patch.AppendJSON(nil); !json.Valid(text) {
			t.Fatalf("seed %d: %s", seed, text)
		}
		for _, piece := range patch {
			for _, row := range piece.Rows {
				if count(from, row) > 0 && count(to, row) == 1 {
					t.Fatalf("seed %d: %v is sent again, of %s", seed, row, rowsOf(from))
				}
			}
		}
	}
}

// count is how many rows of a result are equal to one.
func count(result *query.Result, row []any) (n int) {
	one := &query.Result{Columns: result.Columns, Rows: [][]any{row}}
	for _, other := range result.Rows {
		if one.Equal(&query.Result{Columns: result.Columns, Rows: [][]any{other}}) {
			n++
		}
	}
	return n
}

// BenchmarkDiff is what a change costs beside reading the rows: one of 100,000 has changed.
func BenchmarkDiff(b *testing.B) {
	var from, to query.Result
	for i := range 100_000 {
		row := []any{int64(i), "type", fmt.Sprint("a payload of some length ", i)}
		from.Rows, to.Rows = append(from.Rows, row), append(to.Rows, slices.Clone(row))
	}
	to.Rows[70_000][2] = "changed"
	for b.Loop() {
		if patch, ok := query.Diff(&from, &to); !ok || len(patch) != 3 {
			b.Fatal(patch)
		}
	}
}
