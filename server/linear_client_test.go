package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/stream"
)

// linearClient is a way to reach the streams.
type linearClient interface {
	append(name millpond.Name, inputs []millpond.Input) ([]millpond.Event, error)
	read(name millpond.Name, after uint64, limit int) ([]millpond.Event, error)
	state(name millpond.Name) (max uint64, err error)
	follow(name millpond.Name, after uint64) (linearFollower, error)
}

// linearFollower is a subscription. Each next asks for one batch, and is answered by one whose end was looked up after
// that.
type linearFollower interface {
	start() (after, end uint64) // where it begins, and where the log ended then
	next(maxBytes int) (millpond.Batch, error)
	close()
}

// engineClient calls the engine.
type engineClient struct{ engine *access.Streams }

func (c engineClient) append(name millpond.Name, inputs []millpond.Input) ([]millpond.Event, error) {
	return c.engine.Append(context.Background(), name, inputs)
}

func (c engineClient) read(name millpond.Name, after uint64, limit int) ([]millpond.Event, error) {
	return c.engine.Read(context.Background(), name, stream.ReadOptions{After: after, Limit: limit})
}

func (c engineClient) state(name millpond.Name) (uint64, error) {
	state, _, err := c.engine.State(context.Background(), name)
	return state.MaxOffset, err
}

func (c engineClient) follow(name millpond.Name, after uint64) (linearFollower, error) {
	s, err := c.engine.Subscribe(context.Background(), name, stream.SubscribeOptions{After: &after})
	return engineFollower{s}, err
}

type engineFollower struct{ *access.Subscription }

func (f engineFollower) start() (after, end uint64) { return f.Start().After, f.Start().MaxOffset }

func (f engineFollower) close() { f.Close() }

func (f engineFollower) next(maxBytes int) (millpond.Batch, error) {
	return f.Next(context.Background(), maxBytes)
}

// httpClient speaks HTTP, and follows over a websocket of its own.
type httpClient struct {
	t  *testing.T
	ts *testServer
}

func (c httpClient) do(method, path, body string) ([]byte, error) {
	req, err := http.NewRequest(method, c.ts.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := c.ts.Client().Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		var p problem
		if err := json.Unmarshal(text, &p); err != nil {
			return nil, fmt.Errorf("%s: %q", res.Status, text)
		}
		return nil, &millpond.Error{Code: p.Code, Message: p.Detail}
	}
	return text, nil
}

func (c httpClient) events(method, path, body string) (events []millpond.Event, err error) {
	text, err := c.do(method, path, body)
	if err == nil {
		err = json.Unmarshal(text, &events)
	}
	return events, err
}

func (c httpClient) append(name millpond.Name, inputs []millpond.Input) ([]millpond.Event, error) {
	body, err := json.Marshal(inputs)
	if err != nil {
		return nil, err
	}
	return c.events(http.MethodPost, "/api/streams/default"+name.Path, string(body))
}

func (c httpClient) read(name millpond.Name, after uint64, limit int) ([]millpond.Event, error) {
	return c.events(http.MethodGet, fmt.Sprintf("/api/streams/default%s?after=%d&limit=%d", name.Path, after, limit), "")
}

func (c httpClient) state(name millpond.Name) (uint64, error) {
	text, err := c.do(http.MethodGet, "/api/state/default"+name.Path, "")
	if err != nil {
		return 0, err
	}
	var answer struct{ State millpond.State }
	err = json.Unmarshal(text, &answer)
	return answer.State.MaxOffset, err
}

func (c httpClient) follow(name millpond.Name, after uint64) (linearFollower, error) {
	p, _, err := c.ts.dial(c.t, millpond.Subprotocol)
	if err != nil {
		return nil, err
	}
	p.hello()
	p.send(&millpond.Subscribe{ID: 1, Stream: name, After: &after})
	f := &websocketFollower{peer: p}
	switch m := p.next().(type) {
	case *millpond.Resume:
		f.after, f.end = m.After, m.MaxOffset
		return f, nil
	default:
		return nil, fmt.Errorf("subscribe was answered %T %+v", m, m)
	}
}

// websocketFollower asks for one byte, and so for one event, which is sent whole: what it owes then, until it asks again,
// keeps the server from looking for the next.
type websocketFollower struct {
	*peer
	after, end uint64
	debt       int64
}

func (f *websocketFollower) start() (after, end uint64) { return f.after, f.end }

func (f *websocketFollower) close() { f.ws.CloseNow() }

func (f *websocketFollower) next(int) (millpond.Batch, error) {
	f.send(&millpond.Credit{ID: 1, Bytes: f.debt + 1})
	switch m := f.peer.next().(type) {
	case *millpond.Batch:
		f.debt = int64(len(m.AppendFrame(nil))) - 1
		return *m, nil
	case *millpond.Unsubscribed:
		return millpond.Batch{}, &stream.EndError{Reason: m.Reason}
	case *millpond.ErrorMessage:
		return millpond.Batch{}, &millpond.Error{Code: m.Code, Message: m.Message}
	case error:
		return millpond.Batch{}, m
	default:
		return millpond.Batch{}, fmt.Errorf("unexpected %T", m)
	}
}

// linearErrorOf is what the model knows of an append that failed.
func linearErrorOf(err error) linearError {
	switch {
	case errors.Is(err, millpond.OffsetConflict):
		return linearConflict
	case errors.Is(err, millpond.Unavailable):
		return linearRefused
	}
	return linearUnknown
}
