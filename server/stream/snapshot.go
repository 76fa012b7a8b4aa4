package stream

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// A snapshot is a state as JSON, behind its xxHash64 in little endian. A small one is stored with each event that changes
// more than the state's counts; a large one when the events since the last one are worth it. So a load folds a bounded
// number of events, and the state of a stream with many children costs a constant factor of the events that made it.

// saved says which snapshot of a stream's state is stored.
type saved struct {
	offset uint64 // of the state; 0: none is stored
	bytes  int
	stale  bool // the state has changed since by more than its counts
}

// due reports whether a log that ends at the offset is so far from the snapshot that a stale one would have been
// replaced: further on, there is nothing after a snapshot that has to be folded.
func (s *saved) due(offset uint64) bool {
	return offset-s.offset > uint64(max(0, s.bytes-smallSnapshotBytes)/snapshotEventBytes)
}

// Why a snapshot cannot be used, where it is not corrupt.
var (
	errNoSnapshot      = errors.New("no snapshot")
	errSnapshotVersion = errors.New("snapshot of another version")
)

func takeSnapshot(state *millpond.State) (store.Snapshot, error) {
	text, err := json.Marshal(state)
	if err != nil {
		return store.Snapshot{}, err
	}
	data := binary.LittleEndian.AppendUint64(make([]byte, 0, 8+len(text)), xxhash.Sum64(text))
	return store.Snapshot{Version: millpond.StateVersion, Data: append(data, text...)}, nil
}

// CheckSnapshot says why the snapshot that is stored with a head cannot be used.
func CheckSnapshot(h store.Head) error {
	_, err := readSnapshot(h)
	return err
}

// readSnapshot is the state that is stored with a head, as it was at its own offset, or why it cannot be used.
func readSnapshot(h store.Head) (state millpond.State, err error) {
	data := h.Snapshot.Data
	switch {
	case data == nil:
		return state, errNoSnapshot
	case h.Snapshot.Version != millpond.StateVersion:
		return state, fmt.Errorf("%w: %d, not %d", errSnapshotVersion, h.Snapshot.Version, millpond.StateVersion)
	case len(data) < 8 || xxhash.Sum64(data[8:]) != binary.LittleEndian.Uint64(data):
		return state, errors.New("corrupt snapshot")
	}
	if err := json.Unmarshal(data[8:], &state); err != nil {
		return state, fmt.Errorf("corrupt snapshot: %w", err)
	}
	if state.CreatedAt != h.Stream.Incarnation || state.MaxOffset > h.Offset {
		return state, errors.New("snapshot of another log")
	}
	return state, nil
}
