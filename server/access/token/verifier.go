package token

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
)

// Options configure a Verifier. SecretFile or JWKSFile is needed, or both.
type Options struct {
	// SecretFile has the secrets of HS256, one a line, each of at least MinSecretBytes. A new one goes into a line of its own;
	// the old one stays until the last token that was signed with it has expired.
	SecretFile string
	// JWKSFile has the public keys of RS256 and ES256, as a JSON Web Key Set.
	JWKSFile string
	// RevokedFile lists tokens and subjects that are not let in any more: a line "jti ID", "sub SUBJECT", or
	// "sub SUBJECT before 2026-01-31T12:00:00Z" each. Empty: none are.
	RevokedFile string

	// Issuer must be the token's iss. Empty: any.
	Issuer string
	// Audience must be in the token's aud. Empty: a token with an aud is refused, as it is meant for somebody else.
	Audience string
	// Claim is the name of the claim with the grants. Empty: millpond.
	Claim string

	// Logger is told when a file has changed, or cannot be read. Nil: slog.Default().
	Logger *slog.Logger
}

// Verifier checks tokens. Its methods may be called from any goroutine.
type Verifier struct {
	options Options
	parser  *jwt.Parser
	trusted atomic.Pointer[trusted]

	mu    sync.Mutex // of Reload
	files struct{ secrets, jwks, revoked file }
	last  string // error of Reload
}

// trusted is what the files say. It does not change.
type trusted struct {
	keys
	revoked *revoked
}

// Open reads the files.
func Open(options Options) (*Verifier, error) {
	if options.SecretFile == "" && options.JWKSFile == "" {
		return nil, errors.New("token.Options needs SecretFile or JWKSFile: there is nothing to check a token with")
	}
	if options.Claim == "" {
		options.Claim = "millpond"
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	checks := []jwt.ParserOption{
		jwt.WithValidMethods([]string{"HS256", "RS256", "ES256"}),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(Leeway), jwt.WithStrictDecoding(),
	}
	if options.Issuer != "" {
		checks = append(checks, jwt.WithIssuer(options.Issuer))
	}
	if options.Audience != "" {
		checks = append(checks, jwt.WithAudience(options.Audience))
	}
	v := &Verifier{options: options, parser: jwt.NewParser(checks...)}
	v.trusted.Store(&trusted{revoked: &revoked{}})
	v.files.secrets.path, v.files.jwks.path, v.files.revoked.path = options.SecretFile, options.JWKSFile, options.RevokedFile
	if _, err := v.Reload(); err != nil {
		return nil, err
	}
	return v, nil
}

// Authenticate is an [access.Authenticate]. The identity has the token's subject, ends when the token expires, and has its
// [Claims].
func (v *Verifier) Authenticate(_ context.Context, c access.Credentials) (access.Identity, error) {
	if c.Token == "" {
		return access.Identity{}, millpond.Unauthenticated
	}
	w, err := v.verify(c.Token)
	if err != nil {
		return access.Identity{}, &millpond.Error{Code: millpond.Unauthenticated, Message: explain(err)}
	}
	return access.Identity{Subject: w.Subject, Expires: w.ExpiresAt.Add(Leeway), Claims: w.claims(c.Token)}, nil
}

// Authorize is an [access.Authorize] for the identities of Authenticate: one of their grants must allow it.
func (v *Verifier) Authorize(_ context.Context, who access.Identity, do access.Action, name millpond.Name) error {
	c, ok := who.Claims.(*Claims)
	if !ok {
		return millpond.Forbidden
	}
	for i := range c.Grants {
		if c.Grants[i].Allows(do, name) {
			return nil
		}
	}
	return millpond.Forbidden
}

// Refuses reports whether the identity's token would not be let in any more: it was revoked, its key is gone, or it
// has expired.
func (v *Verifier) Refuses(who access.Identity) bool {
	c, ok := who.Claims.(*Claims)
	if !ok {
		return false // not from here
	}
	_, err := v.verify(c.raw)
	return err != nil
}

var (
	errRevoked  = errors.New("it was revoked")
	errAudience = errors.New("it is meant for somebody else (aud)")
)

func (v *Verifier) verify(token string) (*wire, error) {
	if len(token) > access.MaxTokenBytes {
		return nil, jwt.ErrTokenMalformed
	}
	trusted := v.trusted.Load()
	w := &wire{claim: v.options.Claim}
	if _, err := v.parser.ParseWithClaims(token, w, trusted.find); err != nil {
		return nil, err
	}
	if v.options.Audience == "" && len(w.Audience) > 0 {
		return nil, errAudience
	}
	if trusted.revoked.has(w.claims("")) {
		return nil, errRevoked
	}
	return w, nil
}

// explain is what the client is told. That is about its own token, and never about the keys.
func explain(err error) string {
	const again = ": get a new one"
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return "the token has expired" + again
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return "the token is not valid yet: the clock of its issuer, or of this server, is wrong"
	case errors.Is(err, errRevoked):
		return "the token was revoked" + again
	case errors.Is(err, jwt.ErrTokenMalformed):
		return "the token is not a JSON Web Token with the claims that this server needs" + again
	case errors.Is(err, jwt.ErrTokenUnverifiable), errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return "the token is not signed by whom this server trusts" + again
	}
	return "the token is not one for this server" + again
}

// Reload reads the files that have changed. One that cannot be read, or is wrong, changes nothing of what it said before.
func (v *Verifier) Reload() (changed bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	next := *v.trusted.Load()
	secretsChanged, secretsErr := load(&v.files.secrets, parseSecrets, &next.secrets)
	jwksChanged, jwksErr := load(&v.files.jwks, parseJWKS, &next.public)
	revokedChanged, revokedErr := load(&v.files.revoked, parseRevoked, &next.revoked)
	if changed = secretsChanged || jwksChanged || revokedChanged; changed {
		v.trusted.Store(&next)
	}
	return changed, errors.Join(secretsErr, jwksErr, revokedErr)
}

func load[T any](f *file, parse func([]byte) (T, error), into *T) (changed bool, err error) {
	if f.path == "" {
		return false, nil
	}
	text, changed, err := f.read()
	if err != nil || !changed {
		return false, err
	}
	value, err := parse(text)
	if err != nil {
		return false, fmt.Errorf("%s: %w", f.path, err)
	}
	*into = value
	return true, nil
}

// Run reads the files again when they change, until ctx ends, and calls changed after each time that they have.
func (v *Verifier) Run(ctx context.Context, changed func()) {
	ticker := time.NewTicker(reloadInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		ok, err := v.Reload()
		if ok {
			v.options.Logger.Info("what tokens are checked with has changed")
			changed()
		}
		if err != nil && err.Error() != v.last {
			v.options.Logger.Error("what tokens are checked with cannot be read: what was there before stays in force", "error", err)
		}
		if v.last = ""; err != nil {
			v.last = err.Error()
		}
	}
}
