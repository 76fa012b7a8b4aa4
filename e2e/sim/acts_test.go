//go:build sim

package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"testing/synctest"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror"
)

// faultKinds are what a world may do on purpose, beside what happens to frames.
var faultKinds = []string{"cut", "silence", "away", "kill server", "leave server", "restore", "reset", "kill mirror", "cut power", "close mirror",
	"full disk", "server clock", "mirror clock", "pause", "unfollow"}

// act does one thing.
func (w *world) act() {
	name := w.names[w.rand.IntN(len(w.names))]
	d := w.devices[w.rand.IntN(len(w.devices))]
	p := w.rand.IntN(100)
	n := w.rand.IntN(4)
	kind := faultKinds[w.rand.IntN(len(faultKinds))]
	switch {
	case p < 35:
		if d.mirror != nil {
			d.append(name, 1+n/3)
		}
	case p < 55:
		w.appendOfOthers(name, 1+w.rand.IntN(4)*n)
	case p < 60 && d.mirror != nil:
		d.decide()
		d.retryProjection()
	case p < 63 && d.mirror != nil:
		w.trace.add("%s reconnects", d.name)
		d.mirror.Reconnect()
	case p < 66 && d.mirror != nil:
		w.trace.add("%s is told that it is online", d.name)
		d.mirror.Online()
	case p < 74:
		w.mend(d)
	default:
		if w.chaos.kinds[kind] {
			w.fault(kind, d, name)
		}
	}
}

// mend brings back something that is down.
func (w *world) mend(d *device) {
	w.rise()
	if d.mirror == nil {
		w.trace.add("%s opens", d.name)
		d.open()
	}
	if d.away {
		w.trace.add("%s has a network again", d.name)
		d.away = false
		w.net.setAway(d.name, false)
	}
	if d.full {
		w.trace.add("the disk of %s has room again", d.name)
		d.disk.Limit, d.full = 0, false
	}
	if d.mirror != nil && d.mirror.Status().Connection == mirror.Stopped {
		if !d.blamed {
			w.fail("%s has given up: %s", d.name, d.status())
		}
		w.trace.add("%s was told that it is at fault, and is reconnected", d.name)
		d.mirror.Reconnect()
	}
	w.resume()
}

// rise starts the server, once the one before is gone.
func (w *world) rise() {
	if w.site.life == nil && w.gone() {
		w.trace.add("the server starts")
		w.site.up()
	}
}

// gone reports whether all that was ended is gone.
func (w *world) gone() bool {
	for _, ended := range w.ending {
		select {
		case <-ended:
		default:
			return false
		}
	}
	return true
}

func (w *world) resume() {
	for _, name := range w.names {
		if n := w.ledger.head(name); n != nil && w.site.life != nil {
			w.site.life.server.Append(context.Background(), name, millpond.Input{Type: millpond.TypeResumed})
			synctest.Wait() // what two commits at once would bring in one batch, is chance
		}
	}
}

// appendOfOthers appends at the server.
func (w *world) appendOfOthers(name millpond.Name, events int) {
	if w.site.life == nil {
		return
	}
	w.others++
	inputs := make([]millpond.Input, events)
	for i := range inputs {
		id := fmt.Sprintf("o%d", w.others)
		payload, _ := json.Marshal(note{ID: id, N: i})
		inputs[i] = millpond.Input{Type: w.types[w.rand.IntN(len(w.types))], Payload: payload, IdempotencyKey: fmt.Sprintf("%s-%d", id, i)}
	}
	if len(inputs) == 0 {
		return
	}
	_, err := w.site.life.server.Append(context.Background(), name, inputs...)
	w.trace.add("others append o%d of %d events to %s: %v", w.others, events, name.Path, err == nil)
}

// fault breaks something.
func (w *world) fault(kind string, d *device, name millpond.Name) {
	w.trace.add("fault: %s (%s, %s)", kind, d.name, name.Path)
	day := time.Duration(w.rand.IntN(3)-1) * 24 * time.Hour
	links := w.net.open()
	switch kind {
	case "cut":
		if len(links) > 0 {
			links[w.rand.IntN(len(links))].cut()
		}
	case "silence":
		if len(links) > 0 {
			links[w.rand.IntN(len(links))].silence()
		}
	case "away":
		d.away = true
		w.net.setAway(d.name, true)
		for _, l := range w.net.of(d.name) {
			l.cut()
		}
	case "kill server":
		w.site.kill()
	case "leave server":
		w.site.leave()
	case "restore":
		w.site.kill()
		if w.gone() && w.site.restore() {
			w.trace.add("the log is an older one now")
		}
	case "reset":
		if w.site.life != nil {
			err := w.site.life.server.Reset(context.Background(), name)
			w.trace.add("reset: %v", err == nil)
		}
	case "kill mirror":
		d.kill(false)
	case "cut power":
		d.kill(true)
	case "close mirror":
		d.close()
	case "full disk":
		if d.mirror != nil {
			d.full, d.disk.Limit = true, d.disk.Used()+int64(w.rand.IntN(30_000))+1
		}
	case "server clock":
		w.site.skew = day
	case "mirror clock":
		d.skew = day
	case "pause":
		if w.site.life != nil {
			w.site.life.server.Append(context.Background(), name, millpond.Input{Type: millpond.TypePaused, Payload: []byte(`{"reason":"lunch"}`)})
		}
	case "unfollow":
		if s := d.streams[name]; s != nil {
			s.Close()
			delete(d.streams, name)
		} else if d.mirror != nil {
			d.follow(name)
		}
	}
	if w.site.life != nil && w.rand.IntN(4) == 0 {
		w.site.backUp()
	}
}
