package store

import (
	"context"

	"github.com/millpond-dev/millpond"
)

// Store keeps logs. All of it may be used concurrently, but Commit is called by one goroutine at a time.
type Store interface {
	// Head is the head of the name's present incarnation: [ErrNoStream] when there is none.
	Head(ctx context.Context, name millpond.Name) (Head, error)

	// Commit makes all batches durable in one transaction, or none. At most one batch a stream. A batch that does not
	// follow the stream's log as it is fails with [ErrConflict]. The store keeps no slice of the batches. The context
	// may stop a commit that has not begun; one that has is finished.
	Commit(ctx context.Context, batches []Batch) error

	// Read returns a part of a log, empty when there is nothing in the range. The page is the caller's. Reading a stream of another incarnation
	// than the present one is [ErrNoStream]: never a mix.
	Read(ctx context.Context, stream Stream, r Range) (Page, error)

	// ReadPart returns a part of one record, of any size: what there is of it from a byte on, one at least and as many as n at
	// most, perhaps fewer. It fails with [ErrNoStream] past the end of the log, and of the record.
	ReadPart(ctx context.Context, stream Stream, offset uint64, start, n int) (Part, error)

	// Hash is the rolling hash of the log at the offset: 0 at offset 0, [ErrNoStream] past the end.
	Hash(ctx context.Context, stream Stream, offset uint64) (millpond.Hash, error)

	// Offsets finds the records with the idempotency keys: for each key the offset, or 0.
	Offsets(ctx context.Context, stream Stream, keys []string) ([]uint64, error)

	// Checkpoint is the data of the checkpoint that a stream has under the key: [ErrNoCheckpoint] when it has none.
	Checkpoint(ctx context.Context, stream Stream, key string) ([]byte, error)

	// Checkpointed lists the streams that have checkpoints, in the order of namespace and path: at most limit, those after
	// a name. The zero name is before all.
	Checkpointed(ctx context.Context, after millpond.Name, limit int) ([]millpond.Name, error)

	// Close waits for what is running and closes the store.
	Close() error
}

// Sweeper is a store that puts some of the work of a reset off. Its owner calls Sweep when there is nothing to commit, on the
// goroutine that commits, until there is no more.
type Sweeper interface {
	// Sweep does a small part of the work, and reports whether there may be more.
	Sweep(ctx context.Context) (more bool, err error)
}

// Stream is one life of a stream: what a [millpond.Name] names until a reset. It is comparable.
type Stream struct {
	Name        millpond.Name
	Incarnation millpond.Incarnation
}

// Head is the end of a stream's log.
type Head struct {
	Stream   Stream
	Offset   uint64        // of the last record, 1 or more
	Hash     millpond.Hash // of the log at Offset
	Last     []byte        // the last record, or a part that begins it when it is over millpond.MaxPartBytes
	Snapshot Snapshot      // as it was committed last; zero: none
}

// Snapshot is what its writer wants kept beside a log, in the same transactions. A store does not look into it.
type Snapshot struct {
	Version int
	Data    []byte
}

// Batch adds records to the log of one stream, and changes what is kept beside it.
type Batch struct {
	Stream      Stream
	After       uint64       // offset that the batch follows; 0: it begins the stream
	Records     []Record     // at After+1, After+2, …; none only in a batch of checkpoints
	Snapshot    Snapshot     // to keep from now on; Data nil: as it was
	Checkpoints []Checkpoint // to keep or delete, in this order

	// Replaces is, in a batch that begins a stream, the incarnation of the same name that is deleted, with all its
	// records and keys. Empty: the name is new.
	Replaces millpond.Incarnation
}

// Checkpoint is what a reader of a log wants kept of how far it has come. A store does not look into it. It stays until it
// is deleted, or its stream is.
type Checkpoint struct {
	Key  string // tells the checkpoints of a stream apart; not empty
	Data []byte // nil deletes it, if it is there; an empty one is kept
}

// Record is one event record, with the log's hash at it.
type Record struct {
	Data []byte
	Hash millpond.Hash
	Key  string // idempotency key, unique in the stream; empty: none
}

// Range is a bounded part of a log.
type Range struct {
	After  uint64 // exclusive
	Before uint64 // exclusive; 0: up to the end
	Limit  int    // most records; 1 or more
	Bytes  int    // most bytes of framed records; the first record is returned even when it is larger
}

// Part is a part of a record.
type Part struct {
	Data        []byte
	RecordBytes int           // of the whole record
	Hash        millpond.Hash // of the log at the record
}

// Page is what Read found in a Range: consecutive records from After+1 on.
type Page struct {
	Records []byte        // framed as in a batch frame: read them with millpond.NextRecord
	Count   int           // how many
	Last    uint64        // offset of the last one; Range.After when there is none
	Hash    millpond.Hash // of the log at the last one; 0 when there is none

	// Large is the size of the record at Last+1 when the page ends before it because it is over millpond.MaxPartBytes: read
	// it with ReadPart. Otherwise 0. Large records are never in a page.
	Large int
}
