package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/millpond-dev/millpond/server"
)

func Example() {
	dir, err := os.MkdirTemp("", "millpond")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	s, err := server.New(server.Options{Data: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
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
