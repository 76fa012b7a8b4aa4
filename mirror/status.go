package mirror

import (
	"slices"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/projection"
)

// Status is a snapshot of how a mirror does. Its JSON is part of the API of @millpond/client.
type Status struct {
	Connection Connection `json:"connection"`
	// Epoch counts the attempts to connect.
	Epoch uint64 `json:"epoch"`
	// LastError is why the mirror is not connected, or the last connection ended; nil once a batch was applied.
	LastError *Problem `json:"lastError,omitempty"`
	// RetryAt is when the mirror connects again; zero when nothing is planned.
	RetryAt time.Time `json:"retryAt,omitzero"`

	Storage Storage `json:"storage"`
	// StorageError is what is wrong with the storage, or why it is memory, or why the copy was thrown away and is built again.
	StorageError *StorageProblem `json:"storageError,omitempty"`
	// Space is the room that the storage takes and has, measured now and then; nil in memory, and until it was measured.
	Space *Space `json:"space,omitempty"`
	// ReplicaID identifies the database; another one after it was built again.
	ReplicaID string `json:"replicaId"`

	// Outbox is how many events that were appended here the server may not have yet.
	Outbox outbox.Counts `json:"outbox"`
	// AppendsLost is how many events that were appended here were lost with a damaged database since the mirror was opened.
	AppendsLost int `json:"appendsLost,omitempty"`

	// Projections are those of Options, in their order.
	Projections []projection.Status `json:"projections,omitempty"`

	// Streams are those that are open, by namespace and path.
	Streams []StreamStatus `json:"streams"`
}

// Connection is the state of the connection to the server.
type Connection string

// The states of the connection.
const (
	Connecting   Connection = "connecting"   // for the first time
	Connected    Connection = "connected"    // the server has welcomed the mirror
	Reconnecting Connection = "reconnecting" // it was lost, or could not be made; tried again by itself
	Stopped      Connection = "stopped"      // not tried again: LastError says why; Reconnect tries once more
	Offline      Connection = "offline"      // no server was given
	Closed       Connection = "closed"       // the mirror was closed
)

// StreamStatus is how one stream of a mirror does.
type StreamStatus struct {
	millpond.Name
	State StreamState `json:"state"`
	// Position is how far the copy has got that queries see.
	millpond.Position
	// Stale says that this copy is of a log that is not the server's any more: the stream was reset, or the server restored from a
	// backup. It stays until another one has been built.
	Stale bool `json:"stale,omitempty"`
	// Rebuild is how far that one has got; nil: none is being built.
	Rebuild *Rebuild `json:"rebuild,omitempty"`
	// MaxOffset is the offset of the stream's last event, as far as the server has told.
	MaxOffset uint64 `json:"maxOffset"`
	// LastError is why the stream failed; nil when the last batch was applied.
	LastError *Problem `json:"lastError,omitempty"`
	// RetryAt is when a failed stream is tried again; zero when that waits for another connection.
	RetryAt time.Time `json:"retryAt,omitzero"`
}

// Rebuild is how far a copy has got that is being built beside the one that queries see.
type Rebuild struct {
	Offset uint64 `json:"offset"`
	Target uint64 `json:"target"` // the offset at which it takes the other one's place
}

// StreamState is what happens to the copy of a stream.
type StreamState string

// The states of a stream.
const (
	Subscribing StreamState = "subscribing" // the server has not been asked, or has not answered yet
	Subscribed  StreamState = "subscribed"  // batches are applied as they come
	Rebuilding  StreamState = "rebuilding"  // a new copy is being built beside this one, or is about to be
	Failed      StreamState = "failed"      // LastError says why
)

// Problem is an error as a status shows it. It is comparable.
type Problem struct {
	Code    millpond.ErrorCode `json:"code"`
	Message string             `json:"message"`
	Action  millpond.Action    `json:"action"` // what the mirror, or its user, does about it
}

// Equal reports whether two snapshots say the same.
func (s *Status) Equal(t *Status) bool {
	return s.Connection == t.Connection && s.Epoch == t.Epoch && s.LastError.equal(t.LastError) &&
		s.RetryAt.Equal(t.RetryAt) && s.Storage == t.Storage && s.StorageError.equal(t.StorageError) &&
		(s.Space == t.Space || s.Space != nil && t.Space != nil && *s.Space == *t.Space) && s.ReplicaID == t.ReplicaID && s.Outbox == t.Outbox && s.AppendsLost == t.AppendsLost && slices.EqualFunc(s.Streams, t.Streams, StreamStatus.equal) &&
		slices.EqualFunc(s.Projections, t.Projections, projection.Status.Equal)
}

func (s StreamStatus) equal(t StreamStatus) bool {
	return s.Name == t.Name && s.State == t.State && s.Position == t.Position && s.MaxOffset == t.MaxOffset &&
		s.Stale == t.Stale && (s.Rebuild == t.Rebuild || s.Rebuild != nil && t.Rebuild != nil && *s.Rebuild == *t.Rebuild) &&
		s.LastError.equal(t.LastError) && s.RetryAt.Equal(t.RetryAt)
}

func (p *Problem) equal(q *Problem) bool {
	return p == q || p != nil && q != nil && *p == *q
}
