package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

type stateCommand struct{ target }

func (stateCommand) Help() string {
	return `Prints the reduced state of a stream and its live connections, as JSON. It does not wake the stream.

Example:

  millpond state --path /hello`
}

func (cmd *stateCommand) Run(ctx context.Context, std *stdio) error {
	text, err := cmd.ask(ctx, http.MethodGet, "api/state", "")
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, "", "  "); err != nil {
		return fmt.Errorf("%s answered something else than JSON: is it a Millpond server?", cmd.URL)
	}
	_, err = pretty.WriteTo(std.out)
	return err
}

type resetCommand struct {
	target
	Yes bool `help:"Do it: the events cannot be brought back."`
}

func (resetCommand) Help() string {
	return `Deletes all events of a stream, and begins another incarnation of it. Mirrors notice, and rebuild their copies.

Example:

  millpond reset --path /hello --yes`
}

func (cmd *resetCommand) Run(ctx context.Context, std *stdio) error {
	name, err := cmd.name()
	if err != nil {
		return err
	}
	if !cmd.Yes {
		return &usageError{fmt.Sprintf("this deletes all events of %s, and they cannot be brought back: add --yes if that is what you want", name)}
	}
	if _, err := cmd.ask(ctx, http.MethodPost, "api/control", `{"action":"reset"}`); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.err, "%s was reset\n", name)
	return err
}

// ask makes a request about the stream and returns the answer.
func (t *target) ask(ctx context.Context, method, route, body string) ([]byte, error) {
	url, err := t.routeURL(route)
	if err != nil {
		return nil, err
	}
	token, err := t.token()
	if err != nil {
		return nil, err
	}
	text, _, err := request(ctx, method, url, token, []byte(body))
	return text, err
}
