package millpond

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// A record is an event as it is stored, hashed and sent:
//
//	flags      1 byte: which optional fields follow; other bits are 0
//	offset     uvarint, 1 or more
//	createdAt  8 bytes, little endian, signed: nanoseconds since 1970 UTC
//	type       uvarint length, bytes
//	key        uvarint length, bytes     if flagKey
//	payload    uvarint length, bytes     if flagPayload
//	metadata   uvarint length, bytes     if flagMetadata
//	source     slug and version, each uvarint length, bytes   if flagSource
//
// Each event has exactly one encoding: varints are minimal, an empty key is not written, nothing follows.
const (
	flagPayload byte = 1 << iota
	flagMetadata
	flagSource
	flagKey
	knownFlags = flagPayload | flagMetadata | flagSource | flagKey
)

// ErrCorruptRecord is what decoding a record that is not well-formed fails with.
var ErrCorruptRecord = errors.New("corrupt event record")

// AppendRecord appends the event's record. The event must be valid, its CreatedAt between the years 1678 and 2262.
func AppendRecord(dst []byte, e *Event) []byte {
	var flags byte
	if e.Payload != nil {
		flags |= flagPayload
	}
	if e.Metadata != nil {
		flags |= flagMetadata
	}
	if e.Source != nil {
		flags |= flagSource
	}
	if e.IdempotencyKey != "" {
		flags |= flagKey
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, e.Offset)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.CreatedAt.UnixNano()))
	dst = appendBytes(dst, e.Type)
	if flags&flagKey != 0 {
		dst = appendBytes(dst, e.IdempotencyKey)
	}
	if flags&flagPayload != 0 {
		dst = appendBytes(dst, e.Payload)
	}
	if flags&flagMetadata != 0 {
		dst = appendBytes(dst, e.Metadata)
	}
	if flags&flagSource != 0 {
		dst = appendBytes(dst, e.Source.Processor.Slug)
		dst = appendBytes(dst, e.Source.Processor.Version)
	}
	return dst
}

// DecodeRecord reads a record into e. Payload and metadata are slices of b, not copies. JSON is not parsed: who
// encoded the record has validated it. It fails with [ErrCorruptRecord], and then e holds nothing of use. It reuses the
// strings that e already holds where they are the same, so decoding many events of one type into one Event allocates
// little.
func DecodeRecord(b []byte, e *Event) error {
	d := decoder{rest: b}
	flags := d.byte()
	if flags&^knownFlags != 0 {
		d.fail("unknown flags")
	}
	e.Offset = d.uvarint()
	if e.Offset == 0 {
		d.fail("offset 0")
	}
	e.CreatedAt = time.Unix(0, int64(d.uint64())).UTC()
	e.Type = d.string(MaxTypeBytes, e.Type)
	if e.Type == "" {
		d.fail("no type")
	}
	e.IdempotencyKey = d.optionalString(flags&flagKey != 0, MaxIdempotencyKeyBytes)
	e.Payload = d.optionalBytes(flags&flagPayload != 0, MaxEventBytes)
	e.Metadata = d.optionalBytes(flags&flagMetadata != 0, MaxMetadataBytes)
	e.Source = nil
	if flags&flagSource != 0 {
		e.Source = &Source{ProcessorID{
			Slug:    d.optionalString(true, MaxSlugBytes),
			Version: d.optionalString(true, MaxVersionBytes),
		}}
	}
	if len(d.rest) > 0 {
		d.fail("bytes after the end")
	}
	if d.err != nil {
		return fmt.Errorf("%w: %w", ErrCorruptRecord, d.err)
	}
	return nil
}

// RecordOffset reads only the offset of a record: 0 when it is corrupt.
func RecordOffset(b []byte) uint64 {
	d := decoder{rest: b}
	d.byte()
	return d.uvarint()
}

// RecordCreatedAt reads only the time of a record, of which b may be a part that begins it. It is not ok when that is
// corrupt.
func RecordCreatedAt(b []byte) (at time.Time, ok bool) {
	d := decoder{rest: b}
	d.byte()
	d.uvarint()
	at = time.Unix(0, int64(d.uint64())).UTC()
	return at, d.err == nil
}

// RecordType reads only the type of a record: nil when it is corrupt. It is a slice of b, which may be a part of the record
// that begins it.
func RecordType(b []byte) []byte {
	d := decoder{rest: b}
	d.byte()
	d.uvarint()
	d.uint64()
	return d.bytes(MaxTypeBytes)
}

func appendBytes[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// decoder reads from a slice. After the first failure every read returns zero and err says what was wrong.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(why string) {
	if d.err == nil {
		d.err = errors.New(why)
	}
	d.rest = nil
}

func (d *decoder) take(n int) []byte {
	if n > len(d.rest) {
		d.fail("too short")
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || n > 1 && d.rest[n-1] == 0 { // cut off, over 64 bits, or not minimal
		d.fail("bad varint")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) bytes(limit int) []byte {
	n := d.uvarint()
	if n > uint64(limit) || n > math.MaxInt32 {
		d.fail("length over its limit")
		return nil
	}
	return d.take(int(n))
}

func (d *decoder) string(limit int, reuse string) string {
	b := d.bytes(limit)
	if string(b) == reuse {
		return reuse
	}
	return string(b)
}

func (d *decoder) optionalString(present bool, limit int) string {
	if !present {
		return ""
	}
	s := d.string(limit, "")
	if s == "" {
		d.fail("empty where it should be absent")
	}
	return s
}

func (d *decoder) optionalBytes(present bool, limit int) []byte {
	if !present {
		return nil
	}
	b := d.bytes(limit)
	if len(b) == 0 {
		d.fail("empty where it should be absent")
		return nil
	}
	return b
}
