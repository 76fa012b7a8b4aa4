package millpond_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/millpond-dev/millpond"
)

func ExampleNewName() {
	name, err := millpond.NewName("default", "/chat/42")
	fmt.Println(name, err)

	_, err = millpond.NewName("default", "/Chat")
	fmt.Println(errors.Is(err, millpond.InvalidName))
	fmt.Println(err)
	// Output:
	// default:/chat/42 <nil>
	// true
	// invalid_name: path: 'C' is not allowed: use lowercase letters, digits, "-", "_" and "."
}

func ExampleEvent_AppendJSON() {
	e := millpond.Event{
		Offset:    3,
		Type:      "chat/message",
		Payload:   []byte(`{"text": "hi"}`), // kept as it is, with its space
		CreatedAt: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC),
	}
	fmt.Printf("%s\n", e.AppendJSON(nil))
	// Output:
	// {"offset":3,"type":"chat/message","payload":{"text": "hi"},"createdAt":"2025-03-01T12:00:00.000000000Z"}
}

func ExampleHash_Next() {
	first := millpond.Event{Offset: 1, Type: "a"}
	second := millpond.Event{Offset: 2, Type: "b"}
	first.CreatedAt, second.CreatedAt = time.Unix(0, 1), time.Unix(0, 2)

	// A copy keeps the hash up to its position, and makes the next one from the record alone.
	var hash millpond.Hash
	hash = hash.Next(millpond.AppendRecord(nil, &first))
	fmt.Println(hash)
	hash = hash.Next(millpond.AppendRecord(nil, &second))
	fmt.Println(hash)
	// Output:
	// a3927d624c7f4a81
	// eec393661a7e88b7
}
