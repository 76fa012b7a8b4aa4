package millpond

import "encoding/json"

// Config are the options of a stream that the engine understands. They come by stream/configured, in whose payload others
// may be beside them: each who reads the payload takes its own.
type Config struct {
	// Presence says where it is recorded who subscribes to the stream. Empty: as the server does by default.
	Presence Presence `json:"presence,omitempty"`
}

// Presence is where it is recorded who subscribes to a stream.
type Presence string

const (
	// PresenceMemory shows subscribers in the runtime state only. It costs nothing.
	PresenceMemory Presence = "memory"
	// PresenceLog appends stream/subscriber-connected and stream/subscriber-disconnected for each of them. They are
	// delivered to all subscribers, so that N of them that connect cost N² deliveries.
	PresenceLog Presence = "log"
)

// Known reports whether p is one of the values above.
func (p Presence) Known() bool { return p == PresenceMemory || p == PresenceLog }

// ParseConfig reads the payload of stream/configured. What it cannot read is as if it was not there.
func ParseConfig(payload json.RawMessage) (c Config) {
	if payload == nil || json.Unmarshal(payload, &c) != nil || !c.Presence.Known() {
		return Config{}
	}
	return c
}

// checkConfig checks the payload of stream/configured.
func (in *Input) checkConfig() error {
	if len(in.Payload) == 0 || in.Payload[0] != '{' {
		return invalidEvent("payload", "must be a JSON object")
	}
	var c Config
	if json.Unmarshal(in.Payload, &c) != nil || c.Presence != "" && !c.Presence.Known() {
		return invalidEvent("payload.presence", `must be "`+string(PresenceMemory)+`" or "`+string(PresenceLog)+`"`)
	}
	return nil
}
