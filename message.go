package millpond

import "encoding/json"

// The websocket subprotocols. In the first, batches are binary frames; in the second they are [BatchMessage]s. All
// other messages are the same JSON text in both.
const (
	Subprotocol     = "millpond.v1"
	SubprotocolJSON = "millpond.v1.json"
)

// Message is a control message of the protocol: one JSON object in one text message, with its kind in "type".
type Message interface{ messageType() string }

// Messages of the client.
type (
	// Hello is the client's first message. The server answers Welcome, or an ErrorMessage and a close.
	Hello struct {
		Client  string `json:"client"`            // name and version of the program, for logs
		Replica string `json:"replica,omitempty"` // id of the mirror's database, for logs
		Token   string `json:"token,omitempty"`   // bearer token; empty: none, or a cookie
	}
	// Subscribe asks for a stream's events. The server answers Resume or Rebuild, then sends batches while the
	// subscription has credit; or it answers an ErrorMessage with the ID.
	Subscribe struct {
		ID     uint32   `json:"id"` // chosen by the client: 1 or more, not in use on this connection
		Stream Name     `json:"stream"`
		After  *uint64  `json:"after,omitempty"` // offset to replay after, exclusive; 0: from the start; absent: only what is new
		Types  []string `json:"types,omitempty"` // event types to send; empty or "*": all
		Key    string   `json:"key,omitempty"`   // a later subscription of the same stream with the same key replaces this one
		Credit int64    `json:"credit"`          // bytes of frames that the client is ready to take

		// With After, a copy's Incarnation and Hash at that offset: the server checks that the copy is a prefix of
		// its log. Absent: not checked.
		Incarnation Incarnation `json:"incarnation,omitempty"`
		Hash        *Hash       `json:"hash,omitempty"`
	}
	// Unsubscribe ends a subscription. The server answers Unsubscribed.
	Unsubscribe struct {
		ID uint32 `json:"id"`
	}
	// Credit adds to the bytes that the client is ready to take on a subscription.
	Credit struct {
		ID    uint32 `json:"id"`
		Bytes int64  `json:"bytes"`
	}
	// Append appends events as one atomic batch. The server answers Appended, or an ErrorMessage with the ID.
	Append struct {
		ID     uint64          `json:"id"` // chosen by the client, for the answer
		Stream Name            `json:"stream"`
		Events json.RawMessage `json:"events"` // an array of inputs: read it with ParseInputs
	}
)

// Messages of the server.
type (
	// Welcome answers Hello.
	Welcome struct {
		Server   string `json:"server"`   // name and version of the program, for logs
		Session  string `json:"session"`  // id of the connection in the server's logs
		Identity string `json:"identity"` // who the server takes the client for; empty: nobody in particular
		Limits   Limits `json:"limits"`
	}
	// Limits are those of this connection.
	Limits struct {
		MessageBytes  int   `json:"messageBytes"`
		FrameBytes    int   `json:"frameBytes"`
		EventBytes    int   `json:"eventBytes"`
		BatchEvents   int   `json:"batchEvents"`
		Subscriptions int   `json:"subscriptions"`
		CreditBytes   int64 `json:"creditBytes"`
	}
	// Resume says that the subscription goes on after the offset asked for (or, where none was, after the end).
	Resume struct {
		ID          uint32      `json:"id"`
		Incarnation Incarnation `json:"incarnation"`
		After       uint64      `json:"after"`
		Hash        Hash        `json:"hash"` // at After
		MaxOffset   uint64      `json:"maxOffset"`
	}
	// Rebuild says that the client's copy is not a prefix of the log, and why. The subscription starts at offset 0 of
	// the incarnation given; the client replaces its copy.
	Rebuild struct {
		ID          uint32        `json:"id"`
		Reason      RebuildReason `json:"reason"`
		Incarnation Incarnation   `json:"incarnation"`
		MaxOffset   uint64        `json:"maxOffset"`
	}
	// Unsubscribed says that a subscription has ended. No batch follows.
	Unsubscribed struct {
		ID     uint32    `json:"id"`
		Reason EndReason `json:"reason"`
	}
	// Appended answers Append: the committed events, one for each input.
	Appended struct {
		ID     uint64  `json:"id"`
		Events []Event `json:"events"`
	}
	// BatchMessage is a batch as text, for the subprotocol millpond.v1.json.
	BatchMessage struct {
		ID         uint32  `json:"id"`
		Live       bool    `json:"live"`
		LastOffset uint64  `json:"lastOffset"`
		MaxOffset  uint64  `json:"maxOffset"`
		Hash       Hash    `json:"hash"`
		Events     []Event `json:"events"`
		Assembled  bool    `json:"assembled,omitempty"` // its one event came in parts; Events is empty
	}
	// PartMessage is a part of the text of an event that is too large for one message, for the subprotocol millpond.v1.json.
	// The texts of all its parts are the event as JSON.
	PartMessage struct {
		ID     uint32 `json:"id"`
		Offset uint64 `json:"offset"`
		Text   string `json:"text"`
	}
	// Goaway says that the server will close the connection soon: connect again after the delay.
	Goaway struct {
		Reason       string `json:"reason"` // for people
		RetryAfterMs int64  `json:"retryAfterMs"`
	}
	// ErrorMessage says that a request failed; without a Subscription or Request, that the connection has.
	ErrorMessage struct {
		Subscription uint32    `json:"subscription,omitempty"` // the ID of the Subscribe that failed
		Request      uint64    `json:"request,omitempty"`      // the ID of the Append that failed
		Code         ErrorCode `json:"code"`
		Message      string    `json:"message"`
		Field        string    `json:"field,omitempty"`
	}
)

// Messages of both.
type (
	// Ping asks the other side for a Pong with the same nonce.
	Ping struct {
		Nonce uint64 `json:"nonce"`
	}
	// Pong answers Ping.
	Pong struct {
		Nonce uint64 `json:"nonce"`
	}
)

// RebuildReason is why a copy is not a prefix of the log.
type RebuildReason string

// The reasons.
const (
	OtherIncarnation RebuildReason = "other-incarnation" // the stream was reset, or the server's data is another
	AheadOfLog       RebuildReason = "ahead-of-log"      // the log ends before the copy's offset
	Diverged         RebuildReason = "diverged"          // the log has another hash at the copy's offset
	Trimmed          RebuildReason = "trimmed"           // the log no longer holds what follows the copy's offset
)

// EndReason is why a subscription has ended.
type EndReason string

// The reasons. After EndReset and EndKilled the client subscribes again from its position.
const (
	EndUnsubscribed EndReason = "unsubscribed" // the client asked for it
	EndReplaced     EndReason = "replaced"     // another subscription with the same key took its place
	EndReset        EndReason = "reset"        // the stream began another incarnation
	EndKilled       EndReason = "killed"       // the running instance of the stream was dropped
)

func (Hello) messageType() string        { return "hello" }
func (Subscribe) messageType() string    { return "subscribe" }
func (Unsubscribe) messageType() string  { return "unsubscribe" }
func (Credit) messageType() string       { return "credit" }
func (Append) messageType() string       { return "append" }
func (Welcome) messageType() string      { return "welcome" }
func (Resume) messageType() string       { return "resume" }
func (Rebuild) messageType() string      { return "rebuild" }
func (Unsubscribed) messageType() string { return "unsubscribed" }
func (Appended) messageType() string     { return "appended" }
func (BatchMessage) messageType() string { return "batch" }
func (PartMessage) messageType() string  { return "part" }
func (Goaway) messageType() string       { return "goaway" }
func (ErrorMessage) messageType() string { return "error" }
func (Ping) messageType() string         { return "ping" }
func (Pong) messageType() string         { return "pong" }

// newMessage makes the empty message of each kind.
var newMessage = map[string]func() Message{
	"hello":        func() Message { return new(Hello) },
	"subscribe":    func() Message { return new(Subscribe) },
	"unsubscribe":  func() Message { return new(Unsubscribe) },
	"credit":       func() Message { return new(Credit) },
	"append":       func() Message { return new(Append) },
	"welcome":      func() Message { return new(Welcome) },
	"resume":       func() Message { return new(Resume) },
	"rebuild":      func() Message { return new(Rebuild) },
	"unsubscribed": func() Message { return new(Unsubscribed) },
	"appended":     func() Message { return new(Appended) },
	"batch":        func() Message { return new(BatchMessage) },
	"part":         func() Message { return new(PartMessage) },
	"goaway":       func() Message { return new(Goaway) },
	"error":        func() Message { return new(ErrorMessage) },
	"ping":         func() Message { return new(Ping) },
	"pong":         func() Message { return new(Pong) },
}
