package millpond_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

var created = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// fold is the state after events of these types and payloads, from offset 1.
func fold(events ...[2]string) millpond.State {
	var s millpond.State
	for i, typeAndPayload := range events {
		e := millpond.Event{Offset: uint64(i) + 1, Type: typeAndPayload[0], CreatedAt: created.Add(time.Duration(i) * time.Second)}
		if typeAndPayload[1] != "" {
			e.Payload = json.RawMessage(typeAndPayload[1])
		}
		s = s.Reduce(&e)
	}
	return s
}

var (
	createdEvent = [2]string{millpond.TypeCreated, `{"namespace":"default","path":"/chat","id":"x"}`}
	wokenEvent   = [2]string{millpond.TypeWoken, `{"incarnationId":"w1"}`}
	pausedEvent  = [2]string{millpond.TypePaused, `{"reason":"maintenance"}`}
	resumedEvent = [2]string{millpond.TypeResumed, ""}

	connectedEvent = [2]string{millpond.TypeSubscriberConnected,
		`{"key":"k","direction":"outbound","subscriber":"s","incarnationId":"w1","processor":{"slug":"p","version":"1","consumes":["a"]}}`}
	disconnectedEvent = [2]string{millpond.TypeSubscriberDisconnected, `{"key":"k","incarnationId":"w1","reason":"unsubscribed"}`}
)

func childEvent(path string) [2]string {
	return [2]string{millpond.TypeChildStreamCreated, `{"childPath":"` + path + `"}`}
}

// connected is the state after connectedEvent at offset 3.
func connected(s *millpond.State) {
	s.Connections = s.Connections.With("k", millpond.Connection{Direction: millpond.Outbound, Subscriber: "s", ConnectedAt: created.Add(2 * time.Second),
		Processor: &millpond.Contract{Slug: "p", Version: "1", Consumes: []string{"a"}}})
}

// S9: the state is the fold of the events, and of nothing else.
func TestReduce(t *testing.T) {
	base := func(maxOffset uint64) millpond.State {
		return millpond.State{Namespace: "default", Path: "/chat", CreatedAt: millpond.IncarnationOf(created), IncarnationID: "w1",
			EventCount: maxOffset, MaxOffset: maxOffset}
	}
	with := func(s millpond.State, change func(*millpond.State)) millpond.State { change(&s); return s }
	for _, test := range []struct {
		name string
		got  millpond.State
		want millpond.State
	}{
		{"nothing", fold(), millpond.State{}},
		{"created", fold(createdEvent), with(base(1), func(s *millpond.State) { s.IncarnationID = "" })},
		{"woken", fold(createdEvent, wokenEvent), base(2)},
		{"woken again", fold(createdEvent, wokenEvent, [2]string{millpond.TypeWoken, `{"incarnationId":"w2"}`}),
			with(base(3), func(s *millpond.State) { s.IncarnationID = "w2" })},
		{"an event of a client changes the counts", fold(createdEvent, wokenEvent, [2]string{"chat/message", `{"paused":true}`}), base(3)},
		{"S5: paused", fold(createdEvent, wokenEvent, pausedEvent),
			with(base(3), func(s *millpond.State) { s.Paused, s.PauseReason = true, "maintenance" })},
		{"S5: paused again, for another reason", fold(createdEvent, wokenEvent, pausedEvent, [2]string{millpond.TypePaused, `{"reason":"other"}`}),
			with(base(4), func(s *millpond.State) { s.Paused, s.PauseReason = true, "other" })},
		{"S5: woken does not resume", fold(createdEvent, wokenEvent, pausedEvent, wokenEvent),
			with(base(4), func(s *millpond.State) { s.Paused, s.PauseReason = true, "maintenance" })},
		{"S5: resumed", fold(createdEvent, wokenEvent, pausedEvent, resumedEvent), base(4)},
		{"S19: configured replaces the config", fold(createdEvent, wokenEvent, [2]string{millpond.TypeConfigured, `{"a":1}`},
			[2]string{millpond.TypeConfigured, `{"b": 2}`}), with(base(4), func(s *millpond.State) { s.Config = json.RawMessage(`{"b": 2}`) })},
		{"S19: metadata-updated replaces the metadata", fold(createdEvent, wokenEvent, [2]string{millpond.TypeMetadataUpdated, `{"a":1}`},
			[2]string{millpond.TypeMetadataUpdated, `{}`}), with(base(4), func(s *millpond.State) { s.Metadata = json.RawMessage(`{}`) })},
		{"S11: children: immediate ones, each once", fold(createdEvent, wokenEvent, childEvent("/chat/a/b"), childEvent("/chat/b"),
			childEvent("/chat/a"), childEvent("/chat/a")), with(base(6), func(s *millpond.State) { s.ChildPaths = s.ChildPaths.With("/chat/a").With("/chat/b") })},
		{"S11: what is not below is no child", fold(createdEvent, wokenEvent, childEvent("/chatter/a"), childEvent("/chat"), childEvent("/chat/"), childEvent("")), base(6)},
		{"S10: connected", fold(createdEvent, wokenEvent, connectedEvent), with(base(3), connected)},
		{"S10: connected again", fold(createdEvent, wokenEvent, connectedEvent, connectedEvent), with(base(4), func(s *millpond.State) {
			connected(s)
			c, _ := s.Connections.Get("k")
			c.ConnectedAt = created.Add(3 * time.Second)
			s.Connections = s.Connections.With("k", c)
		})},
		{"S10: disconnected", fold(createdEvent, wokenEvent, connectedEvent, disconnectedEvent), base(4)},
		{"S10: woken clears the roster", fold(createdEvent, wokenEvent, connectedEvent, wokenEvent), base(4)},
		{"payloads that cannot be read change the counts", fold(createdEvent, wokenEvent, [2]string{millpond.TypePaused, `7`},
			[2]string{millpond.TypePaused, ""}, [2]string{millpond.TypeWoken, `[]`}), base(5)},
		{"nor do those of presence and children", fold(createdEvent, wokenEvent, [2]string{millpond.TypeChildStreamCreated, `7`},
			[2]string{millpond.TypeSubscriberConnected, `[]`}, [2]string{millpond.TypeSubscriberConnected, `{}`},
			[2]string{millpond.TypeSubscriberDisconnected, `7`}), base(6)},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", test.name, test.got, test.want)
		}
	}
}

// A snapshot is a state as JSON: folding on from it gives what folding from the start gives.
func TestStateSnapshot(t *testing.T) {
	full := fold(createdEvent, wokenEvent, connectedEvent, childEvent("/chat/b"), childEvent("/chat/a"))
	if text, err := json.Marshal(full); err != nil || !strings.HasSuffix(string(text), `"childPaths":["/chat/a","/chat/b"],"paused":false,`+
		`"connections":{"k":{"direction":"outbound","subscriber":"s","processor":{"slug":"p","version":"1","consumes":["a"]},"connectedAt":"2025-03-01T12:00:02Z"}}}`) {
		t.Errorf("got %s, %v", text, err)
	} else if back := (millpond.State{}); json.Unmarshal(text, &back) != nil || !reflect.DeepEqual(back, full) {
		t.Errorf("read back as %+v", back)
	}
	s := fold(createdEvent, wokenEvent, pausedEvent, [2]string{millpond.TypeConfigured, `{"a":1}`})
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"namespace":"default","path":"/chat","createdAt":"2025-03-01T12:00:00.000000000Z","incarnationId":"w1",` +
		`"config":{"a":1},"eventCount":4,"maxOffset":4,"childPaths":[],"paused":true,"pauseReason":"maintenance","connections":{}}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	var back millpond.State
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("read back as %+v, %v", back, err)
	}
}

// Reduce takes and gives values: the state before stays what it was.
func TestReduceIsPure(t *testing.T) {
	before := fold(createdEvent, wokenEvent)
	again := before
	before.Reduce(&millpond.Event{Offset: 3, Type: millpond.TypePaused, Payload: []byte(`{"reason":"r"}`)})
	if !reflect.DeepEqual(before, again) {
		t.Error("the state before has changed")
	}
}

// S5, S19: which core types a client may append, and which get through the pause.
func TestCoreTypes(t *testing.T) {
	for _, test := range []struct {
		eventType            string
		client, paused, core bool
	}{
		{millpond.TypeCreated, false, false, true},
		{millpond.TypeWoken, false, true, true},
		{millpond.TypePaused, true, false, true},
		{millpond.TypeResumed, true, true, true},
		{millpond.TypeErrorOccurred, false, true, false},
		{millpond.TypeConfigured, true, false, true},
		{millpond.TypeMetadataUpdated, true, false, true},
		{millpond.TypeSubscriptionConfigured, true, false, true},
		{millpond.TypeProcessorRegistered, false, true, true},
		{millpond.TypeChildStreamCreated, false, true, true},
		{millpond.TypeSubscriberConnected, false, true, true},
		{millpond.TypeSubscriberDisconnected, false, true, true},
		{"stream/", false, false, false},
		{"chat/message", false, false, false},
	} {
		if got := millpond.ClientType(test.eventType); got != test.client {
			t.Errorf("ClientType(%q) = %v", test.eventType, got)
		}
		if got := millpond.AllowedWhilePaused(test.eventType); got != test.paused {
			t.Errorf("AllowedWhilePaused(%q) = %v", test.eventType, got)
		}
		if got := millpond.IsCore(test.eventType); got != test.core {
			t.Errorf("IsCore(%q) = %v", test.eventType, got)
		}
	}
}
