package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

func testHash(t *testing.T, s *suite) {
	a := newLog("/a", 1)
	for range 4 {
		next := a.batch(3)
		s.commit(next)
		a.add(next)
	}
	for offset := range a.offset() + 1 {
		if got, err := s.Hash(t.Context(), a.stream, offset); err != nil || got != a.hashAt(offset) {
			t.Errorf("hash at %d: got %v, %v, want %v", offset, got, err, a.hashAt(offset))
		}
	}
	if _, err := s.Hash(t.Context(), a.stream, a.offset()+1); !errors.Is(err, store.ErrNoStream) {
		t.Errorf("hash past the end: got %v, want ErrNoStream", err)
	}
	if _, err := s.Hash(t.Context(), newLog("/a", 2).stream, 0); !errors.Is(err, store.ErrNoStream) {
		t.Errorf("hash of another incarnation: got %v, want ErrNoStream", err)
	}
}

func testRead(t *testing.T, s *suite) {
	const many = 1 << 20
	a := newLog("/a", 1)
	b := a.batch(10)
	s.commit(b)
	a.add(b)
	size := millpond.FramedRecordBytes(len(a.records[0].Data))
	for _, test := range []struct {
		what  string
		r     store.Range
		first uint64
		last  uint64 // first-1: nothing
	}{
		{"all", store.Range{Limit: many, Bytes: many}, 1, 10},
		{"after", store.Range{After: 7, Limit: many, Bytes: many}, 8, 10},
		{"before", store.Range{Before: 4, Limit: many, Bytes: many}, 1, 3},
		{"between", store.Range{After: 2, Before: 5, Limit: many, Bytes: many}, 3, 4},
		{"empty between", store.Range{After: 4, Before: 5, Limit: many, Bytes: many}, 5, 4},
		{"the wrong way round", store.Range{After: 5, Before: 3, Limit: many, Bytes: many}, 6, 5},
		{"at the end", store.Range{After: 10, Limit: many, Bytes: many}, 11, 10},
		{"past the end", store.Range{After: 1 << 63, Limit: many, Bytes: many}, 1<<63 + 1, 1 << 63},
		{"limit", store.Range{After: 3, Limit: 2, Bytes: many}, 4, 5},
		{"bytes, exactly", store.Range{Limit: many, Bytes: 3 * size}, 1, 3},
		{"bytes, one short", store.Range{Limit: many, Bytes: 3*size - 1}, 1, 2},
		{"one at least", store.Range{After: 6, Limit: many, Bytes: 1}, 7, 7},
	} {
		page, err := s.Read(t.Context(), a.stream, test.r)
		if err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		want := store.Page{Last: test.last, Count: int(test.last - test.first + 1)}
		for offset := test.first; offset <= test.last; offset++ {
			want.Records = millpond.AppendFramedRecord(want.Records, a.records[offset-1].Data)
			want.Hash = a.hashAt(offset)
		}
		if len(page.Records) == 0 {
			page.Records = nil
		}
		if !reflect.DeepEqual(page, want) {
			t.Errorf("%s: got %+v, want %+v", test.what, page, want)
		}
	}
	if _, err := s.Read(t.Context(), newLog("/a", 2).stream, store.Range{Limit: 1, Bytes: 1}); !errors.Is(err, store.ErrNoStream) {
		t.Errorf("another incarnation: got %v, want ErrNoStream", err)
	}
}

// testConcurrent reads from several goroutines while the log grows and is reset: each page must be a part of one
// incarnation.
func testConcurrent(t *testing.T, s *suite) {
	const lives, batches = 4, 20
	all := make([]*log, lives)
	for i := range all {
		all[i] = newLog("/a", i+1)
	}
	done := make(chan struct{})
	errs := make(chan error, 3)
	for range 3 {
		go func() {
			for {
				select {
				case <-done:
					errs <- nil
					return
				default:
				}
				if err := readSome(s.Store, all); err != nil {
					errs <- err
					<-done
					return
				}
			}
		}()
	}
	for i, life := range all {
		for range batches {
			b := life.batch(50)
			if i > 0 && b.After == 0 {
				b.Replaces = all[i-1].stream.Incarnation
			}
			s.commit(b)
			life.add(b)
		}
	}
	close(done)
	for range 3 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	s.holds(all[lives-1])
}

func readSome(s store.Store, all []*log) error {
	for _, life := range all {
		page, err := s.Read(context.Background(), life.stream, store.Range{After: 30, Limit: 200, Bytes: 1 << 20})
		if errors.Is(err, store.ErrNoStream) {
			continue
		}
		if err != nil {
			return err
		}
		// Every incarnation of a log has the same records, so the hash chain can be made again from the first 30.
		hash := newLog("/a", 1).batch(30).Records[29].Hash
		_, err = walk(page, 30, hash)
		if err != nil {
			return fmt.Errorf("incarnation %s: %w", life.stream.Incarnation, err)
		}
	}
	return nil
}

func testLarge(t *testing.T, s *suite) {
	a, b := newLog("/a", 1), newLog("/b", 1)
	head := len(a.large(0).Records[0].Data)
	for _, bytes := range []int{millpond.MaxPartBytes - head - 4, millpond.MaxPartBytes - head, millpond.MaxPartBytes,
		2*millpond.MaxPartBytes - head - 3, 3 * millpond.MaxPartBytes, 8 << 20} {
		large, small := a.large(bytes), b.batch(2)
		s.commit(large, small)
		a.add(large)
		b.add(small)
		s.holds(a)
		next := a.batch(3)
		s.commit(next)
		a.add(next)
	}
	s.holds(a)
	s.holds(b)
	s.reopen()
	s.holds(a)
	for _, offset := range []uint64{0, a.offset() + 1} {
		if _, err := s.ReadPart(t.Context(), a.stream, offset, 0, 1); !errors.Is(err, store.ErrNoStream) {
			t.Errorf("offset %d: got %v, want ErrNoStream", offset, err)
		}
	}
	size := len(a.records[len(a.records)-4].Data)
	if _, err := s.ReadPart(t.Context(), a.stream, a.offset()-3, size, 1); !errors.Is(err, store.ErrNoStream) {
		t.Errorf("past the end of the record: %v", err)
	}
	part, err := s.ReadPart(t.Context(), a.stream, a.offset(), 1, 10)
	if err != nil || string(part.Data) != string(a.records[a.offset()-1].Data[1:11]) {
		t.Errorf("a part of a small record: got %+v, %v", part, err)
	}

	life := newLog("/a", 2)
	reset := life.batch(1)
	reset.Replaces = a.stream.Incarnation
	s.commit(reset)
	life.add(reset)
	if _, err := s.ReadPart(t.Context(), a.stream, 1, 0, 1); !errors.Is(err, store.ErrNoStream) {
		t.Errorf("a part of the old incarnation: %v", err)
	}
	large := life.large(millpond.MaxPartBytes)
	s.commit(large)
	life.add(large)
	if sweeper, ok := s.Store.(store.Sweeper); ok {
		for more := true; more; {
			if more, err = sweeper.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.holds(life)
	s.holds(b)
}
