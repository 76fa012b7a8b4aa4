package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/millpond-dev/millpond"
)

// target is the flags that say which stream of which server a command is about.
type target struct {
	URL       string `name:"url" default:"http://127.0.0.1:8080" env:"MILLPOND_URL" placeholder:"URL" help:"The server (default: ${default})."`
	Namespace string `default:"default" env:"MILLPOND_NAMESPACE" placeholder:"NAME" help:"Namespace of the stream (default: ${default})."`
	Path      string `required:"" placeholder:"/PATH" help:"Path of the stream, such as /chat/42; / is the root stream."`
	TokenFile string `env:"MILLPOND_TOKEN_FILE" type:"path" placeholder:"FILE" help:"File with the token that the server is shown. It is read again when the server refuses the token. (default: the token in the environment variable MILLPOND_TOKEN, if there is one)"`
}

// token is the bearer token to show; empty: none. There is no flag for it: others on this machine can see the flags of a
// program.
func (t *target) token() (string, error) {
	if t.TokenFile == "" {
		return strings.TrimSpace(os.Getenv("MILLPOND_TOKEN")), nil
	}
	text, err := os.ReadFile(t.TokenFile)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// credential is the token that a command shows, and how it gets another.
type credential struct {
	read  func() (string, error)
	shown string
}

// token reads the token.
func (c *credential) token() (_ string, err error) {
	if c.read == nil {
		return "", nil
	}
	c.shown, err = c.read()
	return c.shown, err
}

// renewed reports whether there is another token than the one shown: the server has refused that one.
func (c *credential) renewed() bool {
	if c.read == nil {
		return false
	}
	token, err := c.read()
	return err == nil && token != c.shown
}

func (t *target) name() (millpond.Name, error) {
	name, err := millpond.NewName(t.Namespace, t.Path)
	if err != nil {
		return name, &usageError{"--" + strings.TrimPrefix(err.Error(), string(millpond.InvalidName)+": ")}
	}
	return name, nil
}

// base is the server's URL without a slash at the end.
func (t *target) base() (*url.URL, error) {
	u, err := url.Parse(t.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, &usageError{fmt.Sprintf("--url %s: must be like http://127.0.0.1:8080", t.URL)}
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

// streamURL is where events are appended to.
func (t *target) streamURL() (string, error) { return t.routeURL("api/streams") }

// routeURL is the stream's URL of a route.
func (t *target) routeURL(route string) (string, error) {
	name, err := t.name()
	if err != nil {
		return "", err
	}
	u, err := t.base()
	if err != nil {
		return "", err
	}
	return u.JoinPath(route, name.Namespace, strings.TrimPrefix(name.Path, "/")).String(), nil
}

// websocketURL is where mirrors connect to.
func (t *target) websocketURL() (string, error) {
	u, err := t.base()
	if err != nil {
		return "", err
	}
	u = u.JoinPath("api/ws")
	u.Scheme = "ws" + strings.TrimPrefix(u.Scheme, "http")
	return u.String(), nil
}
