package token

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
)

// No text is let in as a token but those that were signed, and none ends the program.
func FuzzToken(f *testing.F) {
	k := testKeys()
	v := open(f, Options{SecretFile: write(f, "secret", secret), JWKSFile: write(f, "jwks", jwks(rsaJWK("r", k.rsa), ecJWK("e", "P-256", k.ec)))})
	ever := int64(99999999999) // the same text in each process that fuzzes
	signed := []string{
		sign(f, jwt.SigningMethodHS256, []byte(secret), good("exp", ever)),
		sign(f, jwt.SigningMethodRS256, k.rsa, good("exp", ever), "kid", "r"),
		sign(f, jwt.SigningMethodES256, k.ec, good("exp", ever), "kid", "e"),
	}
	for _, token := range signed {
		f.Add(token)
		f.Add(token[:len(token)-1])
		f.Add(token[strings.Index(token, "."):])
	}
	f.Add(sign(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good("exp", ever)))
	f.Add(sign(f, jwt.SigningMethodHS256, []byte(otherSecret), good("exp", ever)))
	f.Fuzz(func(t *testing.T, token string) {
		who, err := authenticate(v, token)
		if err != nil {
			var told *millpond.Error
			if !errors.Is(err, millpond.Unauthenticated) || errors.As(err, &told) && strings.Contains(told.Message, secret) {
				t.Errorf("%q: %v", token, err)
			}
			return
		}
		for _, s := range signed {
			if token == s {
				return
			}
		}
		// The signature of an elliptic curve has a second form, of the same body.
		if body := token[:strings.LastIndex(token, ".")+1]; !strings.HasPrefix(signed[2], body) {
			t.Errorf("%q is let in as %+v", token, who)
		}
	})
}

// Whatever a token that is signed says: it is refused, or it grants no more than it could say in the right form.
func FuzzClaims(f *testing.F) {
	v := open(f, Options{SecretFile: write(f, "secret", secret)})
	for _, body := range []string{
		`{"sub":"a","exp":99999999999,"millpond":` + grants + `}`,
		`{"sub":"a","exp":99999999999,"millpond":[{"namespace":"*","paths":["/"],"actions":["*"]}]}`,
		`{"sub":"a","exp":1e300,"millpond":[]}`, `{"sub":"a","exp":-1e300,"millpond":[]}`, `{"sub":"a","exp":"9","millpond":[]}`,
		`{"sub":"a","exp":99999999999,"nbf":1e18,"iat":1e18,"aud":["x"],"iss":"y","jti":"z","millpond":null}`,
		`{"sub":null,"exp":null,"millpond":{}}`, `{"exp":99999999999,"exp":1,"sub":"a","sub":"b","millpond":[]}`,
		`null`, `[]`, `"a"`, `{`, ``, `{"Sub":"a","EXP":99999999999,"MILLPOND":[]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		head := b64([]byte(`{"alg":"HS256"}`)) + "." + b64(body)
		signature, err := jwt.SigningMethodHS256.Sign(head, []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		who, err := authenticate(v, head+"."+b64(signature))
		if err != nil {
			if !errors.Is(err, millpond.Unauthenticated) {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		if !json.Valid(body) || who.Subject == "" || len(who.Subject) > access.MaxSubjectBytes || who.Expires.IsZero() {
			t.Errorf("%q is let in as %+v", body, who)
		}
		for _, grant := range who.Claims.(*Claims).Grants {
			if err := grant.Validate(); err != nil {
				t.Errorf("%q: %v", body, err)
			}
		}
	})
}

// The files are the operator's, who makes mistakes: none of them ends the program.
func FuzzFiles(f *testing.F) {
	k := testKeys()
	for _, text := range []string{
		jwks(rsaJWK("r", k.rsa), ecJWK("e", "P-256", k.ec)), jwks(ecJWK("e", "P-384", k.p384)),
		`{"keys":[{"kty":"RSA","n":"AA","e":"AA"}]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`,
		`{"keys":[{"kty":"RSA","n":"","e":"AQAB","x5u":"http://127.0.0.1:1/","x5c":["AA"]}]}`, `{"keys":[null]}`, `{"keys":null}`,
		secret + "\n" + otherSecret, "jti 1\nsub alice before 2026-01-31T12:00:00Z", "sub before before before",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if public, err := parseJWKS(text); err == nil && len(public) == 0 {
			t.Error("a set without keys")
		}
		if secrets, err := parseSecrets(text); err == nil {
			for _, s := range secrets {
				if len(s.([]byte)) < MinSecretBytes {
					t.Errorf("a secret of %d bytes", len(s.([]byte)))
				}
			}
		}
		if r, err := parseRevoked(text); err == nil && (r.ids[""] || r.has(&Claims{Subject: "\n"})) {
			t.Error("nobody was revoked")
		}
	})
}
