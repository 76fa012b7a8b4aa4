package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

type readyCommand struct {
	URL string `name:"url" default:"http://127.0.0.1:8080" env:"MILLPOND_URL" placeholder:"URL" help:"The server (default: ${default})."`
}

func (readyCommand) Help() string {
	return `Asks a server whether it can do its work, and exits with 0 if so: for the health check of a container that has no shell.

Example:

  millpond ready --url http://127.0.0.1:8080`
}

func (cmd *readyCommand) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(cmd.URL, "/")+"/readyz", nil)
	if err != nil {
		return &usageError{fmt.Sprintf("--url %s: must be like http://127.0.0.1:8080", cmd.URL)}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return explainDial(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxResponseBytes))
	if err == nil && res.StatusCode != http.StatusOK {
		err = refusal(res, text)
	}
	return err
}
