package sqlite_test

import (
	"encoding/gob"
	"errors"
	"flag"
	"io"
	"os"
	"testing"
)

var answerFuzz = flag.Bool("answer", false, "answer fuzzed inputs, which come on the standard input")

// TestAnswerFuzz is the other half of the native fuzz tests: this engine's answers.
func TestAnswerFuzz(t *testing.T) {
	if !*answerFuzz {
		t.Skip("needs -answer, and somebody to ask")
	}
	in, out := gob.NewDecoder(os.Stdin), gob.NewEncoder(os.Stdout)
	for {
		var input fuzzInput
		if err := in.Decode(&input); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if err := out.Encode(input.answer()); err != nil {
			t.Fatal(err)
		}
	}
}
