package token

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/millpond-dev/millpond/server/access"
)

// Claims are what a token says: the Claims of an [access.Identity] from here.
type Claims struct {
	ID       string // jti
	Subject  string
	IssuedAt time.Time // zero: not said
	Grants   []Grant

	raw string // the token, to be verified again when the keys have changed
}

// wire is a token's body as package jwt reads and checks it.
type wire struct {
	jwt.RegisteredClaims
	Grants []Grant

	claim string // name of the claim with the grants
}

func (w *wire) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &w.RegisteredClaims); err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	grants, ok := members[w.claim]
	if !ok {
		return fmt.Errorf("the claim %s is missing", w.claim)
	}
	return json.Unmarshal(grants, &w.Grants)
}

// Validate is called by package jwt, beside its own checks.
func (w *wire) Validate() error {
	if n := len(w.Subject); n == 0 || n > access.MaxSubjectBytes {
		return fmt.Errorf("sub must be 1 to %d bytes", access.MaxSubjectBytes)
	}
	if len(w.Grants) > maxGrants {
		return fmt.Errorf("the claim %s has more than %d grants", w.claim, maxGrants)
	}
	for i := range w.Grants {
		if err := w.Grants[i].Validate(); err != nil {
			return fmt.Errorf("the claim %s: %w", w.claim, err)
		}
	}
	return nil
}

func (w *wire) claims(raw string) *Claims {
	c := &Claims{ID: w.ID, Subject: w.Subject, Grants: w.Grants, raw: raw}
	if w.IssuedAt != nil {
		c.IssuedAt = w.IssuedAt.Time
	}
	return c
}
