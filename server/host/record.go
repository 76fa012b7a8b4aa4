package host

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/cespare/xxhash/v2"

	"github.com/millpond-dev/millpond"
)

// record is a checkpoint as it is stored: JSON, behind its xxHash64 in little endian.
type record struct {
	Processor    millpond.ProcessorID `json:"processor"`
	ConfiguredAt uint64               `json:"configuredAt"`
	Anchor       uint64               `json:"anchor"` // effects only after this offset
	Offset       uint64               `json:"offset"` // folded up to here, and acted on
	State        json.RawMessage      `json:"state"`  // there
}

func (r *record) encode() ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	data := binary.LittleEndian.AppendUint64(make([]byte, 0, 8+len(text)), xxhash.Sum64(text))
	return append(data, text...), nil
}

var errCorrupt = errors.New("the checkpoint is corrupt: configure the subscription again, with an anchor")

// decodeRecord reads a checkpoint; a nil one of no data.
func decodeRecord(data []byte) (*record, error) {
	if len(data) == 0 {
		return nil, nil
	}
	var r record
	if len(data) < 8 || xxhash.Sum64(data[8:]) != binary.LittleEndian.Uint64(data) || json.Unmarshal(data[8:], &r) != nil {
		return nil, errCorrupt
	}
	return &r, nil
}
