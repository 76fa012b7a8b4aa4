package server

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/host"
	"github.com/millpond-dev/millpond/server/stream"
)

var update = flag.Bool("update", false, "write what TestStateGolden compares")

// stateGolden is read by the compiler of the client's types.
const stateGolden = "../web/client/test/state.golden.ts"

// S12: the client's types of the state are those of the server: an answer with every member that there is, and all phases, as
// TypeScript, which `npm run lint` compiles against them. A member that one side lacks, or has otherwise, does not compile.
func TestStateGolden(t *testing.T) {
	at := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	contract := millpond.Contract{Slug: "p", Version: "1", Consumes: []string{"a"}, Emits: []string{"b"}}
	anchor := uint64(3)
	var children millpond.PathSet
	answer := stateAnswer{
		State: millpond.State{
			Namespace: "default", Path: "/x", CreatedAt: millpond.IncarnationOf(at), IncarnationID: "i",
			Metadata: json.RawMessage(`{"title":"t"}`), Config: json.RawMessage(`{"presence":"log"}`), EventCount: 9, MaxOffset: 9,
			ChildPaths: children.With("/x/y"), Paused: true, PauseReason: "r",
			Connections: millpond.SortedMap[millpond.Connection]{}.With("k",
				millpond.Connection{Direction: millpond.Outbound, Subscriber: "s", Processor: &contract, ConnectedAt: at}),
			Subscriptions: map[string]millpond.OutboundSubscription{"k": {Processor: "p", ConfiguredAt: 4, Anchor: &anchor}},
			Processors:    map[string]millpond.Contract{"p": contract},
		},
		Runtime: &runtimeState{
			stream.Runtime{Connections: map[string]stream.Connection{"k": {Direction: millpond.Inbound, Subscriber: "s", Processor: &contract,
				StartedAt: at, Cursor: 9, Batches: 2, Events: 7, LastDelivery: &at}}},
			map[string]host.Status{"k": {Processor: millpond.ProcessorID{Slug: "p", Version: "1"}, Phase: host.Live, Generation: 2, Anchor: 3, Offset: 8,
				Checkpoint: 7, Lag: 1, Failures: 1, LastError: "e", FailedAt: &at, BusySince: &at, Background: 1}},
		},
	}
	complete(t, "answer", reflect.ValueOf(answer))
	text, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	phases, err := json.Marshal(host.AllPhases())
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Appendf(nil, `// Made by: go test ./server -run TestStateGolden -update
import type { ProcessorPhase, StateAnswer } from '../src/state.ts';

type Complete<T> = T extends object ? { [K in keyof T]-?: Complete<T[K]> } : T;

// An answer with every member that there is.
export const answer = %s satisfies Complete<StateAnswer>;

export const phases = %s as const;
export const allPhases: (typeof phases)[number] = '' as ProcessorPhase;
export const onlyPhases: ProcessorPhase = '' as (typeof phases)[number];
`, text, phases)
	if *update {
		if err := os.WriteFile(stateGolden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(stateGolden); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is another (%v): run go test ./server -run TestStateGolden -update, and change web/client/src/state.ts with it", stateGolden, err)
	}
}

// complete fails the test where a member is not set: it may be left out of the JSON.
func complete(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	switch {
	case v.IsZero():
		t.Errorf("%s is not set", path)
	case v.Kind() == reflect.Pointer:
		complete(t, path, v.Elem())
	case v.Kind() == reflect.Map:
		for _, key := range v.MapKeys() {
			complete(t, path+"."+key.String(), v.MapIndex(key))
		}
	case v.Kind() == reflect.Struct && v.Type().PkgPath() != "time":
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				complete(t, path+"."+f.Name, v.Field(i))
			}
		}
	}
}
