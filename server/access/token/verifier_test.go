package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret, otherSecret = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"

// testKeys are made once: an RSA key takes its time.
var testKeys = sync.OnceValue(func() (k struct {
	rsa, otherRSA, smallRSA *rsa.PrivateKey
	ec, p384                *ecdsa.PrivateKey
}) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var err error
	k.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	k.otherRSA, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	k.smallRSA, err = rsa.GenerateKey(rand.Reader, 1024)
	must(err)
	k.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	k.p384, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(err)
	return k
})

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func rsaJWK(kid string, key *rsa.PrivateKey) map[string]string {
	return map[string]string{"kty": "RSA", "kid": kid, "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}
}

func ecJWK(kid, curve string, key *ecdsa.PrivateKey) map[string]string {
	point, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	half := (len(point) - 1) / 2
	return map[string]string{"kty": "EC", "kid": kid, "crv": curve, "x": b64(point[1 : 1+half]), "y": b64(point[1+half:])}
}

func jwks(keys ...map[string]string) string {
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, options Options) *Verifier {
	t.Helper()
	options.Logger = slog.New(slog.DiscardHandler)
	v, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// grants let somebody read /x of the namespace default.
const grants = `[{"namespace":"default","paths":["/x"],"actions":["read"]}]`

// good is the body of a good token.
func good(change ...any) jwt.MapClaims {
	c := jwt.MapClaims{"sub": "alice", "exp": time.Now().Add(time.Hour).Unix(), "millpond": json.RawMessage(grants)}
	for i := 0; i < len(change); i += 2 {
		c[change[i].(string)] = change[i+1]
		if change[i+1] == nil {
			delete(c, change[i].(string))
		}
	}
	return c
}

func sign(t testing.TB, method jwt.SigningMethod, key any, claims jwt.MapClaims, head ...string) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	for i := 0; i < len(head); i += 2 {
		token.Header[head[i]] = head[i+1]
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func authenticate(v *Verifier, token string) (access.Identity, error) {
	return v.Authenticate(context.Background(), access.Credentials{Token: token})
}

// Each kind of key lets in what it has signed.
func TestGoodTokens(t *testing.T) {
	k := testKeys()
	v := open(t, Options{SecretFile: write(t, "secret", otherSecret+"\n"+secret+"\n"),
		JWKSFile: write(t, "jwks", jwks(rsaJWK("r", k.rsa), ecJWK("e", "P-256", k.ec)))})
	for name, token := range map[string]string{
		"HS256":           sign(t, jwt.SigningMethodHS256, []byte(secret), good()),
		"HS256, rotated":  sign(t, jwt.SigningMethodHS256, []byte(otherSecret), good()),
		"RS256":           sign(t, jwt.SigningMethodRS256, k.rsa, good(), "kid", "r"),
		"ES256":           sign(t, jwt.SigningMethodES256, k.ec, good(), "kid", "e"),
		"jti, iat, nbf":   sign(t, jwt.SigningMethodHS256, []byte(secret), good("jti", "1", "iat", time.Now().Unix(), "nbf", time.Now().Unix())),
		"unknown claims":  sign(t, jwt.SigningMethodHS256, []byte(secret), good("name", "Alice", "roles", []string{"x"})),
		"any issuer":      sign(t, jwt.SigningMethodHS256, []byte(secret), good("iss", "https://login.example.com")),
		"without a grant": sign(t, jwt.SigningMethodHS256, []byte(secret), good("millpond", []any{})),
	} {
		who, err := authenticate(v, token)
		if err != nil || who.Subject != "alice" || !who.Expires.After(time.Now()) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
		if v.Refuses(who) {
			t.Errorf("%s: refused afterwards", name)
		}
	}
}

// What is not signed by whom the server trusts, with the algorithm of the key, is nobody.
func TestBadSignatures(t *testing.T) {
	k := testKeys()
	der, err := x509.MarshalPKIXPublicKey(&k.rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	file := jwks(rsaJWK("r", k.rsa), ecJWK("e", "P-256", k.ec))
	both := open(t, Options{SecretFile: write(t, "secret", secret), JWKSFile: write(t, "jwks", file)})
	public := open(t, Options{JWKSFile: write(t, "jwks", file)})
	unsigned := func(alg string) string {
		body, _ := json.Marshal(good())
		return b64([]byte(`{"alg":"`+alg+`","typ":"JWT"}`)) + "." + b64(body) + "."
	}
	hs := sign(t, jwt.SigningMethodHS256, []byte(secret), good())
	rs := sign(t, jwt.SigningMethodRS256, k.rsa, good(), "kid", "r")
	parts := strings.Split(rs, ".")
	for name, token := range map[string]string{
		"none":                        unsigned("none"),
		"None":                        unsigned("None"),
		"NONE":                        unsigned("NONE"),
		"no algorithm":                unsigned(""),
		"none by the library":         sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good()),
		"HS256 without a signature":   hs[:strings.LastIndex(hs, ".")+1],
		"HS256 by another secret":     sign(t, jwt.SigningMethodHS256, []byte(otherSecret), good()),
		"HS256 by no secret":          sign(t, jwt.SigningMethodHS256, []byte{}, good()),
		"HS256 by the DER of the key": sign(t, jwt.SigningMethodHS256, der, good(), "kid", "r"),
		"HS256 by the PEM of the key": sign(t, jwt.SigningMethodHS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), good(), "kid", "r"),
		"HS256 by the n of the key":   sign(t, jwt.SigningMethodHS256, k.rsa.N.Bytes(), good(), "kid", "r"),
		"HS256 by the file":           sign(t, jwt.SigningMethodHS256, []byte(file), good(), "kid", "r"),
		"HS512":                       sign(t, jwt.SigningMethodHS512, []byte(secret), good()),
		"RS512":                       sign(t, jwt.SigningMethodRS512, k.rsa, good(), "kid", "r"),
		"PS256":                       sign(t, jwt.SigningMethodPS256, k.rsa, good(), "kid", "r"),
		"RS256 by another key":        sign(t, jwt.SigningMethodRS256, k.otherRSA, good(), "kid", "r"),
		"RS256 with an EC kid":        sign(t, jwt.SigningMethodRS256, k.rsa, good(), "kid", "e"),
		"ES256 with an RSA kid":       sign(t, jwt.SigningMethodES256, k.ec, good(), "kid", "r"),
		"an unknown kid":              sign(t, jwt.SigningMethodRS256, k.rsa, good(), "kid", "x"),
		"a kid that is a path":        sign(t, jwt.SigningMethodRS256, k.rsa, good(), "kid", "../../dev/null"),
		"no kid among two keys":       sign(t, jwt.SigningMethodRS256, k.rsa, good()),
		"crit":                        sign(t, jwt.SigningMethodHS256, []byte(secret), good(), "crit", "exp"),
		"another body":                parts[0] + "." + b64([]byte(`{"sub":"bob","exp":9999999999,"millpond":[]}`)) + "." + parts[2],
		"two parts":                   parts[0] + "." + parts[1],
		"four parts":                  rs + "." + parts[2],
		"five parts":                  rs + ".a.b",
		"nothing":                     "",
		"dots":                        "..",
		"not base64":                  "!.!.!",
		"padding":                     hs + "=",
		"a space":                     hs + " ",
		"Bearer":                      "Bearer " + hs,
		"long":                        strings.Repeat("a", access.MaxTokenBytes+1),
	} {
		for which, v := range map[string]*Verifier{"both": both, "public": public} {
			if who, err := authenticate(v, token); !errors.Is(err, millpond.Unauthenticated) {
				t.Errorf("%s, %s keys: %+v, %v", name, which, who, err)
			}
		}
	}
	only := open(t, Options{JWKSFile: write(t, "jwks", jwks(rsaJWK("", k.rsa)))})
	if _, err := authenticate(only, sign(t, jwt.SigningMethodRS256, k.rsa, good())); err != nil {
		t.Errorf("no kid and one key: %v", err)
	}
	if _, err := authenticate(only, sign(t, jwt.SigningMethodRS256, k.rsa, good(), "kid", "r")); err == nil {
		t.Error("a kid that is not the only key's")
	}
	if _, err := authenticate(only, hs); err == nil {
		t.Error("HS256 where there is no secret")
	}
}

// A claim that is missing, wrong, or means somebody else, lets nobody in.
func TestBadClaims(t *testing.T) {
	path := write(t, "secret", secret)
	v := open(t, Options{SecretFile: path})
	strict := open(t, Options{SecretFile: path, Issuer: "https://login.example.com", Audience: "millpond", Claim: "https://example.com/millpond"})
	for name, change := range map[string][]any{
		"no exp":               {"exp", nil},
		"exp that is text":     {"exp", "tomorrow"},
		"exp 0":                {"exp", 0},
		"no sub":               {"sub", nil},
		"empty sub":            {"sub", ""},
		"sub that is a number": {"sub", 7},
		"long sub":             {"sub", strings.Repeat("a", access.MaxSubjectBytes+1)},
		"an audience":          {"aud", "another service"},
		"no grants":            {"millpond", nil},
		"grants an object":     {"millpond", map[string]any{"namespace": "default"}},
		"grants of another":    {"millpond", nil, "Millpond", json.RawMessage(grants)},
		"no namespace":         {"millpond", json.RawMessage(`[{"paths":["/"],"actions":["read"]}]`)},
		"a wrong namespace":    {"millpond", json.RawMessage(`[{"namespace":"A","paths":["/"],"actions":["read"]}]`)},
		"no paths":             {"millpond", json.RawMessage(`[{"namespace":"a","actions":["read"]}]`)},
		"a relative path":      {"millpond", json.RawMessage(`[{"namespace":"a","paths":["x"],"actions":["read"]}]`)},
		"a path with dots":     {"millpond", json.RawMessage(`[{"namespace":"a","paths":["/x/.."],"actions":["read"]}]`)},
		"a path with a star":   {"millpond", json.RawMessage(`[{"namespace":"a","paths":["/*"],"actions":["read"]}]`)},
		"a slash at the end":   {"millpond", json.RawMessage(`[{"namespace":"a","paths":["/x/"],"actions":["read"]}]`)},
		"no actions":           {"millpond", json.RawMessage(`[{"namespace":"a","paths":["/"]}]`)},
		"an unknown action":    {"millpond", json.RawMessage(`[{"namespace":"a","paths":["/"],"actions":["reed"]}]`)},
		"one bad of two":       {"millpond", json.RawMessage(`[{"namespace":"a","paths":["/"],"actions":["read"]},{"namespace":"a"}]`)},
		"many grants":          {"millpond", json.RawMessage("[" + strings.Repeat(`{},`, maxGrants) + "{}]")},
	} {
		if who, err := authenticate(v, sign(t, jwt.SigningMethodHS256, []byte(secret), good(change...))); !errors.Is(err, millpond.Unauthenticated) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	right := good("iss", "https://login.example.com", "aud", []string{"x", "millpond"}, "https://example.com/millpond", json.RawMessage(grants))
	if _, err := authenticate(strict, sign(t, jwt.SigningMethodHS256, []byte(secret), right)); err != nil {
		t.Error(err)
	}
	for name, value := range map[string]any{"iss": "https://evil.example", "aud": "x", "https://example.com/millpond": "x"} {
		for _, value := range []any{value, nil} {
			wrong := maps.Clone(right)
			if wrong[name] = value; value == nil {
				delete(wrong, name)
			}
			if _, err := authenticate(strict, sign(t, jwt.SigningMethodHS256, []byte(secret), wrong)); !errors.Is(err, millpond.Unauthenticated) {
				t.Errorf("%s %v: %v", name, value, err)
			}
		}
	}
}

// The clocks of issuer and server may be Leeway apart, and no more; an identity lasts as long as its token is let in.
func TestClocks(t *testing.T) {
	v := open(t, Options{SecretFile: write(t, "secret", secret)})
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			claim string
			in    time.Duration
			good  bool
		}{
			"expired within the leeway": {"exp", -Leeway + time.Second, true},
			"expired":                   {"exp", -Leeway, false},
			"nbf within the leeway":     {"nbf", Leeway, true},
			"nbf later":                 {"nbf", Leeway + time.Second, false},
			"iat within the leeway":     {"iat", Leeway, true},
			"iat later":                 {"iat", Leeway + time.Second, false},
		} {
			who, err := authenticate(v, sign(t, jwt.SigningMethodHS256, []byte(secret), good(test.claim, time.Now().Add(test.in).Unix())))
			if (err == nil) != test.good {
				t.Errorf("%s: %v", name, err)
			}
			if err != nil {
				continue
			}
			if v.Refuses(who) || !who.Expires.After(time.Now()) {
				t.Errorf("%s: refused before it expires at %v", name, who.Expires)
			}
			time.Sleep(time.Until(who.Expires))
			if !v.Refuses(who) {
				t.Errorf("%s: let in after it has expired", name)
			}
		}
	})
}

// Grants are for a path and all below it, never for what only begins alike.
func TestGrants(t *testing.T) {
	v := open(t, Options{SecretFile: write(t, "secret", secret)})
	token := sign(t, jwt.SigningMethodHS256, []byte(secret), good("millpond", json.RawMessage(`[
		{"namespace":"default","paths":["/chat","/users/alice"],"actions":["read","append"]},
		{"namespace":"default","paths":["/chat/42"],"actions":["*"]},
		{"namespace":"*","paths":["/news"],"actions":["read"]},
		{"namespace":"all","paths":["/"],"actions":["subscribe"]}]`)))
	who, err := authenticate(v, token)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		do              access.Action
		namespace, path string
		may             bool
	}{
		{access.Read, "default", "/chat", true},
		{access.Read, "default", "/chat/1", true},
		{access.Read, "default", "/chat/1/2", true},
		{access.Append, "default", "/users/alice/x", true},
		{access.Subscribe, "default", "/chat", false},
		{access.Control, "default", "/chat/42", true},
		{access.Configure, "default", "/chat/42/x", true},
		{access.Control, "default", "/chat/421", false},
		{access.Read, "default", "/chatter", false},
		{access.Read, "default", "/", false},
		{access.Read, "default", "/users", false},
		{access.Read, "default", "/users/alicea", false},
		{access.Read, "other", "/chat", false},
		{access.Read, "other", "/news/1", true},
		{access.Append, "other", "/news/1", false},
		{access.Subscribe, "all", "/", true},
		{access.Subscribe, "all", "/x/y", true},
		{access.Read, "all", "/x/y", false},
	} {
		err := v.Authorize(context.Background(), who, test.do, millpond.Name{Namespace: test.namespace, Path: test.path})
		if (err == nil) != test.may || err != nil && !errors.Is(err, millpond.Forbidden) {
			t.Errorf("%s %s:%s: %v", test.do, test.namespace, test.path, err)
		}
	}
	if v.Authorize(context.Background(), access.Identity{Subject: "alice"}, access.Read, millpond.Name{Namespace: "default", Path: "/chat"}) == nil {
		t.Error("an identity that is not from a token may read")
	}
}

// S11: who may read or follow a stream may do that below it, whatever the token says. So the events that tell of streams below tell
// nobody of a path that they may not read.
func TestGrantsReachDown(t *testing.T) {
	paths := []string{"/", "/a", "/a/b", "/a/b/c", "/ab", "/ab/c", "/b"}
	random := mathrand.New(mathrand.NewPCG(1, 1))
	pick := func(list []string) (some []string) {
		for _, s := range list {
			if random.IntN(3) == 0 {
				some = append(some, s)
			}
		}
		return some
	}
	allowed := 0
	for range 2000 {
		grants := make([]Grant, 1+random.IntN(3))
		for i := range grants {
			grants[i] = Grant{Namespace: []string{"*", "n", "m"}[random.IntN(3)], Paths: pick(paths)}
			for _, do := range pick([]string{"read", "subscribe", "append", "*"}) {
				grants[i].Actions = append(grants[i].Actions, access.Action(do))
			}
		}
		may := func(do access.Action, path string) bool {
			return slices.ContainsFunc(grants, func(g Grant) bool { return g.Allows(do, millpond.Name{Namespace: "n", Path: path}) })
		}
		for _, do := range []access.Action{access.Read, access.Subscribe} {
			for _, path := range paths {
				for _, above := range millpond.Ancestors(path) {
					if !may(do, above) {
						continue
					}
					if allowed++; !may(do, path) {
						t.Fatalf("%+v allow %s of %s, and not of %s below it", grants, do, above, path)
					}
				}
			}
		}
	}
	if allowed == 0 {
		t.Error("nothing was allowed")
	}
}

// Keys that are too weak, or that nobody should give away, are not taken.
func TestBadFiles(t *testing.T) {
	k := testKeys()
	private := rsaJWK("r", k.rsa)
	private["d"] = b64(k.rsa.D.Bytes())
	wrongPoint := ecJWK("e", "P-256", k.ec)
	wrongPoint["y"] = wrongPoint["x"]
	for name, test := range map[string]struct{ secret, jwks, revoked, says string }{
		"a short secret":         {secret: secret[1:], says: "too short"},
		"a short second secret":  {secret: secret + "\nshort\n", says: "too short"},
		"no secret":              {secret: "\n\n", says: "1 to 8 secrets"},
		"many secrets":           {secret: strings.Repeat(secret+"\n", 9), says: "1 to 8 secrets"},
		"not JSON":               {jwks: "-----BEGIN PUBLIC KEY-----", says: "not a JSON Web Key Set"},
		"no keys":                {jwks: "{}", says: "no key"},
		"a small RSA key":        {jwks: jwks(rsaJWK("r", k.smallRSA)), says: "2048"},
		"a private key":          {jwks: jwks(private), says: "private"},
		"a kid twice":            {jwks: jwks(rsaJWK("r", k.rsa), rsaJWK("r", k.otherRSA)), says: "twice"},
		"a secret as key":        {jwks: jwks(map[string]string{"kty": "oct", "kid": "o", "k": b64([]byte(secret))}), says: "no key"},
		"a key for encryption":   {jwks: jwks(map[string]string{"kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB"}), says: "no key"},
		"another curve":          {jwks: jwks(ecJWK("e", "P-384", k.p384)), says: "no key"},
		"a point off the curve":  {jwks: jwks(wrongPoint), says: `"e"`},
		"a wrong revocation":     {secret: secret, revoked: "jti 1\nalice\n", says: "line 2"},
		"a wrong time":           {secret: secret, revoked: "sub alice before noon", says: "2026"},
		"neither secret nor key": {says: "nothing to check"},
	} {
		var o Options
		if test.secret != "" {
			o.SecretFile = write(t, "secret", test.secret)
		}
		if test.jwks != "" {
			o.JWKSFile = write(t, "jwks", test.jwks)
		}
		if test.revoked != "" {
			o.RevokedFile = write(t, "revoked", test.revoked)
		}
		if _, err := Open(o); err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), secret[1:]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(Options{SecretFile: filepath.Join(t.TempDir(), "none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// Tokens and subjects can be revoked by name.
func TestRevoked(t *testing.T) {
	v := open(t, Options{SecretFile: write(t, "secret", secret), RevokedFile: write(t, "revoked", `
# comment
jti one
sub mallory
sub bob  before  2026-01-31T12:00:00Z
sub carol before 2026-01-31T12:00:00Z
sub carol before 2026-01-30T12:00:00Z
sub dave
sub dave before 2020-01-01T00:00:00Z
sub  Eve at Home
`)})
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		sub, jti string
		iat      any
		good     bool
	}{
		{"alice", "one", nil, false},
		{"alice", "two", nil, true},
		{"alice", "", nil, true},
		{"mallory", "", nil, false},
		{"bob", "", nil, false},
		{"bob", "", noon.Add(-time.Second).Unix(), false},
		{"bob", "", noon.Unix(), true},
		{"carol", "", noon.Add(-time.Second).Unix(), false},
		{"carol", "", noon.Unix(), true},
		{"dave", "", noon.Unix(), false},
		{"Eve at Home", "", nil, false},
	} {
		claims := good("sub", test.sub, "jti", test.jti, "iat", test.iat)
		_, err := authenticate(v, sign(t, jwt.SigningMethodHS256, []byte(secret), claims))
		if (err == nil) != test.good || err != nil && !strings.Contains(err.Error(), "revoked") {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// Files are read again when they change; one that is wrong changes nothing.
func TestReload(t *testing.T) {
	k := testKeys()
	o := Options{SecretFile: write(t, "secret", secret), JWKSFile: write(t, "jwks", jwks(rsaJWK("r", k.rsa))), RevokedFile: write(t, "revoked", "")}
	v := open(t, o)
	identity := func(token string) access.Identity {
		who, err := authenticate(v, token)
		if err != nil {
			t.Fatal(err)
		}
		return who
	}
	hs := identity(sign(t, jwt.SigningMethodHS256, []byte(secret), good("jti", "1")))
	rs := identity(sign(t, jwt.SigningMethodRS256, k.rsa, good(), "kid", "r"))
	for _, step := range []struct {
		does, path, text string
		changed, failed  bool
		hs, rs           bool // refused
	}{
		{"nothing", o.SecretFile, secret, false, false, false, false},
		{"a new secret", o.SecretFile, otherSecret + "\n" + secret, true, false, false, false},
		{"the old one is gone", o.SecretFile, otherSecret, true, false, true, false},
		{"it is back", o.SecretFile, secret, true, false, false, false},
		{"a file that is cut off", o.SecretFile, "0123", false, true, false, false},
		{"another key", o.JWKSFile, jwks(rsaJWK("r", k.otherRSA)), true, false, false, true},
		{"the key is back", o.JWKSFile, jwks(rsaJWK("r", k.rsa)), true, false, false, false},
		{"a broken set", o.JWKSFile, "{", false, true, false, false},
		{"a token is revoked", o.RevokedFile, "jti 1", true, false, true, false},
		{"a broken list", o.RevokedFile, "jti", false, true, true, false},
		{"a subject is revoked", o.RevokedFile, "sub alice", true, false, true, true},
	} {
		if err := os.WriteFile(step.path, []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		changed, err := v.Reload()
		if changed != step.changed || (err != nil) != step.failed {
			t.Errorf("%s: changed %v, %v", step.does, changed, err)
		}
		if v.Refuses(hs) != step.hs || v.Refuses(rs) != step.rs {
			t.Errorf("%s: refused %v and %v, want %v and %v", step.does, v.Refuses(hs), v.Refuses(rs), step.hs, step.rs)
		}
	}
	if err := os.Remove(o.RevokedFile); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Reload(); err == nil || !v.Refuses(hs) {
		t.Errorf("a list that is gone revokes nothing any more: %v", err)
	}
}

// Run says when something has changed.
func TestRun(t *testing.T) {
	path := write(t, "secret", secret)
	v := open(t, Options{SecretFile: path})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		calls := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			v.Run(ctx, func() { calls++ })
		}()
		for _, test := range []struct {
			text  string
			calls int
		}{{otherSecret, 1}, {otherSecret, 1}, {"short", 1}, {secret, 2}} {
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(reloadInterval)
			synctest.Wait()
			if calls != test.calls {
				t.Errorf("%d calls after %q, want %d", calls, test.text, test.calls)
			}
		}
		cancel()
		<-done
	})
}

// What Sign makes is let in, for as long as it says.
func TestSign(t *testing.T) {
	v := open(t, Options{SecretFile: write(t, "secret", secret)})
	grant := Grant{Namespace: "default", Paths: []string{"/x"}, Actions: []access.Action{access.Read}}
	token, err := Sign([]byte(secret), "alice", time.Hour, grant)
	if err != nil {
		t.Fatal(err)
	}
	who, err := authenticate(v, token)
	if err != nil || who.Subject != "alice" || time.Until(who.Expires) > time.Hour+Leeway || who.Claims.(*Claims).ID == "" {
		t.Errorf("%+v %v", who, err)
	}
	if err := v.Authorize(context.Background(), who, access.Read, millpond.Name{Namespace: "default", Path: "/x"}); err != nil {
		t.Error(err)
	}
	if _, err := Sign([]byte("short"), "alice", time.Hour, grant); err == nil {
		t.Error("signed with a short secret")
	}
	if _, err := Sign([]byte(secret), "", time.Hour, grant); err == nil {
		t.Error("signed for nobody")
	}
}
