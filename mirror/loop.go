package mirror

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/conn"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/session"
)

// loop owns the database, the session and the connections. All its methods run on one goroutine.
type loop struct {
	mirror *Mirror
	db     *database
	live   *query.Live
	url    string
	start  time.Time

	machine *session.Machine
	effects []session.Effect      // of the machine, to be done
	wake    *time.Timer           // the machine's timer
	conns   map[uint64]*conn.Conn // by epoch; all but the last are closing
	streams map[millpond.Name]int // how many have opened it

	sending map[uint64]millpond.Name // the appends that the machine has
	pending []projection.Pending     // what waits in the outbox, once it was asked for
	fed     uint64                   // all pending ones up to this id are with the machine
	acked   map[uint64]millpond.Name // the server has them, and their events are still to come back
	endings []ending                 // that could not be written yet
	waiting map[uint64][]*Appended   // those of this program's that have not ended

	frame    *time.Timer // until live queries and status are looked at
	framing  bool        // frame is running
	runs     int         // live queries that may still run in this frame
	beside   beside      // long queries
	stale    bool        // the published status is old
	watchers map[*statusWatcher]struct{}

	build *time.Timer // until a piece of what projections are behind is done

	collect    *time.Timer // until some rows of old copies are deleted
	collecting bool        // collect is running

	health  health
	inspect *time.Timer // until the storage is checked

	asking      sync.WaitGroup // for a token, or whether the storage is there
	cancelToken context.CancelFunc
}

// delivery is an event of a connection.
type delivery struct {
	epoch uint64
	event conn.Event
}

func newLoop(m *Mirror, db *database, url string) *loop {
	l := &loop{
		mirror:   m,
		db:       db,
		live:     query.NewLive(db.reader),
		url:      url,
		start:    time.Now(),
		wake:     time.NewTimer(0),
		frame:    time.NewTimer(0),
		build:    time.NewTimer(0),
		collect:  time.NewTimer(0),
		inspect:  time.NewTimer(0),
		conns:    make(map[uint64]*conn.Conn),
		streams:  make(map[millpond.Name]int),
		sending:  make(map[uint64]millpond.Name),
		acked:    make(map[uint64]millpond.Name),
		waiting:  make(map[uint64][]*Appended),
		watchers: make(map[*statusWatcher]struct{}),
		beside:   beside{running: make(map[*besideRun]struct{})},

		cancelToken: func() {},
		machine: session.New(session.Config{
			Client:  m.options.Client,
			Replica: db.replica.ID(),
			Tokens:  m.options.Token != nil,
			Rand:    m.options.world.rand(),

			MaxRecordBytes: m.options.MaxEventBytes + millpond.MaxRecordBytes - millpond.MaxEventBytes,
		}),
	}
	l.wake.Stop()
	l.frame.Stop()
	l.live.Offload(querySlice, l.runBeside)
	return l
}

func (l *loop) run() {
	m := l.mirror
	defer close(m.done)
	l.feed()
	l.healIfSick()
	if l.url != "" {
		l.step(session.Start{})
	}
	for {
		select {
		case <-m.ctx.Done():
			m.closeErr = l.shutDown()
			return
		case fn := <-m.commands:
			fn(l)
			l.publish()
		case <-m.chores.ready:
			for _, fn := range m.chores.take() {
				fn(l)
			}
			l.publish()
		case d := <-m.inbox:
			l.receive(d)
		case <-l.wake.C:
			l.tick()
		case <-l.frame.C:
			l.runFrame()
		case <-l.build.C:
			l.buildProjections()
		case <-l.collect.C:
			l.collectSome()
		case <-l.inspect.C:
			l.checkStorage()
		}
		l.healIfSick()
	}
}

func (l *loop) shutDown() error {
	l.step(session.Stop{})
	for _, c := range l.conns {
		c.Close(1000, "closed")
		c.Wait()
	}
	l.asking.Wait()
	l.stopBeside()
	l.wake.Stop()
	l.frame.Stop()
	l.build.Stop()
	l.collect.Stop()
	l.inspect.Stop()
	l.publish()
	if l.db == nil {
		return errors.New("there was nowhere to put the database")
	}
	return l.db.close()
}

// tick tells the machine that its time has come. What has arrived comes first: after a long query the other side must not
// be taken for silent.
func (l *loop) tick() {
	yield()
	for range len(l.mirror.inbox) {
		l.receive(<-l.mirror.inbox)
	}
	l.step(session.Tick{})
}

// receive makes an input of what a connection has reported.
func (l *loop) receive(d delivery) {
	switch e := d.event.(type) {
	case conn.Opened:
		l.step(session.Connected{Epoch: d.epoch})
	case conn.Message:
		l.step(session.Received{Epoch: d.epoch, Message: e.Message})
	case conn.Batch:
		l.step(session.Frame{Epoch: d.epoch, Batch: e.Batch, Bytes: e.Bytes})
	case conn.Part:
		l.step(session.Part{Epoch: d.epoch, Part: e.Part, Bytes: e.Bytes})
	case conn.Closed:
		l.conns[d.epoch].Wait()
		delete(l.conns, d.epoch)
		l.step(session.Disconnected{Epoch: d.epoch, CloseCode: e.Code, Err: e.Err})
	}
}

// step gives the machine an input and does all that follows.
func (l *loop) step(in session.Input) {
	l.input(in)
	for len(l.effects) > 0 {
		e := l.effects[0]
		l.effects = l.effects[1:]
		l.perform(e)
	}
}

// input queues the effects of an input behind those that are still to be done.
func (l *loop) input(in session.Input) {
	l.effects = append(l.effects, l.machine.Step(time.Since(l.start), in)...)
}

func (l *loop) perform(e session.Effect) {
	switch e := e.(type) {
	case session.GetToken:
		l.getToken(e)
	case session.Dial:
		l.dial(e.Epoch)
	case session.Close:
		l.close(e)
	case session.Send:
		l.conns[e.Epoch].Send(e.Message)
	case session.Apply:
		l.apply(&e)
	case session.AppendDone:
		l.acknowledged(e)
	case session.Wake:
		l.wake.Stop()
		if e.At != session.Never {
			l.wake.Reset(e.At - time.Since(l.start))
		}
	case session.StatusChanged:
		l.stale = true
		l.soon(flushInterval)
	}
}

func (l *loop) dial(epoch uint64) {
	l.sendAgain()
	m := l.mirror
	l.conns[epoch] = m.options.world.dial(l.url, func(e conn.Event) {
		select {
		case m.inbox <- delivery{epoch, e}:
		case <-m.ctx.Done():
		}
	})
}
