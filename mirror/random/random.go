// Package random makes names that nobody else makes: of replicas, and of events that are sent until they are confirmed. In the browser
// it asks the browser, for crypto/rand brings 45 KB of download that its program needs for nothing else.
package random

// alphabet is that of base32, so that a byte stands for five bits of chance.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// Text is 26 characters of base32: 130 bits from the system's secure source.
func Text() string {
	var text [26]byte
	fill(text[:])
	for i, b := range text {
		text[i] = alphabet[b%32]
	}
	return string(text[:])
}
