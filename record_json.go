package millpond

import (
	"fmt"
	"strconv"
	"time"
)

// maxRecordHeadBytes bounds what a record has before its payload, maxRecordRestBytes what it has after it.
const (
	maxRecordHeadBytes = 1 + 10 + 8 + 2 + MaxTypeBytes + 2 + MaxIdempotencyKeyBytes + 5
	maxRecordRestBytes = 3 + MaxMetadataBytes + 2 + MaxSlugBytes + 1 + MaxVersionBytes
)

// RecordJSON makes the JSON text of an event, as [Event.AppendJSON] does, of a record that comes in parts. It holds no more
// of it than what is not payload. The zero RecordJSON is ready for a record, and again after End.
type RecordJSON struct {
	held    []byte // of the head, or of what is after the payload
	begun   bool   // the head has been read
	flags   byte
	event   Event // without payload and metadata
	payload int   // bytes of it that are to come
}

// Append appends the text that the next part makes. It fails with [ErrCorruptRecord].
func (r *RecordJSON) Append(dst, part []byte) ([]byte, error) {
	if !r.begun {
		r.held = append(r.held, part...)
		var err error
		if dst, part, err = r.head(dst); err != nil || !r.begun {
			return dst, err
		}
	}
	n := min(r.payload, len(part))
	dst = append(dst, part[:n]...)
	r.payload -= n
	r.held = append(r.held, part[n:]...)
	if len(r.held) > maxRecordRestBytes {
		return dst, fmt.Errorf("%w: too long", ErrCorruptRecord)
	}
	return dst, nil
}

// head reads the head, when all of it is there, and returns what is after it.
func (r *RecordJSON) head(dst []byte) (_, rest []byte, err error) {
	d := decoder{rest: r.held}
	r.flags = d.byte()
	r.event = Event{Offset: d.uvarint(), CreatedAt: time.Unix(0, int64(d.uint64())).UTC(), Type: d.string(MaxTypeBytes, "")}
	r.event.IdempotencyKey = d.optionalString(r.flags&flagKey != 0, MaxIdempotencyKeyBytes)
	if r.flags&flagPayload != 0 {
		r.payload = int(min(d.uvarint(), MaxEventBytes))
	}
	if d.err != nil {
		if len(r.held) >= maxRecordHeadBytes {
			return dst, nil, fmt.Errorf("%w: %w", ErrCorruptRecord, d.err)
		}
		return dst, nil, nil // more of it has to come
	}
	r.begun, r.held = true, nil
	dst = strconv.AppendUint(append(dst, `{"offset":`...), r.event.Offset, 10)
	dst = appendJSONString(append(dst, `,"type":`...), r.event.Type)
	if r.flags&flagPayload != 0 {
		dst = append(dst, `,"payload":`...)
	}
	return dst, d.rest, nil
}

// End appends the rest of the text. It fails with [ErrCorruptRecord] when the record has not come whole.
func (r *RecordJSON) End(dst []byte) ([]byte, error) {
	d := decoder{rest: r.held}
	if !r.begun || r.payload > 0 {
		d.fail("too short")
	}
	e := r.event
	e.Metadata = d.optionalBytes(r.flags&flagMetadata != 0, MaxMetadataBytes)
	if r.flags&flagSource != 0 {
		e.Source = &Source{ProcessorID{Slug: d.optionalString(true, MaxSlugBytes), Version: d.optionalString(true, MaxVersionBytes)}}
	}
	if len(d.rest) > 0 {
		d.fail("bytes after the end")
	}
	*r = RecordJSON{}
	if d.err != nil {
		return dst, fmt.Errorf("%w: %w", ErrCorruptRecord, d.err)
	}
	return e.appendJSONRest(dst), nil
}
