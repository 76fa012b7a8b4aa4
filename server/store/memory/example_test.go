package memory_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/millpond-dev/millpond/server"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/memory"
)

// A program tests what its users see while the disk is full.
func ExampleNew() {
	full := false
	log := memory.New(memory.Options{BeforeCommit: func(context.Context, []store.Batch) error {
		if full {
			return &store.Error{Kind: store.ErrFull, Path: "the test's disk"}
		}
		return nil
	}})
	defer log.Close()
	s, err := server.New(server.Options{Store: log, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	defer s.Close(context.Background())
	ts := httptest.NewServer(s.Handler())
	defer ts.Close()

	for _, full = range []bool{false, true} {
		res, err := http.Post(ts.URL+"/api/streams/default/orders", "application/json", strings.NewReader(`{"type":"order/placed"}`))
		if err != nil {
			panic(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		fmt.Println(res.Status)
	}
	// Output:
	// 200 OK
	// 503 Service Unavailable
}
