package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/host"
	"github.com/millpond-dev/millpond/server/stream"
)

// metrics are what the server counts. Nothing is counted for each append: the committer counts each transaction, and what
// there is of something is looked at when it is asked for. docs/operations.md says what each one means.
type metrics struct {
	registerer prometheus.Registerer
	handler    http.Handler // of a registry of the server's own; nil: the registry is the caller's

	appends, events, recordBytes prometheus.Counter
	commits                      *prometheus.CounterVec
	commitSeconds, commitEvents  prometheus.Histogram
	requests, refusals           *prometheus.CounterVec
	subscribes                   *prometheus.CounterVec
	received, sent               prometheus.Counter // of HTTP, without what connected clients count themselves
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "millpond", Name: name, Help: help}
	}
	m := &metrics{
		registerer:  registerer,
		appends:     prometheus.NewCounter(counter("appends_total", "Appends that were committed.")),
		events:      prometheus.NewCounter(counter("events_total", "Events that were committed.")),
		recordBytes: prometheus.NewCounter(counter("record_bytes_total", "Bytes of the event records that were committed.")),
		commits:     prometheus.NewCounterVec(counter("commits_total", "Transactions of the log, by result."), []string{"result"}),
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "millpond", Name: "commit_seconds",
			Help: "How long a transaction took, its sync included.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}),
		commitEvents: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "millpond", Name: "commit_events",
			Help: "Events of a transaction.", Buckets: prometheus.ExponentialBuckets(1, 4, 8)}),
		requests:   prometheus.NewCounterVec(counter("http_requests_total", "HTTP requests that were answered."), []string{"route", "status"}),
		refusals:   prometheus.NewCounterVec(counter("refusals_total", "Errors that clients were told, by code."), []string{"code"}),
		subscribes: prometheus.NewCounterVec(counter("subscribes_total", "Subscriptions that began, by whether the client's copy was a prefix of the log: resume, or why it was not."), []string{"answer"}),
		received:   prometheus.NewCounter(counter("http_received_bytes_total", "Bytes of the bodies of HTTP requests.")),
		sent:       prometheus.NewCounter(counter("http_sent_bytes_total", "Bytes of the bodies of HTTP answers, after compression.")),
	}
	if registerer == nil {
		own := prometheus.NewRegistry()
		own.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		m.registerer, m.handler = own, promhttp.HandlerFor(own, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes})
	}
	// So that each is there from the start, with 0.
	m.commits.WithLabelValues("ok")
	m.commits.WithLabelValues("failed")
	for _, code := range []millpond.ErrorCode{millpond.Internal, millpond.Unavailable, millpond.RateLimited, millpond.Unauthenticated, millpond.Forbidden} {
		m.refusals.WithLabelValues(string(code))
	}
	for _, answer := range subscribeAnswers {
		m.subscribes.WithLabelValues(answer)
	}
	return m
}

var subscribeAnswers = []string{"resume", string(millpond.OtherIncarnation), string(millpond.AheadOfLog), string(millpond.Diverged), string(millpond.Trimmed)}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.appends, m.events, m.recordBytes, m.commits, m.commitSeconds, m.commitEvents, m.requests,
		m.refusals, m.subscribes, m.received, m.sent}
}

// register makes the metrics known, with those that look at the server.
func (m *metrics) register(look prometheus.Collector) error {
	all := append(m.collectors(), look)
	for i, c := range all {
		if err := m.registerer.Register(c); err != nil {
			for _, c := range all[:i] {
				m.registerer.Unregister(c)
			}
			return err
		}
	}
	return nil
}

// unregister makes room for another server in the registry of the same program.
func (m *metrics) unregister(look prometheus.Collector) {
	for _, c := range append(m.collectors(), look) {
		m.registerer.Unregister(c)
	}
}

// committed is the engine's word of a transaction.
func (m *metrics) committed(c stream.Commit) {
	m.commitSeconds.Observe(c.Took.Seconds())
	if c.Failed {
		m.commits.WithLabelValues("failed").Inc()
		return
	}
	m.commits.WithLabelValues("ok").Inc()
	m.commitEvents.Observe(float64(c.Events))
	m.appends.Add(float64(c.Requests))
	m.events.Add(float64(c.Events))
	m.recordBytes.Add(float64(c.Bytes))
}

// refused counts an error that a client is told.
func (m *metrics) refused(code millpond.ErrorCode) { m.refusals.WithLabelValues(string(code)).Inc() }

// began counts a subscription.
func (m *metrics) began(start stream.Start) {
	answer := "resume"
	if start.Rebuild != "" {
		answer = string(start.Rebuild)
	}
	m.subscribes.WithLabelValues(answer).Inc()
}

func (m *metrics) answered(route string, status int, received, sent int64) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.received.Add(float64(max(received, 0)))
	m.sent.Add(float64(sent))
}

// measured is the engine, to look at.
type measured interface {
	Gauges() stream.Gauges
	Counters() stream.Counters
	Failing(since time.Time) bool
	Stuck() bool
}

var _ measured = (*stream.Engine)(nil)

// look is a collector of what there is in the server at the moment.
type look struct {
	engine  measured
	clients *clients
	host    *host.Host
	start   time.Time
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("millpond_"+name, help, labels, nil)
}

var (
	streamsDesc       = desc("streams_loaded", "Streams in memory.")
	subscriptionsDesc = desc("subscriptions", "Subscriptions that are live, those of the program itself included.")
	lagDesc           = desc("subscriber_lag_events", "Events that the subscription which is furthest behind has not been given yet.")
	committingDesc    = desc("commit_running_seconds", "For how long the transaction of the log that is running has been.")
	queueDesc         = desc("queue_requests", "Appends that wait for the committer.")
	queueBytesDesc    = desc("queue_bytes", "Bytes of the appends that wait for the committer.")
	tailsDesc         = desc("tail_bytes", "Recent records that are kept in memory for subscribers.")
	rebuildsDesc      = desc("state_rebuilds_total", "States of streams that were made again from the log, by what was wrong with the snapshot.", "reason")
	evictionsDesc     = desc("evictions_total", "Streams that were dropped from memory because nobody used them.")
	connectionsDesc   = desc("connections", "Clients that are connected.", "transport")
	clientInDesc      = desc("client_received_bytes_total", "Bytes received from connected clients.", "transport")
	clientOutDesc     = desc("client_sent_bytes_total", "Bytes sent to connected clients.", "transport")
	processorsDesc    = desc("processors", "Processors that are hosted, by what they are doing.", "phase")
)

// Describe implements prometheus.Collector.
func (l *look) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{streamsDesc, subscriptionsDesc, lagDesc, committingDesc, queueDesc, queueBytesDesc, tailsDesc, rebuildsDesc,
		evictionsDesc, connectionsDesc, clientInDesc, clientOutDesc, processorsDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (l *look) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	g := l.engine.Gauges()
	gauge(streamsDesc, float64(g.Streams))
	gauge(subscriptionsDesc, float64(g.Subscriptions))
	gauge(lagDesc, float64(g.Lag))
	gauge(committingDesc, g.Committing.Seconds())
	gauge(queueDesc, float64(g.QueuedRequests))
	gauge(queueBytesDesc, float64(g.QueuedBytes))
	gauge(tailsDesc, float64(g.TailBytes))
	c := l.engine.Counters()
	counter(rebuildsDesc, float64(c.RebuildsMissing), "missing")
	counter(rebuildsDesc, float64(c.RebuildsVersion), "version")
	counter(rebuildsDesc, float64(c.RebuildsCorrupt), "corrupt")
	counter(evictionsDesc, float64(c.Evictions))
	for transport, t := range l.clients.traffic() {
		gauge(connectionsDesc, float64(t.connected), transport)
		counter(clientInDesc, float64(t.received), transport)
		counter(clientOutDesc, float64(t.sent), transport)
	}
	for phase, n := range l.host.Phases() {
		gauge(processorsDesc, float64(n), string(phase))
	}
}
