package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// The exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitBroken      = 3   // of doctor: something that was acknowledged is lost or changed
	exitInterrupted = 130 // as a shell says of a program that SIGINT has ended
)

func main() {
	os.Exit(run(untilSignal(), os.Args[1:], &stdio{os.Stdin, os.Stdout, os.Stderr}))
}

// untilSignal ends with the first signal that asks the process to end. A second one ends it at once: the system's own way is back
// before anybody is told of the first.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Reset(os.Interrupt, syscall.SIGTERM)
		cancel()
	}()
	return ctx
}

// stdio is what a command reads and writes.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// note tells the user something on the way.
func (s *stdio) note(format string, args ...any) {
	fmt.Fprintf(s.err, "millpond: "+format+"\n", args...)
}

// commands are what the program can do.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Run a server."`
	Append  appendCommand  `cmd:"" help:"Append events to a stream: one, or a file of them."`
	Tail    tailCommand    `cmd:"" help:"Print a stream's events, and follow it."`
	Mirror  mirrorCommand  `cmd:"" help:"Keep copies of streams in an SQLite file."`
	State   stateCommand   `cmd:"" help:"Print a stream's state, and what is connected to it."`
	Reset   resetCommand   `cmd:"" help:"Delete all events of a stream."`
	Ready   readyCommand   `cmd:"" help:"Ask whether a server can do its work."`
	Doctor  doctorCommand  `cmd:"" help:"Check a data folder or a backup, and explain what is wrong."`
	Backup  backupCommand  `cmd:"" help:"Copy the data of a server, which may run, to a file."`
	Restore restoreCommand `cmd:"" help:"Make a data folder of a backup."`
	Token   tokenCommand   `cmd:"" help:"Make a token for a server with a secret."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

const about = `Streams of events, and copies of them that heal themselves.

Start a server, and open http://127.0.0.1:8080 in a browser:

  millpond serve --data ./data

In another terminal, append an event and follow the stream:

  millpond append --path /hello --event '{"type":"greeting","payload":{"to":"world"}}'
  millpond tail --path /hello --from-start`

// exited is panicked with by kong's help, and caught by run.
type exited int

// run runs the program with the arguments and returns its exit code. ctx ends when it is asked to stop.
func run(ctx context.Context, args []string, std *stdio) (code int) {
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(exited)
			if !ok {
				panic(p)
			}
			code = int(e)
		}
	}()
	parser, err := kong.New(&commands{},
		kong.Name("millpond"),
		kong.Description(about),
		kong.UsageOnError(),
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	)
	if err != nil {
		panic(err) // the commands' tags are wrong
	}
	command, err := parser.Parse(args)
	if err != nil {
		help := "millpond --help"
		var parse *kong.ParseError
		if errors.As(err, &parse) && parse.Context.Selected() != nil {
			help = "millpond " + parse.Context.Selected().Name + " --help"
		}
		fmt.Fprintf(std.err, "millpond: %v\nSee: %s\n", err, help)
		return exitUsage
	}
	err = command.Run()
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errBroken): // it has been said
		return exitBroken
	case errors.As(err, &usage):
		fmt.Fprintf(std.err, "millpond: %v\nSee: millpond %s --help\n", err, command.Selected().Name)
		return exitUsage
	case ctx.Err() != nil:
		fmt.Fprintf(std.err, "millpond: interrupted: %v\n", err)
		return exitInterrupted
	}
	fmt.Fprintf(std.err, "millpond: %v\n", err)
	return exitFailed
}

// usageError is a mistake in the arguments.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }
