//go:build sim

package sim

import (
	"encoding/json"
	"fmt"
	"time"
)

// settleTime is how long after the last fault all must be well.
const settleTime = 30 * time.Second

// settle ends all faults, and waits until all mirrors are as the server is.
func (w *world) settle() {
	w.calm()
	end := time.Now().Add(settleTime)
	why := w.unsettled()
	for why != "" && !w.failed() {
		if !w.clock.next(earlier(end, time.Now().Add(200*time.Millisecond))) && !time.Now().Before(end) {
			w.fail("%v after the last fault: %s", settleTime, why)
			return
		}
		w.check(false)
		why = w.unsettled()
	}
	if w.failed() {
		return
	}
	w.trace.add("all is well")
	w.pass(5 * time.Second)
	w.check(true)
	if why := w.unsettled(); why != "" && !w.failed() {
		w.fail("all was well, and is not any more: %s", why)
	}
	for _, d := range w.devices {
		d.checkEnd()
	}
}

// status is the status of the mirror as a failure tells it.
func (d *device) status() string {
	text, err := json.Marshal(d.mirror.Status())
	return fmt.Sprintf("%s %v", text, err)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// calm ends the faults.
func (w *world) calm() {
	for !w.gone() || w.closing() {
		w.pass(time.Second)
		if w.failed() {
			return
		}
	}
	w.trace.add("the faults are over")
	w.chaos.over = true
	for _, d := range w.devices {
		w.mend(d)
		for _, name := range w.names {
			if d.mirror != nil && d.streams[name] == nil {
				d.follow(name)
			}
		}
		if d.mirror != nil {
			d.retryProjection()
		}
	}
	for _, l := range w.net.open() {
		if l.lossy {
			l.cut()
		}
	}
}

func (w *world) closing() bool {
	for _, d := range w.devices {
		if d.closing != nil {
			return true
		}
	}
	return false
}

// unsettled says what is not well; empty: all is.
func (w *world) unsettled() string {
	for _, d := range w.devices {
		if d.mirror == nil {
			return d.name + " is closed"
		}
		for _, name := range w.names {
			head := w.ledger.head(name)
			at, err := d.position(name)
			if err != nil {
				return fmt.Sprintf("%s: %v", d.name, err)
			}
			if head == nil || at.Offset != head.event.Offset || at.Hash != head.hash {
				return fmt.Sprintf("%s has %s to offset %d, the log is at %v; %s", d.name, name.Path, at.Offset, head, d.status())
			}
		}
		if n := d.pending(); n != 0 {
			r, err := d.query("SELECT append_id, idempotency_key, state, incarnation FROM outbox")
			return fmt.Sprintf("%s has %d events in its outbox: %v %v; %s", d.name, n, r, err, d.status())
		}
		if r, err := d.query("SELECT name, path, state, error FROM projections WHERE state <> 'current'"); err != nil || len(r.Rows) > 0 {
			return fmt.Sprintf("%s has projections that are not current: %v, %v", d.name, r, err)
		}
	}
	return ""
}

// checkEnd: each append that was kept is in the log once, or its user knows why not.
func (d *device) checkEnd() {
	if d.w.failed() {
		return
	}
	if r, err := d.query(liveSQL); err != nil || !r.Equal(d.watched) {
		d.w.fail("%s: a live query was told %v, and now it is %v, %v", d.name, d.watched, r, err)
	}
}
