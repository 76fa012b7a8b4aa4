package millpond

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// MarshalMessage is the JSON text of a message. Payloads, metadata and the Events of an [Append] are copied byte for
// byte: who makes the message vouches that they are JSON.
func MarshalMessage(m Message) []byte {
	switch m := m.(type) {
	case Appended:
		return MarshalMessage(&m)
	case BatchMessage:
		return MarshalMessage(&m)
	case Append:
		return MarshalMessage(&m)
	case *Appended: // encoding/json would compact the payloads
		b := fmt.Appendf(nil, `{"type":"appended","id":%d,"events":`, m.ID)
		return append(AppendEventsJSON(b, m.Events), '}')
	case *BatchMessage:
		b := fmt.Appendf(nil, `{"type":"batch","id":%d,"live":%t,"lastOffset":%d,"maxOffset":%d,"hash":"%s","events":`,
			m.ID, m.Live, m.LastOffset, m.MaxOffset, m.Hash)
		b = AppendEventsJSON(b, m.Events)
		if m.Assembled {
			b = append(b, `,"assembled":true`...)
		}
		return append(b, '}')
	case *Append:
		b := fmt.Appendf(nil, `{"type":"append","id":%d,"stream":{"namespace":`, m.ID)
		b = appendJSONString(b, m.Stream.Namespace)
		b = append(b, `,"path":`...)
		b = appendJSONString(b, m.Stream.Path)
		b = append(b, '}')
		if m.Events != nil {
			b = append(b, `,"events":`...)
			b = append(b, m.Events...)
		}
		return append(b, '}')
	}
	body, err := json.Marshal(m)
	if err != nil {
		panic(err) // no other message has a field that could fail
	}
	b := append([]byte(`{"type":"`), m.messageType()...)
	if string(body) == "{}" {
		return append(b, `"}`...)
	}
	b = append(b, `",`...)
	return append(b, body[1:]...)
}

// UnmarshalMessage reads a message: a pointer to one of the types of [Message]. It fails with an *Error with code
// [InvalidRequest]: for an unknown kind, a repeated field, a value of the wrong type. Unknown fields are ignored. The
// caller bounds the size of text by [MaxMessageBytes], and checks what the values mean.
func UnmarshalMessage(text []byte) (Message, error) {
	if err := checkSyntax(text); err != nil {
		return nil, asInvalidRequest(err)
	}
	members, err := decodeMembers(bytes.Clone(text))
	if err != nil {
		return nil, asInvalidRequest(err)
	}
	var kind string
	if err := decodeString("type", members["type"], &kind); err != nil {
		return nil, asInvalidRequest(err)
	}
	make, ok := newMessage[kind]
	if !ok {
		return nil, &Error{Code: InvalidRequest, Field: "type", Message: clip(kind) + " is not a message of this protocol"}
	}
	m := make()
	if err := decodeStruct(members, m); err != nil {
		return nil, asInvalidRequest(err)
	}
	return m, nil
}

// decodeMembers splits a JSON object into its members.
func decodeMembers(data []byte) (map[string]json.RawMessage, error) {
	members := make(map[string]json.RawMessage, 8)
	err := decodeObject(data, func(key string, value json.RawMessage) error {
		members[key] = value
		return nil
	})
	return members, err
}

// decodeStruct sets the fields of the struct at p from the members with exactly their names, where encoding/json
// would ignore case.
func decodeStruct(members map[string]json.RawMessage, p any) error {
	v := reflect.ValueOf(p).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		value, ok := members[name]
		if !ok {
			continue
		}
		if err := decodeField(value, v.Field(i).Addr().Interface()); err != nil {
			return within(name, err)
		}
	}
	return nil
}

// decodeField reads one value. Arrays stop at the first bad element, where encoding/json would go on and allocate for
// all of them.
func decodeField(value json.RawMessage, p any) error {
	switch p := p.(type) {
	case *json.RawMessage:
		*p = value
		return nil
	case *Name, *Limits:
		members, err := decodeMembers(value)
		if err != nil {
			return err
		}
		return decodeStruct(members, p)
	case *[]Event:
		return decodeArray(value, func(i int, value json.RawMessage) error {
			var e Event
			if err := e.decode(value); err != nil {
				return within(index(i), err)
			}
			*p = append(*p, e)
			return nil
		})
	case *[]string:
		return decodeArray(value, func(i int, value json.RawMessage) error {
			if i >= MaxEventTypes {
				return &Error{Code: InvalidRequest, Message: fmt.Sprintf("has more than %d elements", MaxEventTypes)}
			}
			var s string
			err := decodeString(index(i), value, &s)
			*p = append(*p, s)
			return err
		})
	}
	if err := json.Unmarshal(value, p); err != nil {
		var e *Error
		if errors.As(err, &e) {
			return &Error{Code: e.Code, Message: e.Message}
		}
		return &Error{Code: InvalidRequest, Message: "must be " + kindOf(p)}
	}
	return nil
}

// kindOf says in the words of JSON what a field takes.
func kindOf(p any) string {
	t := reflect.TypeOf(p).Elem()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number of at most %d bits, 0 or more", t.Bits())
	default:
		return "a whole number"
	}
}

func asInvalidRequest(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Code: InvalidRequest, Message: err.Error()}
	}
	return &Error{Code: InvalidRequest, Message: e.Message, Field: e.Field}
}
