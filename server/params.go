package server

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/millpond-dev/millpond"
)

// params are the query parameters of a request, each there once and known.
type params map[string]string

// parseParams refuses parameters that are not among the known ones, by name.
func parseParams(r *http.Request, known ...string) (params, error) {
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &millpond.Error{Code: millpond.InvalidRequest, Message: "the query is not well-formed: " + clip(err.Error())}
	}
	p := params{}
	for name, v := range values {
		switch {
		case len(known) == 0:
			return nil, invalidParam(name, "is not known: this request takes no parameters")
		case !slices.Contains(known, name):
			return nil, invalidParam(name, "is not known: use "+strings.Join(known, ", "))
		case len(v) != 1:
			return nil, invalidParam(name, "is there twice")
		}
		p[name] = v[0]
	}
	return p, nil
}

// offset reads a parameter that is an offset: def when it is not there.
func (p params) offset(name string, least, def uint64) (uint64, error) {
	text, ok := p[name]
	if !ok {
		return def, nil
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil || v < least {
		return 0, invalidParam(name, "must be a whole number, "+strconv.FormatUint(least, 10)+" or more")
	}
	return v, nil
}

// types reads a comma-separated list of event types; nil: all.
func (p params) types(name string) ([]string, error) {
	text, ok := p[name]
	if !ok {
		return nil, nil
	}
	types := strings.Split(text, ",")
	if len(types) > millpond.MaxEventTypes {
		return nil, invalidParam(name, "has more than "+strconv.Itoa(millpond.MaxEventTypes)+" types")
	}
	if slices.Contains(types, "") {
		return nil, invalidParam(name, "has an empty type: separate types by one comma")
	}
	if slices.Contains(types, "*") {
		return nil, nil
	}
	return types, nil
}

func invalidParam(name, message string) error {
	return &millpond.Error{Code: millpond.InvalidRequest, Field: clip(name), Message: message}
}
