package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server"
	"github.com/millpond-dev/millpond/server/store/memory"
)

// open makes a server that forgets everything: a program gives Options.Data instead of a Store.
func open() *server.Server {
	s, err := server.New(server.Options{Store: memory.New(memory.Options{}), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	return s
}

var hello = millpond.Name{Namespace: millpond.DefaultNamespace, Path: "/hello"}

func Example() {
	s := open()
	defer s.Close(context.Background())
	web := httptest.NewServer(s.Handler())
	defer web.Close()

	url := web.URL + "/api/streams/default/hello"
	res, err := http.Post(url, "application/json", strings.NewReader(`{"type":"greeting","payload":{"to":"world"}}`))
	if err != nil {
		panic(err)
	}
	res.Body.Close()
	res, err = http.Get(url + "?types=greeting")
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	text, _, _ := strings.Cut(string(body), `,"createdAt"`)
	fmt.Println(text)
	// Output: [{"offset":3,"type":"greeting","payload":{"to":"world"}
}

// Events are appended and read without HTTP.
func ExampleServer_Read() {
	s := open()
	defer s.Close(context.Background())
	ctx := context.Background()

	_, err := s.Append(ctx, hello,
		millpond.Input{Type: "greeting", Payload: []byte(`{"to":"world"}`)},
		millpond.Input{Type: "greeting", Payload: []byte(`{"to":"pond"}`)})
	if err != nil {
		panic(err)
	}
	for event, err := range s.Read(ctx, hello, server.ReadOptions{Types: []string{"greeting"}}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(event.Offset, event.Type, string(event.Payload))
	}
	// Output:
	// 3 greeting {"to":"world"}
	// 4 greeting {"to":"pond"}
}

// An append with a key may be made again when its outcome is not known; one with an offset is taken only there.
func ExampleServer_Append() {
	s := open()
	defer s.Close(context.Background())
	ctx := context.Background()

	order := millpond.Input{Type: "order/placed", IdempotencyKey: "order-17"}
	for range 2 {
		events, err := s.Append(ctx, hello, order)
		if err != nil {
			panic(err)
		}
		fmt.Println("at offset", events[0].Offset)
	}
	_, err := s.Append(ctx, hello, millpond.Input{Type: "order/paid", Offset: 3})
	fmt.Println(errors.Is(err, millpond.OffsetConflict), err)
	// Output:
	// at offset 3
	// at offset 3
	// true offset_conflict: offset: the next offset is 4, not 3
}

// A loop follows a stream until it is left, or the server is closed.
func ExampleServer_Follow() {
	s := open()
	ctx := context.Background()
	if _, err := s.Append(ctx, hello, millpond.Input{Type: "count", Payload: []byte("1")}); err != nil {
		panic(err)
	}
	start := uint64(0)
	for event, err := range s.Follow(ctx, hello, server.FollowOptions{After: &start, Types: []string{"count"}}) {
		switch {
		case errors.Is(err, server.ErrClosed):
			fmt.Println("the server was closed")
		case err != nil:
			panic(err)
		case event.Offset < 5:
			fmt.Println(event.Offset, string(event.Payload))
			next := millpond.Input{Type: "count", Payload: fmt.Append(nil, event.Offset)}
			if _, err := s.Append(ctx, hello, next); err != nil {
				panic(err)
			}
		default:
			fmt.Println(event.Offset, string(event.Payload))
			s.Close(ctx)
		}
	}
	// Output:
	// 3 1
	// 4 3
	// 5 4
	// the server was closed
}

func ExampleServer_State() {
	s := open()
	defer s.Close(context.Background())
	if _, err := s.Append(context.Background(), hello, millpond.Input{Type: "greeting"}); err != nil {
		panic(err)
	}
	state, runtime, err := s.State(context.Background(), hello)
	if err != nil {
		panic(err)
	}
	fmt.Println(state.Path, state.EventCount, len(runtime.Connections))
	// Output: /hello 3 0
}

// The routes are added to an Echo server that has others.
func ExampleServer_Mount() {
	s := open()
	defer s.Close(context.Background())
	e := echo.New()
	e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, "my own page") })
	s.Mount(e)

	for _, path := range []string{"/", "/api/streams/default/none"} {
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, httptest.NewRequest("GET", path, nil))
		fmt.Println(path, answer.Code, answer.Header().Get("Content-Type"))
	}
	// Output:
	// / 200 text/plain; charset=UTF-8
	// /api/streams/default/none 404 application/problem+json
}

// The API may be below any path of another mux. The page of Options.UI may not: its files say where they are.
func ExampleServer_Handler() {
	s := open()
	defer s.Close(context.Background())
	mux := http.NewServeMux()
	mux.Handle("/events/", http.StripPrefix("/events", s.Handler()))

	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest("POST", "/events/api/streams/default/hello", strings.NewReader(`{"type":"greeting"}`)))
	fmt.Println(answer.Code)
	// Output: 200
}
