package host

import "time"

const (
	// maxAttempts is how often in a row a processor may fail at the same event.
	maxAttempts = 3
	// minBackoff and maxBackoff bound the time between two attempts: it doubles from one to the other, give or take a
	// half.
	minBackoff = 200 * time.Millisecond
	maxBackoff = 30 * time.Second

	// callTimeout bounds one call of ProcessEvent or ProcessBatch, with the work that blocks the checkpoint.
	callTimeout = time.Minute
	// stopGrace is how long a call that runs may go on when its processor is stopped.
	stopGrace = 2 * time.Second

	// batchBytes bounds the records that a processor reads at a time.
	batchBytes = 256 << 10
	// batchEvents bounds the events of one ProcessBatch.
	batchEvents = 256
	// checkpointOffsets and checkpointInterval bound what is done twice after a crash: a checkpoint is written at least
	// after so many offsets, or after so long, beside after each batch that the processor has acted on.
	checkpointOffsets  = 4096
	checkpointInterval = time.Second
	// maxStateBytes bounds a processor's state as JSON.
	maxStateBytes = 1 << 20

	// maxWork bounds the work of one call, and the work in the background of one processor, that runs at a time.
	maxWork = 64
	// listNames is how many streams are listed at a time.
	listNames = 256
	// maxErrorBytes bounds the text of an error that is shown.
	maxErrorBytes = 512
)
