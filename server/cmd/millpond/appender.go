package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/millpond-dev/millpond"
)

// appender appends batches to a stream over HTTP. Each event must have an idempotency key: a batch is sent again when it
// is not known whether it has arrived.
type appender struct {
	url      string
	retryFor time.Duration
	reached  bool // the server has answered once
	credential
}

func (a *appender) append(ctx context.Context, batch []millpond.Input) ([]millpond.Event, error) {
	body := []byte{'['}
	for i := range batch {
		if i > 0 {
			body = append(body, ',')
		}
		body = batch[i].AppendJSON(body)
	}
	body = append(body, ']')
	start, wait := time.Now(), firstBackoff
	for {
		events, err := a.post(ctx, body, len(batch))
		if err == nil || !a.worthRetrying(err) || ctx.Err() != nil || time.Since(start)+wait > a.retryFor {
			return events, err
		}
		var told *millpond.Error
		if errors.As(err, &told) {
			wait = min(max(wait, 2*told.RetryAfter), maxBackoff)
		}
		if err := sleep(ctx, wait/2+rand.N(wait/2)); err != nil {
			return nil, err
		}
		wait = min(2*wait, maxBackoff)
	}
}

// worthRetrying reports whether the same request may succeed later. A server that nobody has reached yet is more likely
// not running than restarting.
func (a *appender) worthRetrying(err error) bool {
	var refused *millpond.Error
	if errors.As(err, &refused) {
		return refused.Code.Action() == millpond.Retry || refused.Code == millpond.Unauthenticated && a.renewed()
	}
	return a.reached
}

func (a *appender) post(ctx context.Context, body []byte, events int) ([]millpond.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	token, err := a.token()
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, explainDial(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxResponseBytes))
	if err != nil {
		return nil, fmt.Errorf("the answer of the server was cut off: %w", err)
	}
	a.reached = true
	if res.StatusCode != http.StatusOK {
		return nil, refusal(res, text)
	}
	var committed []millpond.Event
	if err := json.Unmarshal(text, &committed); err != nil || len(committed) != events {
		return nil, fmt.Errorf("%s answered something else than the %d events appended: is it a Millpond server?", a.url, events)
	}
	return committed, nil
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

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
