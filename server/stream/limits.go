package stream

import (
	"time"

	"github.com/millpond-dev/millpond"
)

const (
	// DefaultReadEvents and MaxReadEvents bound the events of one Read.
	DefaultReadEvents = 100
	MaxReadEvents     = 1000
	// maxReadBytes bounds the records of one Read.
	maxReadBytes = 4 << 20
	// recordHeadBytes is what of a record is read to know its type.
	recordHeadBytes = 1 + 10 + 8 + 2 + millpond.MaxTypeBytes
	// maxAnswerBytes bounds the originals that the answer of one append repeats.
	maxAnswerBytes = millpond.MaxEventBytes
	// scanBytes bounds what is read from the store at a time to find events of some types.
	scanBytes = 256 << 10

	// maxQueuedRequests and maxQueuedBytes bound what waits for the committer; who comes later waits for room.
	maxQueuedRequests = 4096
	maxQueuedBytes    = 64 << 20
	// maxCommitEvents and maxCommitBytes bound one transaction, give or take the last request in it.
	maxCommitEvents = 8192
	maxCommitBytes  = 8 << 20
	// stuckCommit is how long a transaction takes at least that is taken for stuck.
	stuckCommit = 10 * time.Second
	// inputOverheadBytes is what an input counts beside its texts.
	inputOverheadBytes = 64

	// defaultIdleTimeout is how long an unused stream stays in memory; idleChecks is how often in that time it is looked at.
	defaultIdleTimeout = 10 * time.Minute
	idleChecks         = 4

	// maxAdopted bounds the children that a reset tells the new incarnation of. Those beyond tell it when they wake.
	maxAdopted = 1000
	// smallSnapshotBytes is up to what size a snapshot is written with each event that changes it. Beyond, snapshotEventBytes
	// of it are worth the folding of one event. Both are a part of the snapshots' format: with other values, StateVersion
	// is another.
	smallSnapshotBytes = 1 << 10
	snapshotEventBytes = 128

	// maxBatchEvents bounds the events of one batch of a subscription, and those that a filter looks at for one.
	maxBatchEvents = 1000
	// maxBatchBytes bounds the records of one batch.
	maxBatchBytes = millpond.MaxFrameBytes - millpond.MaxBatchHeaderBytes

	// The tail of a stream in memory is made of chunks: each has twice the capacity of the one before, in these bounds,
	// but holds one record at least.
	minChunkBytes   = 1 << 10
	maxChunkBytes   = 64 << 10
	maxChunkRecords = 1024
	// maxTailBytes bounds the tail of one stream; its newest chunk is always kept.
	maxTailBytes = 256 << 10
	// maxTailsBytes bounds the tails of all streams together.
	maxTailsBytes = 256 << 20
)
