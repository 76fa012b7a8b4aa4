package server

import (
	"strconv"
	"strings"

	"github.com/millpond-dev/millpond"
)

// eventID is a position in a stream as server-sent events carry it: OFFSET, OFFSET/INCARNATION or
// OFFSET/INCARNATION/HASH. A browser sends the last one back when it connects again, so the server can tell whether what
// the client has is still a prefix of the log.
type eventID struct {
	offset      uint64
	incarnation millpond.Incarnation
	hash        *millpond.Hash
}

func parseEventID(field, text string) (id eventID, err error) {
	refuse := func() (eventID, error) {
		return eventID{}, &millpond.Error{Code: millpond.InvalidRequest, Field: field,
			Message: "must be an offset, or the id of an event that was received"}
	}
	offset, rest, _ := strings.Cut(text, "/")
	incarnation, hash, hasHash := strings.Cut(rest, "/")
	if id.offset, err = strconv.ParseUint(offset, 10, 64); err != nil || len(text) > maxEventIDBytes {
		return refuse()
	}
	id.incarnation = millpond.Incarnation(incarnation)
	if hasHash {
		id.hash = new(millpond.Hash)
		if err := id.hash.UnmarshalText([]byte(hash)); err != nil {
			return refuse()
		}
	}
	return id, nil
}

// appendEventID appends what parseEventID reads.
func appendEventID(dst []byte, offset uint64, incarnation millpond.Incarnation, hash *millpond.Hash) []byte {
	dst = append(strconv.AppendUint(dst, offset, 10), '/')
	dst = append(dst, incarnation...)
	if hash != nil {
		dst = append(append(dst, '/'), hash.String()...)
	}
	return dst
}
