package millpond

import "time"

// The limits of the vocabulary. A server may set lower ones, never higher ones.
const (
	MaxNamespaceBytes      = 64                     // namespace of a Name
	MaxPathBytes           = 512                    // path of a Name
	MaxPathSegments        = 64                     // of a path: creating a stream is told to all streams above it
	MaxTypeBytes           = 256                    // Event.Type
	MaxIdempotencyKeyBytes = 512                    // Event.IdempotencyKey
	MaxSlugBytes           = 128                    // Source.Processor.Slug
	MaxVersionBytes        = 64                     // Source.Processor.Version
	MaxMetadataBytes       = 64 << 10               // Event.Metadata
	MaxCorePayloadBytes    = 64 << 10               // payload of a core type that a client appends
	MaxPauseReasonBytes    = 1 << 10                // reason of stream/paused: each append that it refuses repeats it
	MaxEventBytes          = 32 << 20               // payload and metadata of one event together
	DefaultEventBytes      = 8 << 20                // the same, for a server that is not told otherwise
	MaxJSONDepth           = 500                    // nesting of payload or metadata; SQLite refuses JSON deeper than 1000
	MaxBatchEvents         = 1000                   // events of one append
	MaxBatchBytes          = 4 << 20                // the text of the events of an append message
	MaxAppendBytes         = MaxEventBytes + 64<<10 // the text of one append over HTTP

	// MaxRecordBytes bounds one encoded event record: the event and the largest head it can have.
	MaxRecordBytes = MaxEventBytes + 4<<10
	// MaxPartBytes bounds a part of a record. A record up to that size is stored in one row and sent in one frame; a larger
	// one is stored and sent in several.
	MaxPartBytes = 512<<10 + 4<<10
	// MaxFrameBytes bounds one binary frame. A frame holds one record, or a part of one, at least, so that credit never
	// starves.
	MaxFrameBytes = 1 << 20
	// MaxMessageBytes bounds one control message: an append is the largest.
	MaxMessageBytes = MaxBatchBytes + 64<<10
	// MaxCreditBytes bounds the credit that a client may have outstanding on one subscription.
	MaxCreditBytes = 64 << 20
	// MaxSubscriptions bounds the subscriptions of one connection.
	MaxSubscriptions = 1024
	// MaxEventTypes bounds the event types that one subscription filters by.
	MaxEventTypes = 100
	// MaxOutboundSubscriptions bounds the outbound subscriptions of one stream.
	MaxOutboundSubscriptions = 64
	// MaxSubscriptionKeyBytes bounds the key of an outbound subscription.
	MaxSubscriptionKeyBytes = 128

	// maxObjectFields bounds the fields of a JSON object that is decoded here, with those that are ignored. The widest
	// message has 8.
	maxObjectFields = 64
	// maxEchoRunes bounds what an error repeats of a name or value that it does not know.
	maxEchoRunes = 64
)

// The liveness of a connection: each side probes the other when it has heard nothing for ProbeInterval, and takes it
// for dead when the answer has not come after ProbeTimeout.
const (
	ProbeInterval = 10 * time.Second
	ProbeTimeout  = 5 * time.Second
)
