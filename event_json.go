package millpond

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// AppendJSON appends the event as a JSON object. Payload and metadata are copied byte for byte, which
// encoding/json would not do.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"offset":`...)
	dst = strconv.AppendUint(dst, e.Offset, 10)
	dst = append(dst, `,"type":`...)
	dst = appendJSONString(dst, e.Type)
	if e.Payload != nil {
		dst = append(dst, `,"payload":`...)
		dst = append(dst, e.Payload...)
	}
	return e.appendJSONRest(dst)
}

// appendJSONRest appends what AppendJSON writes after the payload.
func (e *Event) appendJSONRest(dst []byte) []byte {
	if e.Metadata != nil {
		dst = append(dst, `,"metadata":`...)
		dst = append(dst, e.Metadata...)
	}
	if e.Source != nil {
		dst = append(dst, `,"source":{"processor":{"slug":`...)
		dst = appendJSONString(dst, e.Source.Processor.Slug)
		dst = append(dst, `,"version":`...)
		dst = appendJSONString(dst, e.Source.Processor.Version)
		dst = append(dst, `}}`...)
	}
	if e.IdempotencyKey != "" {
		dst = append(dst, `,"idempotencyKey":`...)
		dst = appendJSONString(dst, e.IdempotencyKey)
	}
	dst = append(dst, `,"createdAt":"`...)
	dst = e.CreatedAt.UTC().AppendFormat(dst, TimeFormat)
	return append(dst, `"}`...)
}

// AppendEventsJSON appends the events as a JSON array.
func AppendEventsJSON(dst []byte, events []Event) []byte {
	dst = append(dst, '[')
	for i := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = events[i].AppendJSON(dst)
	}
	return append(dst, ']')
}

// MarshalJSON is AppendJSON for encoding/json, which compacts payload and metadata.
func (e Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// UnmarshalJSON reads what AppendJSON writes of a valid event. Unknown fields, repeated ones and other types of value
// are errors.
func (e *Event) UnmarshalJSON(data []byte) error {
	if err := checkSyntax(data); err != nil {
		return err
	}
	return e.decode(bytes.Clone(data))
}

// decode is UnmarshalJSON of a text that is known to be JSON. Payload and metadata are slices of it.
func (e *Event) decode(data []byte) error {
	var ev Event
	var createdAt string
	err := decodeObject(data, func(key string, value json.RawMessage) error {
		switch key {
		case "offset":
			return decodeOffset(key, value, &ev.Offset)
		case "createdAt":
			return decodeString(key, value, &createdAt)
		}
		known, err := decodeEventField(key, value, &ev.Type, &ev.Payload, &ev.Metadata, &ev.Source, &ev.IdempotencyKey)
		if !known {
			return invalidEvent(clip(key), "is not a field of an event")
		}
		return err
	})
	if err != nil {
		return err
	}
	if ev.Offset == 0 {
		return invalidEvent("offset", "is required")
	}
	if ev.CreatedAt, err = parseTime(createdAt); err != nil {
		return err
	}
	in := Input{Type: ev.Type, Payload: ev.Payload, Metadata: ev.Metadata, Source: ev.Source, IdempotencyKey: ev.IdempotencyKey}
	if err := in.Validate(); err != nil {
		return err
	}
	*e = ev
	return nil
}

// parseTime reads a time in exactly [TimeFormat] (time.Parse takes a comma for the point, too), of the years that a
// record can hold.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(TimeFormat, s)
	if err != nil || t.Format(TimeFormat) != s || !time.Unix(0, t.UnixNano()).Equal(t) {
		return time.Time{}, invalidEvent("createdAt", "must be a time like "+TimeFormat)
	}
	return t, nil
}

// MarshalJSON writes the input as a JSON object; encoding/json compacts payload and metadata.
func (in Input) MarshalJSON() ([]byte, error) { return in.AppendJSON(nil), nil }

// AppendJSON appends the input as a JSON object, payload and metadata byte for byte.
func (in *Input) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"type":`...)
	dst = appendJSONString(dst, in.Type)
	if in.Payload != nil {
		dst = append(dst, `,"payload":`...)
		dst = append(dst, in.Payload...)
	}
	if in.Metadata != nil {
		dst = append(dst, `,"metadata":`...)
		dst = append(dst, in.Metadata...)
	}
	if in.Source != nil {
		dst = append(dst, `,"source":{"processor":{"slug":`...)
		dst = appendJSONString(dst, in.Source.Processor.Slug)
		dst = append(dst, `,"version":`...)
		dst = appendJSONString(dst, in.Source.Processor.Version)
		dst = append(dst, `}}`...)
	}
	if in.IdempotencyKey != "" {
		dst = append(dst, `,"idempotencyKey":`...)
		dst = appendJSONString(dst, in.IdempotencyKey)
	}
	if in.Offset != 0 {
		dst = append(dst, `,"offset":`...)
		dst = strconv.AppendUint(dst, in.Offset, 10)
	}
	if in.Stream != "" {
		dst = append(dst, `,"stream":`...)
		dst = appendJSONString(dst, in.Stream)
	}
	if in.Incarnation != "" {
		dst = append(dst, `,"incarnation":`...)
		dst = appendJSONString(dst, string(in.Incarnation))
	}
	return append(dst, '}')
}

// UnmarshalJSON reads one input and checks that it has no unknown or repeated field. It does not Validate.
func (in *Input) UnmarshalJSON(data []byte) error {
	if err := checkSyntax(data); err != nil {
		return err
	}
	return in.decode(bytes.Clone(data))
}

// decode is UnmarshalJSON of a text that is known to be JSON. Payload and metadata are slices of it.
func (in *Input) decode(data []byte) error {
	var v Input
	err := decodeObject(data, func(key string, value json.RawMessage) error {
		switch key {
		case "offset":
			return decodeOffset(key, value, &v.Offset)
		case "stream":
			err := decodeString(key, value, &v.Stream)
			if err == nil && v.Stream == "" {
				err = invalidEvent(key, "must not be empty: leave it out")
			}
			return err
		case "incarnation":
			return decodeIncarnation(key, value, &v.Incarnation)
		}
		known, err := decodeEventField(key, value, &v.Type, &v.Payload, &v.Metadata, &v.Source, &v.IdempotencyKey)
		if !known {
			return invalidEvent(clip(key), "is not a field of an event: use type, payload, metadata, source, idempotencyKey, offset, incarnation, stream")
		}
		return err
	})
	if err != nil {
		return err
	}
	*in = v
	return nil
}

func decodeEventField(key string, value json.RawMessage, typ *string, payload, metadata *json.RawMessage,
	source **Source, idempotencyKey *string) (known bool, err error) {
	switch key {
	case "type":
		return true, decodeString(key, value, typ)
	case "idempotencyKey":
		err := decodeString(key, value, idempotencyKey)
		if err == nil && *idempotencyKey == "" {
			err = invalidEvent(key, "must not be empty: leave it out")
		}
		return true, err
	case "payload":
		*payload = value
	case "metadata":
		*metadata = value
	case "source":
		*source = new(Source)
		return true, decodeSource(value, *source)
	default:
		return false, nil
	}
	return true, nil
}

func decodeSource(data []byte, s *Source) error {
	seen := false
	err := decodeObject(data, func(key string, value json.RawMessage) error {
		if key != "processor" {
			return invalidEvent(clip(key), "is not a field of a source: use processor")
		}
		seen = true
		return within("processor", decodeObject(value, func(key string, value json.RawMessage) error {
			switch key {
			case "slug":
				return decodeString(key, value, &s.Processor.Slug)
			case "version":
				return decodeString(key, value, &s.Processor.Version)
			}
			return invalidEvent(clip(key), "is not a field of a processor: use slug, version")
		}))
	})
	if err == nil && !seen {
		err = invalidEvent("processor", "is required")
	}
	return within("source", err)
}

func decodeOffset(field string, value json.RawMessage, offset *uint64) error {
	if json.Unmarshal(value, offset) != nil || *offset == 0 {
		return invalidEvent(field, "must be a whole number, 1 or more")
	}
	return nil
}

func decodeIncarnation(field string, value json.RawMessage, incarnation *Incarnation) error {
	err := decodeString(field, value, (*string)(incarnation))
	if err == nil && *incarnation == "" {
		err = invalidEvent(field, "must not be empty: leave it out")
	}
	return err
}

func decodeString(field string, value json.RawMessage, s *string) error {
	if len(value) == 0 || value[0] != '"' {
		return invalidEvent(field, "must be a string")
	}
	*s = unquote(value)
	return nil
}

// ParseInputs reads the body of an append: one input, or an array of them (batch is then true). It validates each
// as a client's. Errors name the field, in a batch with its index: "[2].type". Payloads and metadata are slices of body, which
// must not be changed any more.
func ParseInputs(body []byte) (inputs []Input, batch bool, err error) {
	if len(body) > MaxAppendBytes {
		return nil, false, tooLarge("", len(body), MaxAppendBytes)
	}
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 {
		return nil, false, &Error{Code: InvalidRequest, Message: "the body is empty: send one event, or an array of events, as JSON"}
	}
	if err := checkSyntax(body); err != nil {
		return nil, false, err
	}
	if body[0] != '[' {
		in, err := parseInput(body)
		if err != nil {
			return nil, false, err
		}
		return []Input{in}, false, nil
	}
	err = decodeArray(body, func(i int, value json.RawMessage) error {
		if i >= MaxBatchEvents {
			return &Error{Code: EventTooLarge, Message: fmt.Sprintf("a batch has at most %d events", MaxBatchEvents)}
		}
		in, err := parseInput(value)
		if err != nil {
			return within(index(i), err)
		}
		inputs = append(inputs, in)
		return nil
	})
	if err == nil && len(inputs) == 0 {
		err = &Error{Code: InvalidRequest, Message: "the batch is empty: send at least one event"}
	}
	if err != nil {
		return nil, true, err
	}
	return inputs, true, nil
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

func parseInput(data []byte) (Input, error) {
	var in Input
	if err := in.decode(data); err != nil {
		return in, err
	}
	if ClientType(in.Type) {
		in.Payload = bytes.Clone(in.Payload) // it becomes a part of the state, which is not to keep the whole body
	}
	return in, in.ValidateClient()
}

// within puts a parent in front of the field that an *Error names.
func within(parent string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	nested := *e
	switch {
	case nested.Field == "":
		nested.Field = parent
	case nested.Field[0] == '[':
		nested.Field = parent + nested.Field
	default:
		nested.Field = parent + "." + nested.Field
	}
	return &nested
}

// clip shortens what an error repeats of its input.
func clip(s string) string {
	n := 0
	for i := range s {
		if n++; n > maxEchoRunes {
			return s[:i] + "…"
		}
	}
	return s
}
