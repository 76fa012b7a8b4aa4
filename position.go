package millpond

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"
)

// TimeFormat is how every time is written, in JSON and as an [Incarnation]: RFC 3339, UTC, nine digits of a second.
const TimeFormat = "2006-01-02T15:04:05.000000000Z"

// Incarnation identifies one life of a stream: the time of its stream/created event, in [TimeFormat]. A reset begins
// another one. Incarnations are compared for equality only; the empty one means "none".
type Incarnation string

// IncarnationOf is the incarnation of a stream that was created at t.
func IncarnationOf(t time.Time) Incarnation { return Incarnation(t.UTC().Format(TimeFormat)) }

// valid reports whether it is one that IncarnationOf could have made.
func (i Incarnation) valid() bool {
	t, err := time.Parse(TimeFormat, string(i))
	return err == nil && IncarnationOf(t) == i
}

// Hash is a rolling 64-bit hash over a stream's records, from the first to the one at an offset: xxHash64 of the
// record's bytes, seeded with the hash before. The hash before the first record is 0. It tells apart two logs that
// differ anywhere before an offset; it is no defence against an adversary.
type Hash uint64

// Next is the hash after the record.
func (h Hash) Next(record []byte) Hash {
	var d xxhash.Digest
	d.ResetWithSeed(uint64(h))
	d.Write(record)
	return Hash(d.Sum64())
}

// String is the hash as 16 lowercase hexadecimal digits.
func (h Hash) String() string { return fmt.Sprintf("%016x", uint64(h)) }

// MarshalText writes the hash as 16 lowercase hexadecimal digits: JSON numbers cannot hold 64 bits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText writes, and nothing else.
func (h *Hash) UnmarshalText(text []byte) error {
	var b [8]byte
	if len(text) != 16 {
		return &Error{Code: InvalidRequest, Field: "hash", Message: "must be 16 lowercase hexadecimal digits"}
	}
	if _, err := hex.Decode(b[:], text); err != nil || Hash(binary.BigEndian.Uint64(b[:])).String() != string(text) {
		return &Error{Code: InvalidRequest, Field: "hash", Message: "must be 16 lowercase hexadecimal digits"}
	}
	*h = Hash(binary.BigEndian.Uint64(b[:]))
	return nil
}

// Position says how far a copy of a stream has got. The zero Position is that of an empty copy.
type Position struct {
	Incarnation Incarnation `json:"incarnation,omitempty"`
	Offset      uint64      `json:"offset"` // of the last event in the copy; 0: none
	Hash        Hash        `json:"hash"`   // after that event
}
