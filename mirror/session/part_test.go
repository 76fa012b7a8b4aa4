package session

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

// largeRig has streams that are each sent a record of the size, in parts.
type largeRig struct {
	*rig
	record []byte
	names  []millpond.Name
	subs   []uint32
	sent   []int
	credit []int64 // that the server has
}

func newLargeRig(t *testing.T, streams, size int) *largeRig {
	r := &largeRig{rig: connected(t), record: bytes.Repeat([]byte("r"), size)}
	for i := range streams {
		name := millpond.Name{Namespace: "default", Path: "/" + strings.Repeat("a", i+1)}
		r.step(Subscribe{Name: name})
		sub := one[*millpond.Subscribe](r.rig)
		r.names, r.subs, r.sent, r.credit = append(r.names, name), append(r.subs, sub.ID), append(r.sent, 0), append(r.credit, sub.Credit)
		r.receive(&millpond.Resume{ID: sub.ID, Incarnation: first, MaxOffset: 1})
	}
	return r
}

// part sends the next part of a stream's record, as large as there is credit for. It is false when there is none.
func (r *largeRig) part(i int) bool {
	n := min(int(r.credit[i]), 256<<10, len(r.record)-r.sent[i])
	if n <= 0 {
		return false
	}
	p := millpond.Part{Subscription: r.subs[i], Offset: 1, RecordBytes: len(r.record), Start: r.sent[i], Bytes: r.record[r.sent[i]:][:n]}
	r.sent[i] += n
	r.credit[i] -= int64(n)
	r.send(Part{r.epoch, p, n})
	return true
}

// send takes a step, and counts the credit that it gives.
func (r *largeRig) send(in Input) {
	r.step(in)
	for _, c := range sent[*millpond.Credit](r.rig) {
		for i, id := range r.subs {
			if id == c.ID {
				r.credit[i] += c.Bytes
			}
		}
	}
}

// end sends the batch that the parts make, and applies it.
func (r *largeRig) end(i int) {
	r.Helper()
	r.credit[i] -= 30
	r.send(Frame{r.epoch, millpond.Batch{Subscription: r.subs[i], Assembled: true, Live: true, LastOffset: 1, MaxOffset: 1}, 30})
	apply := did[Apply](r.rig)
	if len(apply) != 1 || apply[0].Batch.Assembled {
		r.Fatalf("did %+v", r.effects)
	}
	record, rest, err := millpond.NextRecord(apply[0].Batch.Records)
	if err != nil || len(rest) > 0 || !bytes.Equal(record, r.record) {
		r.Fatalf("a record of %d bytes and %d more, %v; want one of %d", len(record), len(rest), err, len(r.record))
	}
	r.send(Applied{r.names[i], millpond.Position{Incarnation: first, Offset: 1, Hash: 1}})
}

// S6: a record that is larger than all credit there is comes through; of several, one at a time is beyond its window, the
// others stay in theirs, and each has its turn.
func TestLargeRecordsNeverStarve(t *testing.T) {
	const streams, size = 3, 3 * WindowBytes
	r := newLargeRig(t, streams, size)
	for done := 0; done < streams; {
		moved := false
		for i := range streams {
			for r.sent[i] < size && r.part(i) {
				moved = true
			}
			if r.sent[i] == size && r.credit[i] >= 0 {
				r.end(i)
				r.sent[i]++ // no more
				done++
			}
		}
		beyond := 0
		for i := range streams {
			if r.sent[i] > WindowBytes && r.sent[i] < size {
				beyond++
			}
		}
		if beyond > 1 {
			t.Fatalf("%d streams hold more than their window", beyond)
		}
		if !moved && done < streams {
			t.Fatalf("nothing moves: sent %v, credit %v", r.sent, r.credit)
		}
	}
	for i, credit := range r.credit { // all that was held is given again, but for what is not worth a message
		if credit > WindowBytes || credit < WindowBytes*3/4 {
			t.Errorf("stream %d has credit for %d bytes in the end, want about %d", i, credit, WindowBytes)
		}
	}
}

// S6: when the stream that is beyond its window ends, another one takes its turn.
func TestLargeRecordGivenUp(t *testing.T) {
	const size = 3 * WindowBytes
	for what, end := range map[string]Input{
		"by its user":   Unsubscribe{millpond.Name{Namespace: "default", Path: "/a"}},
		"by the server": Received{1, &millpond.Unsubscribed{ID: 1, Reason: millpond.EndKilled}},
	} {
		r := newLargeRig(t, 2, size)
		for r.sent[0] < 2*WindowBytes {
			r.part(0)
		}
		for r.part(1) {
		}
		if r.sent[1] > WindowBytes {
			t.Fatalf("%s: two are beyond their window", what)
		}
		r.send(end)
		for r.sent[1] < size {
			if !r.part(1) {
				t.Fatalf("%s: the other one has no credit after %d bytes", what, r.sent[1])
			}
		}
		r.end(1)
	}
}

// S6: a record over the mirror's limit ends the subscription, with the size and the limit, and is not asked for again.
func TestLargeRecordOverLimit(t *testing.T) {
	r := newLargeRig(t, 1, 3000)
	r.m.config.MaxRecordBytes = 2999
	r.part(0)
	if len(sent[*millpond.Unsubscribe](r.rig)) != 1 {
		t.Errorf("did %+v", r.effects)
	}
	s := r.state()
	if s.State != Failed || s.Problem == nil || s.Problem.Code != millpond.EventTooLarge || s.Problem.Action != millpond.GiveUp ||
		!strings.Contains(s.Problem.Message, "3000") || !strings.Contains(s.Problem.Message, "2999") {
		t.Errorf("status %+v, %+v", s, s.Problem)
	}
}

// S6: parts that do not follow one another, and a batch that its parts do not make, are a mismatch: the mirror subscribes again.
func TestPartsOutOfOrder(t *testing.T) {
	for what, in := range map[string]func(r *largeRig) Input{
		"a part is missing": func(r *largeRig) Input {
			return Part{r.epoch, millpond.Part{Subscription: r.subs[0], Offset: 1, RecordBytes: 3000, Start: 2001, Bytes: []byte("r")}, 1}
		},
		"a part of another record": func(r *largeRig) Input {
			return Part{r.epoch, millpond.Part{Subscription: r.subs[0], Offset: 2, RecordBytes: 3000, Start: 2000, Bytes: []byte("r")}, 1}
		},
		"the record is not whole": func(r *largeRig) Input {
			return Frame{r.epoch, millpond.Batch{Subscription: r.subs[0], Assembled: true, LastOffset: 1, MaxOffset: 1}, 1}
		},
	} {
		r := newLargeRig(t, 1, 3000)
		r.step(Part{r.epoch, millpond.Part{Subscription: r.subs[0], Offset: 1, RecordBytes: 3000, Bytes: r.record[:2000]}, 2000})
		r.step(in(r))
		if s := r.state(); s.State != Failed || len(sent[*millpond.Unsubscribe](r.rig)) != 1 || len(did[Apply](r.rig)) > 0 {
			t.Errorf("%s: status %+v, did %+v", what, s, r.effects)
		}
		r.wake()
		if len(sent[*millpond.Subscribe](r.rig)) != 1 {
			t.Errorf("%s: not asked for again: %+v", what, r.effects)
		}
	}
	if _, err := new(millpond.Assembly).Take(1); !errors.Is(err, millpond.ErrCorruptFrame) {
		t.Errorf("nothing is a record: %v", err)
	}
}

// S6: the parts of a record that fits into its window count as held until it is applied, and then no more.
func TestPartsInWindow(t *testing.T) {
	const size = WindowBytes / 2
	r := newLargeRig(t, 2, size)
	r.part(0) // may be beyond its window, and is not done
	for range 20 {
		for r.sent[1] < size {
			if !r.part(1) {
				t.Fatalf("no credit after %d bytes", r.sent[1])
			}
		}
		if s := r.m.streams[r.names[1]]; s.sub.credit.held < size {
			t.Fatalf("%d bytes count as held, want all %d", s.sub.credit.held, size)
		}
		r.end(1)
		r.sent[1] = 0
	}
}
