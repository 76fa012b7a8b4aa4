package bridge

import (
	"encoding/json"
	"strconv"

	"github.com/millpond-dev/millpond"
)

// request is what a tab asks. A note has no ID, and no answer.
type request struct {
	ID     uint64          `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

type (
	appendParams struct {
		millpond.Name
		Events json.RawMessage `json:"events"`
	}
	cancelParams struct {
		Call uint64 `json:"call"` // the id of its request
	}
	projectionParams struct {
		Name string `json:"name"`
	}
	queryParams struct {
		Live   uint64            `json:"live"` // of a live query: the tab's id for it
		SQL    string            `json:"sql"`
		View   view              `json:"view"`
		Params []json.RawMessage `json:"params"`
	}
)

// view is what a query sees.
type view string

const (
	confirmed  view = "confirmed"  // the default
	optimistic view = "optimistic" // with what waits in the outbox
)

func (v view) check() error {
	if v == "" || v == confirmed || v == optimistic {
		return nil
	}
	return &millpond.Error{Code: millpond.InvalidRequest, Field: "view", Message: `must be "confirmed" or "optimistic"`}
}

// serve begins a request. Nothing in it waits.
func (b *Bridge) serve(clientID string, text []byte) {
	c := b.client(clientID)
	var r request
	err := json.Unmarshal(text, &r)
	if err == nil {
		err = c.begin(&r)
	}
	if err == nil {
		return
	}
	if r.ID == 0 { // the page and this program disagree: nobody waits for the answer, but somebody should know
		b.options.Fatal("the request " + strconv.Quote(r.Method) + " cannot be served: " + err.Error())
		return
	}
	c.fail(r.ID, err)
}

// begin begins a request. An error is its answer.
func (c *client) begin(r *request) error {
	switch r.Method {
	case "hello":
		status := c.bridge.mirror.Status()
		c.answer(statusText(&status))
		return nil
	case "open":
		return with(r, func(name *millpond.Name) error { return c.open(*name) })
	case "close":
		return with(r, func(name *millpond.Name) error { c.close(*name); return nil })
	case "append":
		return with(r, func(p *appendParams) error { return c.append(r.ID, p.Name, p.Events) })
	case "query":
		return with(r, func(p *queryParams) error { return c.query(r.ID, p) })
	case "cancel":
		return with(r, func(p *cancelParams) error { c.cancelQuery(p.Call); return nil })
	case "live":
		return with(r, c.live)
	case "unlive":
		return with(r, func(p *queryParams) error { c.unlive(p.Live); return nil })
	case "retryProjection":
		return with(r, func(p *projectionParams) error { c.retryProjection(r.ID, p.Name); return nil })
	case "reconnect":
		c.bridge.mirror.Reconnect()
		c.succeed(r.ID, []byte("null"))
		return nil
	}
	return &millpond.Error{Code: millpond.InvalidRequest, Field: "method", Message: strconv.Quote(r.Method) + " is not a method"}
}

// with calls do with the request's params.
func with[P any](r *request, do func(*P) error) error {
	var params P
	if err := json.Unmarshal(r.Params, &params); err != nil {
		return &millpond.Error{Code: millpond.InvalidRequest, Field: "params", Message: err.Error()}
	}
	return do(&params)
}
