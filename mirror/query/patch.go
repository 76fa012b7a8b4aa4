package query

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"
	"strconv"
)

// Patch makes a result of an older one: its rows, in order. A row is known by all that is in it, so that one that has moved
// is not new, and nobody has to name a key.
type Patch []Piece

// Piece is a run of rows: Count of the older result, from index From; or else Rows, which that one does not have.
type Piece struct {
	From, Count int
	Rows        [][]any
}

// Diff is what makes to of from. ok is false when that saves nothing: the columns are others, or no row is kept.
func Diff(from, to *Result) (p Patch, ok bool) {
	if from == nil || to == nil || !slices.Equal(from.Columns, to.Columns) {
		return nil, false
	}
	old, rows := from.Rows, to.Rows
	head := commonHead(old, rows)
	tail := commonTail(old[head:], rows[head:])
	p = p.keep(0, head)
	p = p.middle(old[:len(old)-tail], rows[head:len(rows)-tail], head)
	p = p.keep(len(old)-tail, tail)
	kept := slices.ContainsFunc(p, func(piece Piece) bool { return piece.Count > 0 })
	return p, kept || len(p) == 0
}

// middle adds rows, of which old has some from index at on, in any order.
func (p Patch) middle(old, rows [][]any, at int) Patch {
	if len(rows) == 0 {
		return p
	}
	seed := maphash.MakeSeed()
	known := make(map[uint64]int, len(old)-at)
	for i := len(old) - 1; i >= at; i-- { // the first of equal rows stays
		known[hashRow(seed, old[i])] = i
	}
	next := at // in old, after the last row that was kept
	for i, row := range rows {
		if next >= len(old) || !equalRows(old[next], row) {
			found, ok := known[hashRow(seed, row)]
			if !ok || !equalRows(old[found], row) {
				p = p.add(rows[i : i+1])
				continue
			}
			next = found
		}
		p = p.keep(next, 1)
		next++
	}
	return p
}

// keep adds count rows of the older result.
func (p Patch) keep(from, count int) Patch {
	if count == 0 {
		return p
	}
	if n := len(p); n > 0 && p[n-1].Count > 0 && p[n-1].From+p[n-1].Count == from {
		p[n-1].Count += count
		return p
	}
	return append(p, Piece{From: from, Count: count})
}

// add adds rows that the older result does not have.
func (p Patch) add(rows [][]any) Patch {
	if n := len(p); n > 0 && p[n-1].Count == 0 {
		p[n-1].Rows = append(p[n-1].Rows, rows...)
		return p
	}
	return append(p, Piece{Rows: slices.Clone(rows)})
}

// Apply makes the newer result of the older one. Both share the rows that are in both.
func (p Patch) Apply(from *Result) *Result {
	to := &Result{Columns: from.Columns, Rows: [][]any{}}
	for _, piece := range p {
		to.Rows = append(to.Rows, from.Rows[piece.From:piece.From+piece.Count]...)
		to.Rows = append(to.Rows, piece.Rows...)
	}
	return to
}

// AppendJSON appends the patch as JSON: [[0,120],{"rows":[[…],…]}], where [from,count] are rows of the older result. Cells are as in
// [Result.AppendJSON].
func (p Patch) AppendJSON(dst []byte) []byte {
	dst = append(dst, '[')
	for i, piece := range p {
		if i > 0 {
			dst = append(dst, ',')
		}
		if piece.Count > 0 {
			dst = strconv.AppendInt(append(dst, '['), int64(piece.From), 10)
			dst = strconv.AppendInt(append(dst, ','), int64(piece.Count), 10)
			dst = append(dst, ']')
			continue
		}
		dst = append(appendRows(append(dst, `{"rows":`...), piece.Rows), '}')
	}
	return append(dst, ']')
}

func commonHead(a, b [][]any) (n int) {
	for n < min(len(a), len(b)) && equalRows(a[n], b[n]) {
		n++
	}
	return n
}

func commonTail(a, b [][]any) (n int) {
	for n < min(len(a), len(b)) && equalRows(a[len(a)-1-n], b[len(b)-1-n]) {
		n++
	}
	return n
}

func hashRow(seed maphash.Seed, row []any) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	var number [9]byte
	for _, cell := range row {
		switch v := cell.(type) {
		case int64:
			h.Write(binary.LittleEndian.AppendUint64(append(number[:0], 'i'), uint64(v)))
		case float64:
			if v == 0 {
				v = 0 // -0, which equals it
			}
			h.Write(binary.LittleEndian.AppendUint64(append(number[:0], 'f'), math.Float64bits(v)))
		case string:
			h.WriteByte('s')
			h.WriteString(v)
		case []byte:
			h.WriteByte('b')
			h.Write(v)
		default:
			h.WriteByte('n')
		}
	}
	return h.Sum64()
}
