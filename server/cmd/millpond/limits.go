package main

import (
	"time"

	"github.com/millpond-dev/millpond"
)

const (
	// drainTimeout bounds how long serve waits for clients and appends when it is asked to stop. Service managers kill
	// after 10 seconds.
	drainTimeout = 8 * time.Second

	// minFreeBytes and minFreeShare, of all bytes of the disk, are how much should be free at least.
	minFreeBytes = 1 << 30
	minFreeShare = 20

	// readyTimeout bounds the question whether a server is ready.
	readyTimeout = 3 * time.Second

	// operatorTimeout bounds the head of a request of the operator.
	operatorTimeout = 10 * time.Second

	// maxLineBytes bounds a line of an import: an event of the largest size, its JSON around it, and its key.
	maxLineBytes = millpond.MaxEventBytes + millpond.MaxMetadataBytes + 8<<10
	// importEvents and importBytes bound a batch of an import.
	importEvents = 500
	importBytes  = 1 << 20
	// maxResponseBytes bounds what is read of a response.
	maxResponseBytes = millpond.MaxAppendBytes + millpond.MaxBatchEvents*128
	// requestTimeout bounds one request.
	requestTimeout = 60 * time.Second

	// tailWindowBytes is the credit that tail gives.
	tailWindowBytes = 1 << 20
	// tailQueue bounds the messages that tail has received and not yet printed; the credit bounds their bytes.
	tailQueue = 16

	firstBackoff = 250 * time.Millisecond
	maxBackoff   = 30 * time.Second
)
