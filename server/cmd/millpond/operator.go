package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/millpond-dev/millpond/server"
)

// operatorFlags are about what only the operator should see.
type operatorFlags struct {
	Metrics       string `enum:"auto,public,debug,off" default:"auto" env:"MILLPOND_METRICS" help:"Where Prometheus finds the metrics: public (/metrics of --addr, for everybody), debug (/metrics of --debug-listen) or off; auto is public without authentication, and debug with it (default: ${default})."`
	DebugListen   string `env:"MILLPOND_DEBUG_LISTEN" placeholder:"HOST:PORT" help:"Address for the operator alone: profiles at /debug/pprof/, and metrics (default: none)."`
	DebugAnywhere bool   `env:"MILLPOND_DEBUG_ANYWHERE" help:"Let --debug-listen be an address that other machines can reach."`
}

// operator serves profiles, and metrics if they are not for everybody. The zero one serves nothing.
type operator struct {
	listener net.Listener
	metrics  bool
	http     *http.Server
	done     chan struct{}
}

// open listens, and says in the options where the metrics are.
func (f *operatorFlags) open(opts *server.Options) (*operator, error) {
	place := f.Metrics
	if place == "auto" {
		place = "public"
		if opts.Authenticate != nil {
			place = "debug"
		}
	}
	opts.PublicMetrics = place == "public"
	if f.DebugListen == "" {
		return &operator{}, nil
	}
	if !f.DebugAnywhere {
		if err := requireLoopback("--debug-listen", f.DebugListen, "profiles show what the server has in memory. "+
			"Use 127.0.0.1, or add --debug-anywhere if that is what you want"); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("tcp", f.DebugListen)
	if err != nil {
		return nil, fmt.Errorf("--debug-listen: %w", err)
	}
	return &operator{listener: l, metrics: place == "debug"}, nil
}

// serve serves until close.
func (o *operator) serve(s *server.Server, log *slog.Logger) {
	if o.listener == nil {
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	if o.metrics {
		mux.Handle("/metrics", s.MetricsHandler())
	}
	o.http = &http.Server{Handler: mux, ReadHeaderTimeout: operatorTimeout}
	o.done = make(chan struct{})
	log.Info("listening for the operator", "url", "http://"+o.listener.Addr().String()+"/debug/pprof/", "metrics", o.metrics)
	go func() {
		defer close(o.done)
		if err := o.http.Serve(o.listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the listener for the operator has failed", "error", err)
		}
	}()
}

// close ends what serve has begun. A profile that is being taken does not hold it up for long.
func (o *operator) close() {
	switch {
	case o.http != nil:
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if o.http.Shutdown(ctx) != nil {
			o.http.Close()
		}
		<-o.done
	case o.listener != nil:
		o.listener.Close()
	}
}
