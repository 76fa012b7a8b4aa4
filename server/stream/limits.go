package stream

import "github.com/millpond-dev/millpond"

const (
	// DefaultReadEvents and MaxReadEvents bound the events of one Read.
	DefaultReadEvents = 100
	MaxReadEvents     = 1000
	// maxReadBytes bounds the records of one Read.
	maxReadBytes = 4 << 20
	// scanBytes bounds what is read from the store at a time to find events of some types.
	scanBytes = 256 << 10

	// maxQueuedRequests and maxQueuedBytes bound what waits for the committer; who comes later waits for room.
	maxQueuedRequests = 4096
	maxQueuedBytes    = 64 << 20
	// maxCommitEvents and maxCommitBytes bound one transaction, give or take the last request in it.
	maxCommitEvents = 8192
	maxCommitBytes  = 8 << 20
	// inputOverheadBytes is what an input counts beside its texts.
	inputOverheadBytes = 64

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
