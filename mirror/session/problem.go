package session

import "github.com/millpond-dev/millpond"

// Problem is why something does not work, and what the session, or its user, does about it. It is comparable.
type Problem struct {
	millpond.Error
	Action millpond.Action
}

// codeOfClose is the error code that a websocket close code stands for. Codes that share an HTTP status share the close
// code, too, and the action. What is none of ours is a connection that was lost.
func codeOfClose(closeCode int) millpond.ErrorCode {
	switch closeCode - 4000 {
	case 400:
		return millpond.InvalidRequest
	case 401:
		return millpond.Unauthenticated
	case 403:
		return millpond.Forbidden
	case 404:
		return millpond.NotFound
	case 405:
		return millpond.MethodNotAllowed
	case 413:
		return millpond.EventTooLarge
	case 429:
		return millpond.RateLimited
	case 500:
		return millpond.Internal
	}
	return millpond.Unavailable
}
