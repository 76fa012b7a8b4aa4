package server

import (
	"time"

	"github.com/millpond-dev/millpond"
)

// The bounds of HTTP.
const (
	// extraConnections is how many connections there may be for requests beside those that last.
	extraConnections = 4096
	// smallBodyBytes is what the body of a request may hold without asking; maxBodiesBytes bounds what those that are larger
	// hold together. firstBodyBytes is what one begins with whose size is not known.
	smallBodyBytes = 64 << 10
	maxBodiesBytes = 64 << 20
	firstBodyBytes = 4 << 10
	// appendHeadBytes is what the text of an append may have besides the payload of the largest event.
	appendHeadBytes = 64 << 10
	// maxControlBytes bounds the body of a control request.
	maxControlBytes = 4 << 10
	// maxHeaderBytes bounds the head of a request.
	maxHeaderBytes = 32 << 10
	// maxRequestIDBytes bounds the id that a request may bring.
	maxRequestIDBytes = 64
	// defaultReadEvents is how many events a read answers when it does not say.
	defaultReadEvents = 100
	// maxReadEvents bounds the events of one read.
	maxReadEvents = 1000
	// minCompressBytes is how large an answer is at least that is compressed: two packets, say.
	minCompressBytes = 1400
	// maxCompressing bounds the answers that are being compressed: an encoder holds about a megabyte. Others go out as
	// they are.
	maxCompressing = 64
	// flushBytes is how much of a long answer may wait for more.
	flushBytes = 64 << 10
	// embeddedReadEvents bounds the events that an iterator holds in memory; a few megabytes bound them, too.
	embeddedReadEvents = 256
	// readChunkEvents bounds the events that a read holds in memory: the answer is written as it is read.
	readChunkEvents = 32

	// maxScrapes bounds the requests for metrics at one time: each looks at all subscriptions.
	maxScrapes = 4
	// notReadyAfterFailure is how long a failed commit makes the server not ready, when no other one comes.
	notReadyAfterFailure = 15 * time.Second

	readHeaderTimeout = 10 * time.Second
	readTimeout       = 60 * time.Second // of a whole request
	writeTimeout      = 2 * time.Minute  // of a whole response
	idleTimeout       = 2 * time.Minute  // of a connection between requests

	// processorsTimeout bounds how long the processors may take to stop.
	processorsTimeout = 5 * time.Second
)

// The bounds of the responses that follow a stream.
const (
	// heartbeatInterval is how long nothing may be sent: proxies give up on silent connections, most after a minute.
	heartbeatInterval = 15 * time.Second
	// followWriteBytes is how much is written at once.
	followWriteBytes = 32 << 10
	// checkpointEvents is how many events may be left out by a filter before the client is told how far it has got.
	checkpointEvents = 1000
	// maxEventIDBytes bounds a Last-Event-ID.
	maxEventIDBytes = 128
)

// The bounds of the websockets.
const (
	// maxHelloBytes bounds what a websocket may send before it is known whose it is.
	maxHelloBytes = 16 << 10
	// maxAppendedBytes bounds the answer to an append: that of the largest, with an offset and a time for each event.
	maxAppendedBytes = millpond.MaxMessageBytes + millpond.MaxBatchEvents*128
	// helloTimeout bounds how long a new connection may wait with its hello.
	helloTimeout = 10 * time.Second
	// leaveTimeout bounds how long a closed connection waits for the client to agree.
	leaveTimeout = 2 * time.Second
	// sendTimeout bounds how long one message may take to be sent. A slower client is disconnected; it resumes.
	sendTimeout = time.Minute
	// targetFrameBytes is how large a frame gets when there is enough to send. A slow line is not blocked for long by
	// one, so that the probes come through; and a thousand of them that do not read hold no more than a thousand of these.
	targetFrameBytes = 64 << 10
	// inFlightBytes is what the subscriptions of one connection share for the frames that they hold while the client
	// does not read.
	inFlightBytes = 4 << 20
	// minFrameBytes is the smallest share.
	minFrameBytes = 8 << 10
	// keptBufferBytes bounds the buffers that are kept for the next message.
	keptBufferBytes = 64 << 10
	// websocketReadBytes and controlFrameBytes are the buffers of a websocket: longer messages are read past the one, and
	// the other holds a whole control frame.
	websocketReadBytes = 512
	controlFrameBytes  = 256
	// smallMessageBytes is what a message is copied to be written at once.
	smallMessageBytes = 4 << 10
	// maxLogBytes bounds what a log line repeats of a client.
	maxLogBytes = 128
	// maxCloseReasonBytes is what a websocket's close frame has room for.
	maxCloseReasonBytes = 123
	// minRetryAfter and maxRetryAfter bound the random delay after which clients come back when the server goes away:
	// not all at once.
	minRetryAfter = 500 * time.Millisecond
	maxRetryAfter = 2500 * time.Millisecond
)
