package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strconv"
	"syscall"

	"github.com/millpond-dev/millpond/server"
	"github.com/millpond-dev/millpond/server/processors"
	"github.com/millpond-dev/millpond/web"
)

type serveCommand struct {
	Addr          string   `default:"127.0.0.1:8080" env:"MILLPOND_ADDR" placeholder:"HOST:PORT" help:"Address to listen on. Port 0: any free one (default: ${default})."`
	Data          string   `default:"./data" env:"MILLPOND_DATA" type:"path" placeholder:"DIR" help:"Folder of the log, created when missing (default: ${default})."`
	AllowedOrigin []string `env:"MILLPOND_ALLOWED_ORIGIN" placeholder:"ORIGIN" help:"Origin whose web pages may use the API beside the server's own, such as https://app.example.com. May be repeated."`
	LogFormat     string   `enum:"text,json" default:"text" env:"MILLPOND_LOG_FORMAT" help:"Form of the log on stderr: text or json (default: ${default})."`
	LogLevel      string   `enum:"debug,info,warn,error" default:"info" env:"MILLPOND_LOG_LEVEL" help:"Least level to log: debug, info, warn or error (default: ${default})."`
	authFlags
	limitFlags
	streamFlags
	operatorFlags
}

func (serveCommand) Help() string {
	return `Serves the API, the websocket for mirrors, and the event viewer, until SIGINT or SIGTERM. Then it sends the
clients away, finishes what it has begun, and exits within 10 seconds. A second signal ends it at once. What was
acknowledged is on disk, however it ends.

Examples:

  millpond serve                                 data in ./data, on http://127.0.0.1:8080
  millpond serve --addr 127.0.0.1:9000 --data /var/lib/millpond
  millpond serve --addr :8080 --auth-jwks-file jwks.json --auth-issuer https://login.example.com --auth-audience millpond
  millpond serve --allowed-origin https://app.example.com

Append to a stream and read it, with curl:

  curl -d '{"type":"greeting","payload":{"to":"world"}}' http://127.0.0.1:8080/api/streams/default/hello
  curl http://127.0.0.1:8080/api/streams/default/hello`
}

func (cmd *serveCommand) Run(ctx context.Context, std *stdio) error {
	if err := errors.Join(cmd.authFlags.check(cmd.Addr), cmd.streamFlags.check()); err != nil {
		return err
	}
	log := cmd.logger(std)
	opts := server.Options{Data: cmd.Data, AllowedOrigins: cmd.AllowedOrigin, Limits: cmd.limits(), Logger: log, Version: version(), Processors: processors.BuiltIn()}
	tokens, err := cmd.authFlags.apply(&opts, log)
	if err != nil {
		return err
	}
	operator, err := cmd.operatorFlags.open(&opts)
	if err != nil {
		return err
	}
	defer operator.close()
	listener, err := net.Listen("tcp", cmd.Addr)
	if err != nil {
		return explainListen(cmd.Addr, err)
	}
	cmd.streamFlags.apply(&opts)
	if ui, ok := web.FS(); ok {
		opts.UI = ui
	}
	s, err := server.New(opts)
	if err != nil {
		listener.Close()
		return explainData(cmd.Data, err)
	}
	if cmd.InsecureNoAuth {
		log.Warn("THERE IS NO AUTHENTICATION: whoever reaches this server can read, append to, reset and kill every stream",
			"because", "--insecure-no-auth")
	}
	log.Info("listening", "url", "http://"+listener.Addr().String(), "data", cmd.Data, "version", version())
	operator.serve(s, log)
	if tokens != nil {
		go tokens.Run(ctx, func() { s.Revoke(tokens.Refuses) })
	}
	serving := make(chan error, 1)
	go func() { serving <- s.Serve(listener) }()
	select {
	case err = <-serving:
	case <-ctx.Done():
	}
	err = errors.Join(err, drain(s))
	log.Info("closed")
	return err
}

// drain closes the server, and gives up waiting for it after drainTimeout, whatever it is that hangs.
func drain(s *server.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- s.Close(ctx) }()
	select {
	case err := <-closed:
		return err
	case <-ctx.Done():
	}
	return fmt.Errorf("not everything was finished within %v; what was acknowledged is on disk", drainTimeout)
}

func (cmd *serveCommand) logger(std *stdio) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cmd.LogLevel)); err != nil {
		panic(err) // kong has checked it
	}
	opts := &slog.HandlerOptions{Level: level}
	if cmd.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(std.err, opts))
	}
	return slog.New(slog.NewTextHandler(std.err, opts))
}

// requireLoopback refuses addresses that other machines can reach, because of what.
func requireLoopback(flag, addr, because string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return &usageError{fmt.Sprintf("%s %s: must be like 127.0.0.1:8080", flag, addr)}
	}
	refused := &usageError{fmt.Sprintf("%s %s: other machines can reach this address, and %s", flag, addr, because)}
	if host == "" {
		return refused
	}
	ips, err := net.LookupIP(host)
	if err != nil {
		return &usageError{fmt.Sprintf("%s %s: %v", flag, addr, err)}
	}
	for _, ip := range ips {
		if !ip.IsLoopback() {
			return refused
		}
	}
	return nil
}

func explainListen(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use by another program, perhaps another millpond: stop that, or choose another port with --addr %s",
			addr, nextPort(addr))
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("not allowed to listen on %s: ports below 1024 need privileges; choose another with --addr", addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("this machine has no address %s: see --addr", addr)
	}
	return fmt.Errorf("cannot listen on %s: %w", addr, err)
}

func nextPort(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	return net.JoinHostPort(host, strconv.Itoa(n+1))
}

// explainData adds what to do to errors of the file system; the store's own errors say it themselves.
func explainData(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("cannot write to the data folder %s: make it writable for this user, or choose another with --data (%w)", dir, err)
	}
	return err
}
