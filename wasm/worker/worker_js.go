package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"syscall/js"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/wasm/bridge"
)

// Main serves the tabs for as long as the worker lives. The projections are beside those that the page declares.
func Main(projections ...projection.Projection) {
	host := js.Global().Get("millpondHost")
	fatal := func(message string) { host.Call("fatal", message) }
	// A panic elsewhere ends the program, which the host notices.
	defer func() {
		if r := recover(); r != nil {
			fatal(fmt.Sprintf("panic: %v\n%s", r, debug.Stack()))
		}
	}()
	err := run(host, fatal, projections)
	var definition *projection.DefinitionError
	if errors.As(err, &definition) {
		host.Call("fatal", definition.Error(), "invalid_projection") // another start would not help
	} else if err != nil {
		fatal(err.Error())
	}
}

// run returns only when the mirror cannot be opened.
func run(host js.Value, fatal func(string), projections []projection.Projection) error {
	var options struct {
		URL, Name      string
		Auth           bool
		MaxQueryStepMs int64
		ShowRebuild    bool
		Projections    []projection.SQL
	}
	if err := json.Unmarshal([]byte(host.Get("options").String()), &options); err != nil {
		return fmt.Errorf("options of the mirror: %w", err)
	}
	var getToken func(context.Context, bool) (string, error)
	if options.Auth {
		getToken = newTokens(host).get
	}
	for _, declared := range options.Projections {
		projections = append(projections, declared.Projection())
	}
	m, err := mirror.Open(context.Background(), mirror.Options{
		URL:    options.URL,
		Name:   options.Name,
		Token:  getToken,
		Client: "millpond-web",

		Persist: newPersist(host),

		ShowRebuild: options.ShowRebuild,

		Projections: projections,

		MaxQueryStep: time.Duration(options.MaxQueryStepMs) * time.Millisecond,
		Logger:       slog.New(newConsole(host)),
	})
	if err != nil {
		return fmt.Errorf("the mirror cannot be opened: %w", err)
	}
	b := bridge.New(opened{m}, bridge.Options{
		Answer: func(client, text string) { host.Call("answer", client, text) },
		Fatal:  fatal,
	})
	// These callbacks only hand over: one that waits would stop the event loop, and with it the whole program.
	host.Set("request", js.FuncOf(func(_ js.Value, args []js.Value) any {
		b.Request(args[0].String(), args[1].String())
		return nil
	}))
	host.Set("leave", js.FuncOf(func(_ js.Value, args []js.Value) any {
		b.Leave(args[0].String())
		return nil
	}))
	host.Set("online", js.FuncOf(func(js.Value, []js.Value) any {
		go m.Online()
		return nil
	}))
	host.Call("ready")
	select {}
}

// opened makes a *mirror.Mirror a bridge.Mirror: Stream returns the interface.
type opened struct{ *mirror.Mirror }

func (o opened) Stream(name millpond.Name) (bridge.Stream, error) {
	s, err := o.Mirror.Stream(name)
	if err != nil {
		return nil, err
	}
	return stream{s}, nil
}

// stream makes a *mirror.Stream a bridge.Stream.
type stream struct{ *mirror.Stream }

func (s stream) Append(ctx context.Context, inputs ...millpond.Input) (bridge.Appended, error) {
	return s.Stream.Append(ctx, inputs...)
}
