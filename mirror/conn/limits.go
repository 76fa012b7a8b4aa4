package conn

import (
	"time"

	"github.com/millpond-dev/millpond"
)

const (
	// maxReadBytes bounds one message of the server. The largest is the answer to the largest append: its events, each
	// with an offset and a time.
	maxReadBytes = millpond.MaxMessageBytes + millpond.MaxBatchEvents*128

	// maxSendBytes bounds what waits to be sent. All appends that a session keeps fit in.
	maxSendBytes = 48 << 20

	// closeTimeout bounds how long a closed connection waits for the other side to agree.
	closeTimeout = time.Second

	// maxReasonBytes bounds the reason of a close.
	maxReasonBytes = 120
)
