package mirror

import (
	"net/url"

	"github.com/millpond-dev/millpond"
)

// websocketURL is the address of the websocket of the server at base; empty for none.
func websocketURL(base string) (string, error) {
	if base == "" {
		return "", nil
	}
	u, err := url.Parse(base)
	if err != nil {
		return "", &millpond.Error{Code: millpond.InvalidRequest, Field: "URL", Message: err.Error()}
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	case "ws", "wss":
	default:
		return "", &millpond.Error{Code: millpond.InvalidRequest, Field: "URL", Message: "must begin with http://, https://, ws:// or wss://"}
	}
	u.RawQuery, u.Fragment = "", ""
	return u.JoinPath("api", "ws").String(), nil
}
