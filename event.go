package millpond

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Event is one committed event of a stream. It is immutable.
type Event struct {
	Offset         uint64          // 1-based, consecutive
	Type           string          // 1–256 bytes; "stream/…" is the system's
	Payload        json.RawMessage // any JSON, byte for byte as appended; nil: none
	Metadata       json.RawMessage // a JSON object, byte for byte as appended; nil: none
	Source         *Source         // what produced it; nil: not said
	IdempotencyKey string          // unique in the stream for ever; empty: none
	CreatedAt      time.Time       // the server's clock at commit, UTC: for display only
}

// Source says which processor produced an event.
type Source struct {
	Processor ProcessorID `json:"processor"`
}

// ProcessorID identifies a processor and the version of its code.
type ProcessorID struct {
	Slug    string `json:"slug"`    // 1–128 bytes
	Version string `json:"version"` // 1–64 bytes
}

// Input is an event as a client appends it.
type Input struct {
	Type           string
	Payload        json.RawMessage
	Metadata       json.RawMessage
	Source         *Source
	IdempotencyKey string
	Offset         uint64      // precondition: the offset that the event must get; 0: any
	Incarnation    Incarnation // precondition: the life of the stream that it is meant for; empty: any

	// Stream is where to append it instead: see [Name.Resolve]. All inputs of a batch go to one stream. Empty: the stream
	// that is appended to.
	Stream string
}

// SystemPrefix begins the types and the idempotency keys that belong to the system.
const SystemPrefix = "stream/"

// Validate says which rule the input breaks: an *Error with code [InvalidEvent] or [EventTooLarge] and the field's
// name. It does not say whether the type may be appended by a client: see [Input.ValidateClient].
func (in *Input) Validate() error {
	if err := checkText("type", in.Type, MaxTypeBytes); err != nil {
		return err
	}
	if in.IdempotencyKey != "" {
		if err := checkText("idempotencyKey", in.IdempotencyKey, MaxIdempotencyKeyBytes); err != nil {
			return err
		}
	}
	if in.Incarnation != "" && !in.Incarnation.valid() {
		return invalidEvent("incarnation", "must be a time such as "+string(IncarnationOf(time.Unix(0, 0)))+
			", as the stream's state and a subscription's answer have it")
	}
	if s := in.Source; s != nil {
		if err := checkText("source.processor.slug", s.Processor.Slug, MaxSlugBytes); err != nil {
			return err
		}
		if err := checkText("source.processor.version", s.Processor.Version, MaxVersionBytes); err != nil {
			return err
		}
	}
	if len(in.Stream) > MaxPathBytes {
		return invalidEvent("stream", strconv.Itoa(len(in.Stream))+" bytes are over the limit of "+strconv.Itoa(MaxPathBytes))
	}
	if err := checkJSON("payload", in.Payload); err != nil {
		return err
	}
	if err := checkJSON("metadata", in.Metadata); err != nil {
		return err
	}
	if m := in.Metadata; m != nil {
		if m[0] != '{' {
			return invalidEvent("metadata", "must be a JSON object")
		}
		if len(m) > MaxMetadataBytes {
			return tooLarge("metadata", len(m), MaxMetadataBytes)
		}
	}
	if n := len(in.Payload) + len(in.Metadata); n > MaxEventBytes {
		return tooLarge("payload", n, MaxEventBytes)
	}
	return nil
}

// ValidateClient is Validate for an input that comes from a client, which may append only those core types that
// [ClientType] allows.
func (in *Input) ValidateClient() error {
	if err := in.Validate(); err != nil {
		return err
	}
	if strings.HasPrefix(in.Type, SystemPrefix) && !ClientType(in.Type) {
		return invalidEvent("type", strconv.Quote(in.Type)+" belongs to the system: choose a type that does not start with "+
			strconv.Quote(SystemPrefix))
	}
	if strings.HasPrefix(in.IdempotencyKey, SystemPrefix) { // or a client could take the key of what the system will append
		return invalidEvent("idempotencyKey", "belongs to the system: choose a key that does not start with "+
			strconv.Quote(SystemPrefix))
	}
	return in.checkCore()
}

func checkText(field, s string, limit int) error {
	switch {
	case s == "":
		return invalidEvent(field, "is required")
	case len(s) > limit:
		return invalidEvent(field, strconv.Itoa(len(s))+" bytes are over the limit of "+strconv.Itoa(limit))
	case strings.ContainsRune(s, utf8.RuneError):
		// Decoders put U+FFFD in the place of what they cannot read: two broken keys would become the same key.
		return invalidEvent(field, "must be valid Unicode, without U+FFFD")
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return invalidEvent(field, "must not contain control characters")
	}
	return nil
}

// checkJSON checks a JSON value: nil is none; otherwise valid, without space around it, UTF-8, of bounded depth.
func checkJSON(field string, raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	depth, valid := scanJSON(raw)
	if depth > MaxJSONDepth {
		return invalidEvent(field, "is nested deeper than "+strconv.Itoa(MaxJSONDepth)+" levels")
	}
	if !valid {
		return invalidEvent(field, "must be valid JSON")
	}
	if isSpace(raw[0]) || isSpace(raw[len(raw)-1]) {
		return invalidEvent(field, "must not have white space around it")
	}
	if !utf8.Valid(raw) {
		return invalidEvent(field, "must be valid UTF-8")
	}
	return nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// Equal reports whether two sources are the same.
func (s *Source) Equal(t *Source) bool {
	return s == t || s != nil && t != nil && *s == *t
}
