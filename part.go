package millpond

import (
	"encoding/binary"
	"fmt"
)

// Part is a part of a record that is too large for one frame.
type Part struct {
	Subscription uint32
	Offset       uint64 // of the record
	RecordBytes  int    // of the whole record
	Start        int    // where in the record the part begins
	Bytes        []byte
}

// End is where in the record the part ends.
func (p *Part) End() int { return p.Start + len(p.Bytes) }

// AppendHeader appends all of the frame but the bytes.
func (p *Part) AppendHeader(dst []byte) []byte {
	dst = append(dst, framePart)
	dst = binary.AppendUvarint(dst, uint64(p.Subscription))
	dst = binary.AppendUvarint(dst, p.Offset)
	dst = binary.AppendUvarint(dst, uint64(p.RecordBytes))
	return binary.AppendUvarint(dst, uint64(p.Start))
}

// AppendFrame appends the frame.
func (p *Part) AppendFrame(dst []byte) []byte { return append(p.AppendHeader(dst), p.Bytes...) }

// IsPart reports whether a frame is that of a part: read it with [DecodePart], and others with [DecodeBatch].
func IsPart(frame []byte) bool { return len(frame) > 0 && frame[0] == framePart }

// DecodePart reads the frame of a part. Bytes is a slice of frame, not a copy. It fails with [ErrCorruptFrame].
func DecodePart(frame []byte) (Part, error) {
	d := decoder{rest: frame}
	if d.byte() != framePart {
		d.fail("unknown kind")
	}
	id, offset, size, start := d.uvarint(), d.uvarint(), d.uvarint(), d.uvarint()
	switch {
	case d.err != nil:
	case id == 0 || id > 1<<32-1:
		d.fail("subscription out of range")
	case offset == 0:
		d.fail("offset 0")
	case size <= MaxPartBytes || size > MaxRecordBytes:
		d.fail("size of the record out of range")
	case len(d.rest) == 0 || len(d.rest) > MaxPartBytes || start > size || uint64(len(d.rest)) > size-start:
		d.fail("part out of range")
	}
	if d.err != nil {
		return Part{}, fmt.Errorf("%w: %w", ErrCorruptFrame, d.err)
	}
	return Part{uint32(id), offset, int(size), int(start), d.rest}, nil
}

// Assembly puts the parts of a record together. The zero Assembly is ready for the first part.
type Assembly struct {
	offset uint64
	size   int    // of the record; 0: there is none
	framed []byte // its length, and what has come of it
	head   int    // bytes of the length
}

// Held is how many bytes of a record have come.
func (a *Assembly) Held() int { return len(a.framed) - a.head }

// Add adds a part, and copies its bytes. It fails with [ErrCorruptFrame] when it is not the next one.
func (a *Assembly) Add(p *Part) error {
	if a.size == 0 && p.Start == 0 {
		a.offset, a.size = p.Offset, p.RecordBytes
		a.framed = binary.AppendUvarint(make([]byte, 0, min(FramedRecordBytes(a.size), 2*MaxPartBytes)), uint64(a.size))
		a.head = len(a.framed)
	}
	if p.Offset != a.offset || p.RecordBytes != a.size || p.Start != a.Held() {
		return fmt.Errorf("%w: a part of offset %d from byte %d, want offset %d from byte %d", ErrCorruptFrame, p.Offset, p.Start, a.offset, a.Held())
	}
	a.framed = append(a.framed, p.Bytes...)
	return nil
}

// Take returns the record, framed as [NextRecord] reads it, and begins anew. It fails with [ErrCorruptFrame] when the record
// at the offset has not come whole.
func (a *Assembly) Take(offset uint64) ([]byte, error) {
	if a.size == 0 || a.offset != offset || a.Held() != a.size {
		return nil, fmt.Errorf("%w: %d bytes of %d of the record at offset %d have come, want that at %d", ErrCorruptFrame, a.Held(), a.size, a.offset, offset)
	}
	framed := a.framed
	*a = Assembly{}
	return framed, nil
}
