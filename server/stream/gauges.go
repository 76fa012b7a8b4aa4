package stream

import "time"

// Commit is what one transaction was.
type Commit struct {
	Requests int // appends in it
	Events   int
	Bytes    int           // of the events' records
	Took     time.Duration // of the store, its sync included
	Failed   bool          // nothing of it was committed
}

// Gauges are how much of everything there is.
type Gauges struct {
	Streams        int    // in memory
	Subscriptions  int    // live
	Lag            uint64 // events that the slowest subscription has not been given yet
	QueuedRequests int    // that wait for the committer
	QueuedBytes    int
	TailBytes      int           // recent records in memory
	Committing     time.Duration // for how long the transaction that is running has been; 0: none is
}

// Gauges looks at every stream in memory and every subscription: it is for once in some seconds.
func (e *Engine) Gauges() Gauges {
	var g Gauges
	for _, in := range e.all() {
		in.measure(&g)
	}
	g.Committing = e.committing()
	q := e.committer.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	g.QueuedRequests, g.QueuedBytes = len(q.requests), q.bytes
	return g
}

func (in *instance) measure(g *Gauges) {
	in.mu.Lock()
	defer in.mu.Unlock()
	g.Streams++
	g.TailBytes += in.tail.bytes
	g.Subscriptions += len(in.subscriptions)
	for _, s := range in.subscriptions {
		s.mu.Lock()
		cursor := s.stats.cursor
		s.mu.Unlock()
		g.Lag = max(g.Lag, in.head.offset-min(in.head.offset, cursor))
	}
}

// committing is for how long the transaction that is running has been.
func (e *Engine) committing() time.Duration {
	if began := e.committer.began.Load(); began != nil {
		return time.Since(*began)
	}
	return 0
}

// Failing reports whether the last commit, which was after the time, has failed.
func (e *Engine) Failing(since time.Time) bool {
	at := e.committer.failedAt.Load()
	return at != nil && at.After(since)
}

// Stuck reports whether the commit that is running has been for so long that the disk does not answer.
func (e *Engine) Stuck() bool { return e.committing() >= stuckCommit }
