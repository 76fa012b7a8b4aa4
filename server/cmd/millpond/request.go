package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/millpond-dev/millpond"
)

// request makes a request of JSON, with the token if there is one, and returns the answer. reached reports whether there was a whole
// one, be it a refusal.
func request(ctx context.Context, method, url, token string, body []byte) (text []byte, reached bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, false, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, false, explainDial(err)
	}
	defer res.Body.Close()
	if text, err = io.ReadAll(io.LimitReader(res.Body, maxResponseBytes)); err != nil {
		return nil, false, fmt.Errorf("the answer of the server was cut off: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, true, missingToken(refusal(res, text), token)
	}
	return text, true, nil
}

// missingToken says how this program shows a token, when a server wants one and got none.
func missingToken(err error, shown string) error {
	if shown == "" && errors.Is(err, millpond.Unauthenticated) {
		return fmt.Errorf("%w: here with --token-file, or the environment variable MILLPOND_TOKEN", err)
	}
	return err
}

// refusal reads the error out of a response.
func refusal(res *http.Response, body []byte) error {
	var problem struct {
		Code   millpond.ErrorCode
		Detail string
		Field  string
	}
	if json.Unmarshal(body, &problem) == nil && problem.Code.Known() {
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		return &millpond.Error{Code: problem.Code, Message: problem.Detail, Field: problem.Field, RetryAfter: time.Duration(seconds) * time.Second}
	}
	if res.StatusCode >= 500 { // of something in between
		return &millpond.Error{Code: millpond.Unavailable, Message: "the server answered " + res.Status}
	}
	return fmt.Errorf("%s answered %s: is it a Millpond server?", res.Request.URL, res.Status)
}

func explainDial(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: start a server with `millpond serve`, or say with --url where one runs", err)
	}
	return err
}
