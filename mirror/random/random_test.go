package random

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	const texts = 10_000
	seen, letters := map[string]bool{}, map[rune]int{}
	for range texts {
		text := Text()
		if len(text) != 26 || strings.Trim(text, alphabet) != "" {
			t.Fatalf("%q is not 26 characters of base32", text)
		}
		if seen[text] {
			t.Fatalf("%q has come twice", text)
		}
		seen[text] = true
		for _, letter := range text {
			letters[letter]++
		}
	}
	// Each letter is to be expected 8,125 times, ± 89: a source that is stuck or a mask that is wrong is far from it.
	for _, letter := range alphabet {
		if n := letters[letter]; n < 7_000 || n > 9_250 {
			t.Errorf("%c has come %d times in %d letters", letter, n, 26*texts)
		}
	}
}
