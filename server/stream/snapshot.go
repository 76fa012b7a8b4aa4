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

// A snapshot is a state as JSON, behind its xxHash64 in little endian. It is stored with each event that changes more
// than the state's counts; these are as the log's head.

func takeSnapshot(state *millpond.State) (store.Snapshot, error) {
	text, err := json.Marshal(state)
	if err != nil {
		return store.Snapshot{}, err
	}
	data := binary.LittleEndian.AppendUint64(make([]byte, 0, 8+len(text)), xxhash.Sum64(text))
	return store.Snapshot{Version: millpond.StateVersion, Data: append(data, text...)}, nil
}

// readSnapshot is the state that is stored with a head, or why it cannot be used.
func readSnapshot(h store.Head) (state millpond.State, err error) {
	data := h.Snapshot.Data
	switch {
	case data == nil:
		return state, errors.New("no snapshot")
	case h.Snapshot.Version != millpond.StateVersion:
		return state, fmt.Errorf("snapshot of version %d, not %d", h.Snapshot.Version, millpond.StateVersion)
	case len(data) < 8 || xxhash.Sum64(data[8:]) != binary.LittleEndian.Uint64(data):
		return state, errors.New("corrupt snapshot")
	}
	if err := json.Unmarshal(data[8:], &state); err != nil {
		return state, fmt.Errorf("corrupt snapshot: %w", err)
	}
	if state.CreatedAt != h.Stream.Incarnation || state.MaxOffset > h.Offset {
		return state, errors.New("snapshot of another log")
	}
	state.MaxOffset, state.EventCount = h.Offset, h.Offset
	return state, nil
}
