package access

import (
	"context"
	"net/http"
	"time"

	"github.com/millpond-dev/millpond"
)

// Source is where a token was found.
type Source string

// The sources, the strongest first: only the first that has a token counts.
const (
	FromHello  Source = "hello"  // the first message of a websocket
	FromHeader Source = "header" // Authorization: Bearer …
	FromCookie Source = "cookie" // sent by a browser by itself: the server has checked the page's origin
	FromNobody Source = ""       // there is no token
)

// Credentials are what a client shows of itself.
type Credentials struct {
	Token  string // at most MaxTokenBytes; empty: none
	Source Source

	// Request is the request, or the handshake of the websocket: for its TLS certificates, say. Its body must not be read.
	// Behind a proxy its RemoteAddr is the proxy's.
	Request *http.Request
}

// Identity is who a client is.
type Identity struct {
	// Subject names the user or program. It is shown to the client itself and in logs, and its limits are counted by it.
	// At most MaxSubjectBytes. Empty: nobody in particular.
	Subject string
	// Expires is when the identity ends, and with it what it has open. Zero: never.
	Expires time.Time
	// Claims are what Authenticate wants Authorize, or a call of Revoke, to know.
	Claims any
}

// Authenticate says who shows the credentials. It is called for each HTTP request and each websocket, also when there is
// no token: whether nobody in particular may come in is its decision.
//
// An error that is [millpond.Unauthenticated] or another code, or an [*millpond.Error] with one, is told to the client.
// Any other is a fault of the server: it is logged, and the client is told only that there was one.
type Authenticate func(ctx context.Context, c Credentials) (Identity, error)

// Authorize says whether the identity may do the action to the stream: nil, or [millpond.Forbidden]. Its errors are told
// as those of [Authenticate] are. It is asked before it is known whether the stream exists, and once for a
// subscription, when that begins: see [Gate.Revoke].
type Authorize func(ctx context.Context, who Identity, do Action, name millpond.Name) error
