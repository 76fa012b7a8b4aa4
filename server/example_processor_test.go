package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server"
	"github.com/millpond-dev/millpond/server/store/memory"
)

// stock counts what is in a warehouse, and orders more when something runs low.
type stock struct{}

// stockState is what it knows of a stream. A host keeps it as JSON.
type stockState map[string]int

var _ millpond.EventProcessor[stockState] = stock{}

func (stock) Contract() millpond.Contract {
	return millpond.Contract{Slug: "stock", Version: "1", Consumes: []string{"item/moved"}, Emits: []string{"item/ordered"}}
}

type movement struct {
	Item string `json:"item"`
	By   int    `json:"by"`
}

// Reduce is pure: it makes another map, and asks nobody for the time.
func (stock) Reduce(before stockState, e *millpond.Event) stockState {
	after := stockState{}
	for item, n := range before {
		after[item] = n
	}
	var m movement
	if json.Unmarshal(e.Payload, &m) == nil {
		after[m.Item] += m.By
	}
	return after
}

// ProcessEvent acts on the edge: when an item falls below 5, not while it stays there. The append gets its idempotency key
// from the event: called again after a crash, it orders once.
func (stock) ProcessEvent(ctx context.Context, fx millpond.Effects, step millpond.Step[stockState]) error {
	var m movement
	if json.Unmarshal(step.Event.Payload, &m) != nil || step.Before[m.Item] < 5 || step.After[m.Item] >= 5 {
		return nil
	}
	_, err := fx.Append(ctx, millpond.Input{Type: "item/ordered", Payload: fmt.Appendf(nil, `{"item":%q}`, m.Item)})
	return err
}

// A processor runs on the streams that are configured so.
func ExampleOptions_processors() {
	s, err := server.New(server.Options{
		Store:      memory.New(memory.Options{}),
		Processors: []millpond.Definition{millpond.Define(stock{})},
		Logger:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	defer s.Close(context.Background())
	ctx := context.Background()
	warehouse := millpond.Name{Namespace: millpond.DefaultNamespace, Path: "/warehouse"}

	_, err = s.Append(ctx, warehouse,
		millpond.Input{Type: millpond.TypeSubscriptionConfigured, Payload: json.RawMessage(`{"key":"stock","processor":"stock"}`)},
		millpond.Input{Type: "item/moved", Payload: json.RawMessage(`{"item":"tea","by":12}`)},
		millpond.Input{Type: "item/moved", Payload: json.RawMessage(`{"item":"tea","by":-9}`)},
		millpond.Input{Type: "item/moved", Payload: json.RawMessage(`{"item":"tea","by":-1}`)})
	if err != nil {
		panic(err)
	}
	for event, err := range s.Follow(ctx, warehouse, server.FollowOptions{After: new(uint64(0)), Types: []string{"item/ordered"}}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(event.Type, string(event.Payload), "by", event.Source.Processor.Slug)
		break
	}
	// Output: item/ordered {"item":"tea"} by stock
}
