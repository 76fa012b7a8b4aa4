package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/millpond-dev/millpond"
)

// appender appends batches to a stream over HTTP. Each event must have an idempotency key: a batch is sent again when it
// is not known whether it has arrived.
type appender struct {
	url      string
	retryFor time.Duration
	reached  bool                             // the server has answered once
	note     func(format string, args ...any) // tells the user
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
	said := ""
	for {
		events, err := a.post(ctx, body, len(batch))
		if err == nil || !a.worthRetrying(err) || ctx.Err() != nil || time.Since(start)+wait > a.retryFor {
			return events, err
		}
		if said != err.Error() { // once: it may be for minutes
			said = err.Error()
			a.note("%v; trying again for up to %v", err, a.retryFor-time.Since(start).Round(time.Second))
		}
		var told *millpond.Error
		if errors.As(err, &told) {
			wait = min(max(wait, 2*told.RetryAfter), maxBackoff)
		}
		if sleep(ctx, wait/2+rand.N(wait/2)) != nil {
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
	token, err := a.token()
	if err != nil {
		return nil, err
	}
	text, reached, err := request(ctx, http.MethodPost, a.url, token, body)
	a.reached = a.reached || reached
	if err != nil {
		return nil, err
	}
	var committed []millpond.Event
	if err := json.Unmarshal(text, &committed); err != nil || len(committed) != events {
		return nil, fmt.Errorf("%s answered something else than the %d events appended: is it a Millpond server?", a.url, events)
	}
	return committed, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
