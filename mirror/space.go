package mirror

import (
	"context"
	"fmt"
)

// Space is how much room a mirror's storage takes, and whether it may be taken away.
type Space struct {
	// UsageBytes is what is used: natively by the database's files, in the browser by all that the site has stored.
	UsageBytes int64 `json:"usageBytes"`
	// QuotaBytes is how much the browser lets the site use, about; 0 natively.
	QuotaBytes  int64       `json:"quotaBytes,omitempty"`
	Persistence Persistence `json:"persistence"`
}

// Persistence is whether the storage is kept when room gets scarce.
type Persistence string

// The kinds of persistence.
const (
	BestEffort      Persistence = "best-effort" // the browser may delete it when the disk gets full, or nobody visits the site
	PersistenceOff  Persistence = "denied"      // the same: the browser was asked for more, and has refused
	PersistenceKept Persistence = "persisted"   // it stays until its user deletes it
)

// CodeStorageLow, see the other codes: there is little room left.
const CodeStorageLow = "storage_low"

// low is the warning that there is little room left; nil: there is enough.
func (s *Space) low() *StorageProblem {
	if s == nil || s.QuotaBytes == 0 {
		return nil
	}
	free := s.QuotaBytes - s.UsageBytes
	if free >= min(lowSpaceBytes, s.QuotaBytes/lowSpaceShare) {
		return nil
	}
	// The figures are in Space. They are not in the text, which would be another warning each time.
	return &StorageProblem{CodeStorageLow, fmt.Sprintf("less than %d MB are left for this site: new events will soon find no room",
		1+min(lowSpaceBytes, s.QuotaBytes/lowSpaceShare)>>20), FreeSpace}
}

// measured takes what the storage has said of its room.
func (l *loop) measured(space *Space) {
	h := &l.health
	if space != nil && h.asked && !h.granted && space.Persistence == BestEffort {
		refused := *space
		refused.Persistence = PersistenceOff
		space = &refused
	}
	if space == h.space || space != nil && h.space != nil && *space == *h.space {
		return
	}
	h.space = space
	l.stale = true
	l.soon(flushInterval)
}

// askToPersist asks once, when there is something to lose.
func (l *loop) askToPersist() {
	h, ask := &l.health, l.mirror.options.Persist
	if h.asking || ask == nil || l.db.kind != StorageOPFS {
		return
	}
	h.asking = true
	ctx, cancel := context.WithCancel(l.mirror.ctx)
	l.asking.Go(func() {
		defer cancel()
		granted, err := ask(ctx)
		if err != nil {
			return // nobody has answered: it may be asked again when the mirror is opened again
		}
		l.mirror.chores.add(func(l *loop) {
			l.health.asked, l.health.granted = true, granted
			l.checkStorage()
		})
	})
}
