package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/millpond-dev/millpond"
)

// target is the flags that say which stream of which server a command is about.
type target struct {
	URL       string `name:"url" default:"http://127.0.0.1:8080" env:"MILLPOND_URL" placeholder:"URL" help:"The server (default: ${default})."`
	Namespace string `default:"default" env:"MILLPOND_NAMESPACE" placeholder:"NAME" help:"Namespace of the stream (default: ${default})."`
	Path      string `required:"" placeholder:"/PATH" help:"Path of the stream, such as /chat/42; / is the root stream."`
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
func (t *target) streamURL() (string, error) {
	name, err := t.name()
	if err != nil {
		return "", err
	}
	u, err := t.base()
	if err != nil {
		return "", err
	}
	return u.JoinPath("api/streams", name.Namespace, strings.TrimPrefix(name.Path, "/")).String(), nil
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
