package circuitbreaker

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

// takes is how many of n tokens are there at the time.
func takes(b *bucket, at time.Time, n int) (got int) {
	for range n {
		next, ok := b.take(at)
		if *b = next; ok {
			got++
		}
	}
	return got
}

// S16: a burst as large as the capacity, then as many as time has brought back, and never more than the capacity.
func TestBucket(t *testing.T) {
	b := newBucket(Settings{BurstCapacity: 10, RefillPerMinute: 60})
	for _, step := range []struct {
		after time.Duration
		want  int
	}{
		{0, 10}, {0, 0},
		{999 * time.Millisecond, 0},
		{time.Second, 1},
		{1500 * time.Millisecond, 0},
		{2 * time.Second, 1}, // what was half a token is not lost
		{7 * time.Second, 5},
		{time.Hour, 10},
		{1000 * time.Hour, 10},
	} {
		if got := takes(&b, noon.Add(step.after), 20); got != step.want {
			t.Errorf("after %v: %d tokens, want %d", step.after, got, step.want)
		}
	}
}

// S16: a clock that goes backwards takes nothing away, and brings nothing twice.
func TestBackwardsClock(t *testing.T) {
	b := newBucket(Settings{BurstCapacity: 10, RefillPerMinute: 60})
	if got := takes(&b, noon, 5); got != 5 {
		t.Fatal(got)
	}
	if got := takes(&b, noon.Add(-time.Hour), 20); got != 5 {
		t.Errorf("an hour back: %d tokens, want the 5 that were there", got)
	}
	if got := takes(&b, noon, 20); got != 0 {
		t.Errorf("at noon again: %d tokens, want 0: that hour was not new", got)
	}
	if got := takes(&b, noon.Add(2*time.Second), 20); got != 2 {
		t.Errorf("two seconds later: %d tokens, want 2", got)
	}
}

// S16: to configure it takes away what no longer fits, adds the difference, and does not fill it.
func TestConfigureBucket(t *testing.T) {
	b := newBucket(Settings{BurstCapacity: 10, RefillPerMinute: 0})
	takes(&b, noon, 8)
	for range 5 {
		b = b.configure(b.Settings)
	}
	if got := takes(&b, noon.Add(time.Hour), 20); got != 2 {
		t.Errorf("configured again as it was: %d tokens, want 2", got)
	}
	b = b.configure(Settings{BurstCapacity: 14})
	if got := takes(&b, noon, 20); got != 4 {
		t.Errorf("larger: %d tokens, want 4", got)
	}
	b = newBucket(Settings{BurstCapacity: 10}).configure(Settings{BurstCapacity: 3})
	if got := takes(&b, noon, 20); got != 3 {
		t.Errorf("smaller: %d tokens, want 3", got)
	}
}

// S16: whatever the settings and the clock: never below nothing, never above the capacity, and never more in a time than
// the capacity and what that time brings.
func TestBucketInvariants(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		s := Settings{BurstCapacity: 1 + rnd.Int64N(MaxBurstCapacity), RefillPerMinute: rnd.Int64N(MaxRefillPerMinute + 1)}
		if rnd.IntN(2) == 0 {
			s = Settings{BurstCapacity: 1 + rnd.Int64N(5), RefillPerMinute: rnd.Int64N(100)}
		}
		b := newBucket(s)
		at, latest, taken := noon, noon, 0
		for range 300 {
			jump := time.Duration(rnd.Int64N(int64(time.Minute)))
			switch rnd.IntN(10) {
			case 0:
				jump = -jump * 100
			case 1:
				jump = time.Duration(rnd.Int64N(math.MaxInt64 / 1000))
			}
			at = at.Add(jump)
			if at.After(latest) {
				latest = at
			}
			var ok bool
			if b, ok = b.take(at); ok {
				taken++
			}
			if b.Level < 0 || b.Level > s.BurstCapacity*token {
				t.Fatalf("%+v: level %d", s, b.Level)
			}
		}
		most := float64(s.BurstCapacity) + latest.Sub(noon).Minutes()*float64(s.RefillPerMinute)
		if float64(taken) > most+1 {
			t.Errorf("%+v: %d tokens were taken, at most %.1f can have been there", s, taken, most)
		}
	}
}
