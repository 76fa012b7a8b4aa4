//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/e2e/load"
	"github.com/millpond-dev/millpond/server"
)

// BenchmarkServer measures the server beside its peers and the limits of the machine, in turn: medians of rounds. Servers and
// load are processes of their own. Each figure has its target from the issue that asked for it.

const (
	serverRounds = 3
	eventBytes   = 300 // of a payload

	peersBinary = "../.make/server-peers"
)

var roundTime = flag.Duration("round", 4*time.Second, "how long one round of a benchmark of the server takes")

// peer is another server that runs for a benchmark.
type peer struct {
	addr string
	pid  int
}

// startPeer starts one of the servers of testdata/server on a free port.
func startPeer(b *testing.B, name string) peer {
	b.Helper()
	addr := freeAddr(b)
	cmd := exec.Command(peersBinary, name, addr)
	if name == "nats" {
		cmd.Args = append(cmd.Args, b.TempDir())
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatalf("%v: make bench-server builds the peers", err)
	}
	b.Cleanup(func() {
		stdin.Close()
		cmd.Wait()
	})
	if _, err := io.ReadFull(stdout, make([]byte, len("serving"))); err != nil {
		b.Fatal(err)
	}
	return peer{addr, cmd.Process.Pid}
}

func (s *Server) peer() peer { return peer{s.Addr, s.cmd.Process.Pid} }

// rounds calls measure that often and returns what it measured.
func rounds(measure func() float64) (values []float64) {
	for range serverRounds {
		values = append(values, measure())
	}
	return values
}

// used is the processor time that a process uses while fn runs.
func used(b *testing.B, pid int, fn func()) time.Duration {
	b.Helper()
	before, err := load.CPU(pid)
	if err != nil {
		b.Fatal(err)
	}
	fn()
	after, err := load.CPU(pid)
	if err != nil {
		b.Fatal(err)
	}
	return after - before
}

// asked is what connections that ask and wait got done.
type asked struct {
	rates, p50, p99, cpu []float64 // events/s, ms, ms, µs an event: one of each round
}

// ask lets n connections ask for a round; each request is of so many events.
func (a *asked) ask(b *testing.B, p peer, n, events int, make func(i int) load.Asker) {
	b.Helper()
	askers := []load.Asker{}
	for i := range n {
		askers = append(askers, make(i))
	}
	var answered int
	var took *load.Latencies
	var err error
	cpu := used(b, p.pid, func() { answered, took, err = load.Ask(askers, *roundTime) })
	if err != nil {
		b.Fatal(err)
	}
	total := float64(answered * events)
	a.rates = append(a.rates, total/roundTime.Seconds())
	a.p50 = append(a.p50, ms(took.Percentile(.5)))
	a.p99 = append(a.p99, ms(took.Percentile(.99)))
	a.cpu = append(a.cpu, float64(cpu.Microseconds())/total)
}

func (a *asked) String() string {
	return fmt.Sprintf("%s, p50 %s, p99 %s, %s CPU an event", spread(a.rates, "events/s"), spread(a.p50, "ms"), spread(a.p99, "ms"), spread(a.cpu, "µs"))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func dial(b *testing.B, addr string) net.Conn {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// appender is a connection that appends batches over HTTP to a path.
func appender(b *testing.B, addr, path string, events int) load.Asker {
	event := fmt.Sprintf(`{"type":"bench","payload":%s}`, load.Payload(time.Now(), eventBytes))
	body := event
	if events > 1 {
		body = "[" + strings.Repeat(event+",", events-1) + event + "]"
	}
	request := load.Post(addr, "/api/streams/default"+path, []byte(body))
	return load.Asker{Conn: dial(b, addr), Ask: func() []byte { return request }, Answered: load.HTTPAnswered}
}

// startJetStream starts nats-server with a stream of the subjects below bench.
func startJetStream(b *testing.B) peer {
	p := startPeer(b, "nats")
	c, err := load.NATS{}.Greet(p.addr)
	if err == nil {
		err = load.NATS{}.Request(c, "$JS.API.STREAM.CREATE.bench", `{"name":"bench","subjects":["bench.>"],"storage":"file","num_replicas":1,"allow_atomic":true}`)
	}
	if err != nil {
		b.Fatal(err)
	}
	c.Close()
	return p
}

// publisher is a connection that publishes to JetStream, message by message or in atomic batches.
func publisher(b *testing.B, p peer, i, events int, subject func() string) load.Asker {
	inbox := fmt.Sprintf("_INBOX.%d", i)
	c, err := load.NATS{}.Dial(p.addr, inbox)
	if err != nil {
		b.Fatal(err)
	}
	payload, batches := load.Payload(time.Now(), eventBytes), 0
	return load.Asker{Conn: c, Answered: load.NATSAcknowledged, Ask: func() []byte {
		if events == 1 {
			return load.NATS{}.Publish(subject(), inbox, payload)
		}
		batches++
		return load.NATS{}.PublishBatch(subject(), inbox, fmt.Sprintf("%d-%d-%d", time.Now().UnixNano(), i, batches), events, payload)
	}}
}

// BenchmarkServerAppends is durable appends of one event, and of atomic batches of 100.
func BenchmarkServerAppends(b *testing.B) {
	for _, row := range []struct {
		what        string
		connections int
		events      int
		target      string
	}{
		{"durable single appends over HTTP, 300 B, 100 connections", 100, 1, "≥ 20k/s, p99 < 12 ms"},
		{"durable appends over HTTP in batches of 100 events of 300 B, 16 connections", 16, 100, "≥ 300k events/s"},
	} {
		b.Run(fmt.Sprint("events=", row.events), func(b *testing.B) {
			for b.Loop() {
				own, nats := startServer(b), startJetStream(b)
				var ours, theirs asked
				var syncs []float64
				for range serverRounds {
					ours.ask(b, own.peer(), row.connections, row.events, func(int) load.Asker { return appender(b, own.Addr, "/bench", row.events) })
					theirs.ask(b, nats, row.connections, row.events, func(i int) load.Asker {
						return publisher(b, nats, i, row.events, func() string { return "bench.one" })
					})
					rate, err := load.Syncs(own.Data, time.Second)
					if err != nil {
						b.Fatal(err)
					}
					syncs = append(syncs, rate)
				}
				b.ReportMetric(median(ours.rates), "events/s")
				b.ReportMetric(median(ours.p99), "p99-ms")
				b.ReportMetric(median(ours.cpu), "cpu-µs/event")
				record(row.what, ours.String(), row.target, fmt.Sprintf("JetStream, sync_always: %s; fdatasyncs of the disk, one writer: %s", &theirs, spread(syncs, "/s")))
			}
		})
	}
}

// subscribable is a server that 1,000 websockets subscribe to.
type subscribable struct {
	name    string
	service load.Service
	peer    peer
	greet   func(addr string) (net.Conn, error)
	publish func(payloads [][]byte) []byte
}

func subscribables(b *testing.B) []subscribable {
	own, centrifuge, nats := startServer(b), startPeer(b, "centrifuge"), startPeer(b, "nats")
	each := func(message func(payload []byte) []byte) func([][]byte) []byte {
		return func(payloads [][]byte) (b []byte) {
			for _, payload := range payloads {
				b = append(b, message(payload)...)
			}
			return b
		}
	}
	return []subscribable{
		{"millpond", load.Millpond{}, own.peer(), load.Millpond{}.Greet, func(payloads [][]byte) []byte {
			events := make([][]byte, len(payloads))
			for i, payload := range payloads {
				events[i] = fmt.Appendf(nil, `{"type":"bench","payload":%s}`, payload)
			}
			return load.AppendMessage("/bench", events...)
		}},
		{"Centrifuge, in memory", load.Centrifuge{}, centrifuge, load.Centrifuge{}.Greet, each(func(payload []byte) []byte {
			return load.PublishMessage("/bench", payload)
		})},
		{"NATS, in memory", load.NATS{}, nats, load.NATS{}.Greet, each(func(payload []byte) []byte {
			return load.NATS{}.Publish("/bench", "", payload)
		})},
	}
}

// publishers opens connections to publish with. What the server answers on them is not looked at: that events arrive is.
func (s *subscribable) publishers(b *testing.B, n int) (conns []net.Conn) {
	for range n {
		c, err := s.greet(s.peer.addr)
		if err != nil {
			b.Fatal(err)
		}
		go io.Copy(io.Discard, c)
		conns = append(conns, c)
	}
	return conns
}

// payloads are n of now.
func payloads(n int) (list [][]byte) {
	for range n {
		list = append(list, load.Payload(time.Now(), eventBytes))
	}
	return list
}

const fanOut = 1000 // subscribers

// steady publishes 200 events a second and returns how late they arrive, and the processor time of the server.
func (s *subscribable) steady(b *testing.B) (*load.Latencies, time.Duration) {
	const perSecond, connections = 200, 16
	events := int(perSecond * roundTime.Seconds())
	subscribers, err := load.Subscribe(s.service, s.peer.addr, "/bench", fanOut)
	if err != nil {
		b.Fatal(err)
	}
	defer subscribers.Close()
	conns := s.publishers(b, connections)
	var published atomic.Bool
	go func() {
		defer published.Store(true)
		start := time.Now()
		for i := range events {
			time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / perSecond)))
			if _, err := conns[i%connections].Write(s.publish(payloads(1))); err != nil {
				return
			}
		}
	}()
	cpu := used(b, s.peer.pid, func() { s.run(b, subscribers, func() int { return events }, published.Load) })
	for _, c := range conns {
		c.Close()
	}
	return &subscribers.Latency, cpu
}

// run reads until all that was published has arrived everywhere.
func (s *subscribable) run(b *testing.B, subscribers *load.Subscribers, published func() int, over func() bool) {
	deadline := time.Now().Add(*roundTime + patience)
	err := subscribers.Run(func() bool {
		return over() && subscribers.Deliveries() >= published()*fanOut || time.Now().After(deadline)
	})
	if missed := subscribers.Missed(published()); err != nil || missed > 0 {
		b.Fatalf("%s: %v, %d deliveries are missing", s.name, err, missed)
	}
}

// saturate publishes as fast as the subscribers take it, and returns how many deliveries a second that makes.
func (s *subscribable) saturate(b *testing.B) (perSecond, cpu float64) {
	const (
		window = 400 // events that may be under way
		chunk  = 20
	)
	subscribers, err := load.Subscribe(s.service, s.peer.addr, "/bench", fanOut)
	if err != nil {
		b.Fatal(err)
	}
	defer subscribers.Close()
	conn := s.publishers(b, 1)[0]
	defer conn.Close()
	start, published := time.Now(), 0
	took := used(b, s.peer.pid, func() {
		s.run(b, subscribers, func() int { return published }, func() bool {
			if time.Since(start) > *roundTime {
				return true
			}
			for published-subscribers.Deliveries()/fanOut < window {
				if _, err := conn.Write(s.publish(payloads(chunk))); err != nil {
					b.Fatal(err)
				}
				published += chunk
			}
			return false
		})
	})
	deliveries := float64(subscribers.Deliveries())
	return deliveries / time.Since(start).Seconds(), float64(took.Nanoseconds()) / deliveries
}

// BenchmarkServerFanOut is 1,000 subscribers of one stream.
func BenchmarkServerFanOut(b *testing.B) {
	b.Run("steady", func(b *testing.B) {
		for b.Loop() {
			all := subscribables(b)
			p50, p99, cpu := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
			for range serverRounds {
				for _, s := range all {
					latency, used := s.steady(b)
					p50[s.name] = append(p50[s.name], ms(latency.Percentile(.5)))
					p99[s.name] = append(p99[s.name], ms(latency.Percentile(.99)))
					cpu[s.name] = append(cpu[s.name], 100*used.Seconds()/roundTime.Seconds())
				}
			}
			b.ReportMetric(median(p99["millpond"]), "p99-ms")
			recordAll("1,000 websocket subscribers × 200 events/s, publish to arrival", "p99 ≤ 40 ms", all, func(name string) string {
				return fmt.Sprintf("p50 %s, p99 %s, %s of a core", spread(p50[name], "ms"), spread(p99[name], "ms"), spread(cpu[name], "%"))
			})
		}
	})
	b.Run("saturation", func(b *testing.B) {
		for b.Loop() {
			all := subscribables(b)
			rates, cpu := map[string][]float64{}, map[string][]float64{}
			for range serverRounds {
				for _, s := range all {
					rate, used := s.saturate(b)
					rates[s.name], cpu[s.name] = append(rates[s.name], rate), append(cpu[s.name], used)
				}
			}
			b.ReportMetric(median(rates["millpond"]), "deliveries/s")
			b.ReportMetric(median(cpu["millpond"]), "cpu-ns/delivery")
			recordAll("1,000 websocket subscribers, as fast as they take it", "≥ 800k deliveries/s", all, func(name string) string {
				return fmt.Sprintf("%s, %s CPU a delivery", spread(rates[name], "deliveries/s"), spread(cpu[name], "ns"))
			})
		}
	})
}

// recordAll records a figure of the first and, beside it, of the others.
func recordAll(what, target string, all []subscribable, figure func(name string) string) {
	var beside []string
	for _, s := range all[1:] {
		beside = append(beside, s.name+": "+figure(s.name))
	}
	record(what, figure(all[0].name), target, strings.Join(beside, "; "))
}

// BenchmarkServerIdle is the memory of 10,000 connections that have subscribed and get nothing, for longer than a probe.
func BenchmarkServerIdle(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		all := subscribables(b)
		perConnection := map[string]float64{}
		for _, s := range all {
			subscribers, err := load.Subscribe(s.service, s.peer.addr, "/bench", n)
			if err != nil {
				b.Fatal(err)
			}
			end := time.Now().Add(millpond.ProbeInterval + millpond.ProbeTimeout)
			if err := subscribers.Run(func() bool { return time.Now().After(end) }); err != nil {
				b.Fatal(err)
			}
			rss, err := load.RSS(s.peer.pid)
			if err != nil {
				b.Fatal(err)
			}
			subscribers.Close()
			perConnection[s.name] = float64(rss) / n / 1000
		}
		b.ReportMetric(perConnection["millpond"], "kB/connection")
		recordAll("10,000 idle connections with a subscription, all of the server's RSS", "≤ 30 KB each", all, func(name string) string {
			return fmt.Sprintf("%.1f KB each", perConnection[name])
		})
	}
}

// BenchmarkServerCatchUp is one new subscriber of a stream of 100,000 events that the server has not in memory.
func BenchmarkServerCatchUp(b *testing.B) {
	const events = 100_000
	for b.Loop() {
		own := startServer(b)
		for range events / 1000 {
			own.Append("/bench", "["+strings.Repeat(fmt.Sprintf(`{"type":"bench","payload":%s},`, load.Payload(time.Now(), eventBytes)), 999)+`{"type":"bench","payload":`+string(load.Payload(time.Now(), eventBytes))+"}]")
		}
		own.Stop()
		own.Start()
		catchUp := func() (bytes float64, took time.Duration) {
			start := time.Now()
			subscribers, err := load.Subscribe(load.Millpond{After: "0"}, own.Addr, "/bench", 1)
			if err != nil {
				b.Fatal(err)
			}
			defer subscribers.Close()
			if err := subscribers.Run(func() bool { return subscribers.Deliveries() == events }); err != nil {
				b.Fatal(err)
			}
			return float64(subscribers.Received), time.Since(start)
		}
		var limits, cpu []float64
		values := rounds(func() float64 {
			var rate float64
			used := used(b, own.cmd.Process.Pid, func() {
				bytes, took := catchUp()
				rate = bytes / took.Seconds() / 1e6
			})
			cpu = append(cpu, ms(used))
			loopback, err := load.Loopback(1 << 30)
			if err != nil {
				b.Fatal(err)
			}
			limits = append(limits, loopback/1e6)
			return rate
		})
		b.ReportMetric(median(values), "MB/s")
		b.ReportMetric(median(cpu), "cpu-ms")
		record("catch-up of 100k events of 300 B over a websocket, cold", spread(values, "MB/s")+", "+spread(cpu, "ms")+" CPU", "≥ 200 MB/s", "loopback, one connection: "+spread(limits, "MB/s"))
	}
}

// BenchmarkServerScattered is single appends to 10,000 streams, each in its turn.
func BenchmarkServerScattered(b *testing.B) {
	const streams, connections = 10_000, 100
	for b.Loop() {
		var embedded []float64
		for range serverRounds {
			embedded = append(embedded, scatterEmbedded(b, streams))
		}
		own, nats := startServer(b), startJetStream(b)
		var next atomic.Int64
		path := func() string { return fmt.Sprint("/s", next.Add(1)%streams) }
		scatter := func(int) load.Asker {
			c, err := load.Millpond{}.Greet(own.Addr)
			if err != nil {
				b.Fatal(err)
			}
			event := fmt.Appendf(nil, `{"type":"bench","payload":%s}`, load.Payload(time.Now(), eventBytes))
			return load.Asker{Conn: c, Ask: func() []byte { return load.AppendMessage(path(), event) }, Answered: load.MessageAnswered(`"appended"`)}
		}
		publish := func(i int) load.Asker {
			return publisher(b, nats, i, 1, func() string { return "bench" + strings.ReplaceAll(path(), "/", ".") })
		}
		for i := range streams {
			own.Append(fmt.Sprint("/s", i), `{"type":"bench"}`)
		}
		var ours, theirs asked
		for range serverRounds {
			ours.ask(b, own.peer(), connections, 1, scatter)
			theirs.ask(b, nats, connections, 1, publish)
		}
		b.ReportMetric(median(embedded), "cpu-µs/event")
		b.ReportMetric(median(ours.cpu), "cpu-µs/event-websocket")
		record("durable single appends scattered over 10,000 streams, 300 B", spread(embedded, "µs")+" CPU an event from Go code (Server.Append), 1,000 at a time; over 100 websockets "+ours.String(), "≤ 15 µs CPU an event",
			"JetStream, sync_always, 100 connections: "+theirs.String())
	}
}

// scatterEmbedded appends from Go code in this process, and returns the processor time of an append in µs.
func scatterEmbedded(b *testing.B, streams int) float64 {
	const writers, appends = 1000, 100_000
	s, err := server.New(server.Options{Data: b.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(context.Background())
	input := millpond.Input{Type: "bench", Payload: json.RawMessage(load.Payload(time.Now(), eventBytes))}
	run := func(n int) {
		var next atomic.Int64
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
					name := millpond.Name{Namespace: "default", Path: fmt.Sprint("/s", i%streams)}
					if _, err := s.Append(context.Background(), name, input); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	run(streams)
	cpu := used(b, os.Getpid(), func() { run(appends) })
	return float64(cpu.Microseconds()) / appends
}
