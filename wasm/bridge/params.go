package bridge

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/millpond-dev/millpond"
)

// decodeParams reads a statement's parameters: JSON values, and the special {"$int":"…"} and {"$blob":"base64"}.
// A number without fraction and exponent is an int64.
func decodeParams(raw []json.RawMessage) ([]any, error) {
	params := make([]any, len(raw))
	for i, text := range raw {
		value, err := decodeParam(text)
		if err != nil {
			return nil, &millpond.Error{Code: millpond.InvalidRequest, Field: fmt.Sprintf("params[%d]", i), Message: err.Error()}
		}
		params[i] = value
	}
	return params, nil
}

func decodeParam(text json.RawMessage) (any, error) {
	switch text[0] {
	case '{':
		return decodeSpecial(text)
	case '[':
		return nil, fmt.Errorf("an array is not a value of SQLite: pass it as JSON text and use json_each")
	case '"', 't', 'f', 'n':
		var value any
		err := json.Unmarshal(text, &value)
		return value, err
	}
	if !bytes.ContainsAny(text, ".eE") {
		if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return n, nil
		}
	}
	return strconv.ParseFloat(string(text), 64)
}

func decodeSpecial(text json.RawMessage) (any, error) {
	var special struct {
		Int  *string `json:"$int"`
		Blob *string `json:"$blob"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&special); err != nil {
		return nil, err
	}
	switch {
	case special.Int != nil && special.Blob == nil:
		n, err := strconv.ParseInt(*special.Int, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not an integer of 64 bits", *special.Int)
		}
		return n, nil
	case special.Blob != nil && special.Int == nil:
		return base64.StdEncoding.DecodeString(*special.Blob)
	}
	return nil, fmt.Errorf(`an object must be {"$int":"…"} or {"$blob":"base64"}`)
}
