package millpond

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A batch frame is one binary websocket message from the server:
//
//	kind         1 byte: 1
//	flags        1 byte: bit 0: the batch reaches the end of the log; bit 1: its record came in parts; other bits are 0
//	subscription uvarint: the id that the client gave it, 1 or more
//	lastOffset   uvarint: the checkpoint after the batch; past the last record when a filter skipped some
//	maxOffset    uvarint: the offset of the stream's last event, lastOffset or more
//	hash         8 bytes, little endian: the log's hash at lastOffset
//	records      each uvarint length, bytes; offsets rise
//
// A part frame is a part of a record that is larger than MaxPartBytes:
//
//	kind         1 byte: 2
//	subscription uvarint: the id that the client gave it, 1 or more
//	offset       uvarint: of the record
//	recordBytes  uvarint: of the whole record, over MaxPartBytes
//	start        uvarint: where in the record the part begins: where the part before it ended
//	bytes        to the end, one at least
//
// The parts of a record come in order, with nothing of the same subscription in between. After the last one comes a
// batch with bit 1 and without records, whose only record is the one that came.
//
// Other kinds are kept for later.
const (
	frameBatch    byte = 1
	framePart     byte = 2
	flagLive      byte = 1
	flagAssembled byte = 2
)

// MaxPartHeaderBytes bounds what [Part.AppendHeader] appends.
const MaxPartHeaderBytes = 1 + 5 + 10 + 5 + 5

// MaxBatchHeaderBytes bounds what AppendHeader appends.
const MaxBatchHeaderBytes = 2 + 5 + 10 + 10 + 8

// ErrCorruptFrame is what decoding a frame that is not well-formed fails with.
var ErrCorruptFrame = errors.New("corrupt frame")

// Batch is a decoded batch frame.
type Batch struct {
	Subscription uint32
	Live         bool   // the batch reaches the end of the log
	Assembled    bool   // its one record came in parts; Records is empty until they are put together
	LastOffset   uint64 // checkpoint after the batch
	MaxOffset    uint64 // of the stream's last event
	Hash         Hash   // of the log at LastOffset
	Records      []byte // each with its length in front; read them with NextRecord
}

// AppendHeader appends all of the frame but the records, so that a server encodes these once for many subscribers.
func (b *Batch) AppendHeader(dst []byte) []byte {
	var flags byte
	if b.Live {
		flags |= flagLive
	}
	if b.Assembled {
		flags |= flagAssembled
	}
	dst = append(dst, frameBatch, flags)
	dst = binary.AppendUvarint(dst, uint64(b.Subscription))
	dst = binary.AppendUvarint(dst, b.LastOffset)
	dst = binary.AppendUvarint(dst, b.MaxOffset)
	return binary.LittleEndian.AppendUint64(dst, uint64(b.Hash))
}

// AppendFrame appends the frame.
func (b *Batch) AppendFrame(dst []byte) []byte { return append(b.AppendHeader(dst), b.Records...) }

// DecodeBatch reads a frame. Records is a slice of frame, not a copy, and is not looked into: NextRecord does that.
// It fails with [ErrCorruptFrame].
func DecodeBatch(frame []byte) (Batch, error) {
	d := decoder{rest: frame}
	if d.byte() != frameBatch {
		d.fail("unknown kind")
	}
	flags := d.byte()
	if flags&^(flagLive|flagAssembled) != 0 {
		d.fail("unknown flags")
	}
	id := d.uvarint()
	if id == 0 || id > 1<<32-1 {
		d.fail("subscription out of range")
	}
	b := Batch{Subscription: uint32(id), Live: flags&flagLive != 0, Assembled: flags&flagAssembled != 0}
	b.LastOffset = d.uvarint()
	b.MaxOffset = d.uvarint()
	b.Hash = Hash(d.uint64())
	if b.MaxOffset < b.LastOffset || b.Live && b.MaxOffset != b.LastOffset {
		d.fail("offsets out of order")
	}
	if b.Assembled && len(d.rest) > 0 {
		d.fail("records beside those that came in parts")
	}
	if d.err != nil {
		return Batch{}, fmt.Errorf("%w: %w", ErrCorruptFrame, d.err)
	}
	b.Records = d.rest
	return b, nil
}

// AppendFramedRecord appends a record with its length in front, as a frame holds it.
func AppendFramedRecord(dst, record []byte) []byte { return appendBytes(dst, record) }

// FramedRecordBytes is how many bytes AppendFramedRecord appends for a record of recordBytes.
func FramedRecordBytes(recordBytes int) int {
	n := 1
	for v := recordBytes; v >= 0x80; v >>= 7 {
		n++
	}
	return n + recordBytes
}

// NextRecord splits the first record off a frame's records. At the end it returns nil, nil, nil. It fails with
// [ErrCorruptFrame].
func NextRecord(records []byte) (record, rest []byte, err error) {
	if len(records) == 0 {
		return nil, nil, nil
	}
	d := decoder{rest: records}
	record = d.bytes(MaxRecordBytes)
	if d.err == nil && len(record) == 0 {
		d.fail("empty record")
	}
	if d.err != nil {
		return nil, nil, fmt.Errorf("%w: record: %w", ErrCorruptFrame, d.err)
	}
	return record, d.rest, nil
}
