package token

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Sign makes a token that is good for a while, and signs it with the secret (HS256). It has a random jti. It is
// for small set-ups and tests: otherwise tokens come from whoever knows the users.
func Sign(secret []byte, subject string, life time.Duration, grants ...Grant) (string, error) {
	if len(secret) < MinSecretBytes {
		return "", fmt.Errorf("a secret of %d bytes is too short: it must have %d", len(secret), MinSecretBytes)
	}
	now := time.Now()
	w := &wire{claim: "millpond", Grants: grants, RegisteredClaims: jwt.RegisteredClaims{Subject: subject}}
	if err := w.Validate(); err != nil {
		return "", err
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": subject, "iat": now.Unix(), "exp": now.Add(life).Unix(), "jti": rand.Text(), w.claim: grants,
	}).SignedString(secret)
}
