package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/millpond-dev/millpond/server"
	"github.com/millpond-dev/millpond/server/access/token"
)

// authFlags say how serve tells who its clients are.
type authFlags struct {
	AuthSecretFile  string `env:"MILLPOND_AUTH_SECRET_FILE" type:"path" group:"auth" placeholder:"FILE" help:"Secrets of JSON Web Tokens signed with HS256, one a line, of 32 bytes or more."`
	AuthJWKSFile    string `name:"auth-jwks-file" env:"MILLPOND_AUTH_JWKS_FILE" type:"path" group:"auth" placeholder:"FILE" help:"Public keys of JSON Web Tokens signed with RS256 or ES256, as a JSON Web Key Set."`
	AuthRevokedFile string `env:"MILLPOND_AUTH_REVOKED_FILE" type:"path" group:"auth" placeholder:"FILE" help:"Tokens and subjects that are not let in any more: a line 'jti ID', 'sub SUBJECT' or 'sub SUBJECT before TIME' each."`
	AuthIssuer      string `env:"MILLPOND_AUTH_ISSUER" group:"auth" placeholder:"TEXT" help:"What the claim iss must be."`
	AuthAudience    string `env:"MILLPOND_AUTH_AUDIENCE" group:"auth" placeholder:"TEXT" help:"What the claim aud must contain. Without it tokens that have an aud are refused."`
	AuthClaim       string `env:"MILLPOND_AUTH_CLAIM" default:"millpond" group:"auth" placeholder:"NAME" help:"Claim that grants actions (default: ${default})."`
	AuthCookie      string `env:"MILLPOND_AUTH_COOKIE" group:"auth" placeholder:"NAME" help:"Cookie that holds the token of requests that have none elsewhere."`
	InsecureNoAuth  bool   `env:"MILLPOND_INSECURE_NO_AUTH" group:"auth" help:"Listen on an address that other machines can reach, although everybody there may read and write everything."`
}

// check refuses flags that would leave the server open without being told so.
func (f *authFlags) check(addr string) error {
	if f.AuthSecretFile != "" || f.AuthJWKSFile != "" {
		if f.InsecureNoAuth {
			return &usageError{"--insecure-no-auth and --auth-secret-file or --auth-jwks-file contradict each other: leave one of them out"}
		}
		return nil
	}
	for flag, value := range map[string]string{"--auth-revoked-file": f.AuthRevokedFile, "--auth-issuer": f.AuthIssuer,
		"--auth-audience": f.AuthAudience, "--auth-cookie": f.AuthCookie} {
		if value != "" {
			return &usageError{flag + " does nothing without --auth-secret-file or --auth-jwks-file: there is nothing to check a token with"}
		}
	}
	if f.InsecureNoAuth {
		return nil
	}
	return requireLoopback("--addr", addr, "there is no authentication: everybody there could read and write everything. "+
		"Add --auth-jwks-file or --auth-secret-file, use 127.0.0.1, or add --insecure-no-auth if that is what you want")
}

// explain says which flag has named a file that cannot be read, and how to come by one.
func (f *authFlags) explain(err error) error {
	var path *fs.PathError
	if !errors.As(err, &path) {
		return err
	}
	switch path.Path {
	case f.AuthSecretFile:
		return fmt.Errorf("--auth-secret-file %s: %w. Make one with: %s", path.Path, path.Err, makeSecret(path.Path))
	case f.AuthJWKSFile:
		return fmt.Errorf("--auth-jwks-file %s: %w: it has the public keys of whoever makes the tokens", path.Path, path.Err)
	case f.AuthRevokedFile:
		return fmt.Errorf("--auth-revoked-file %s: %w: it may be empty, but must be there", path.Path, path.Err)
	}
	return err
}

// makeSecret is a command that makes a file with a secret.
func makeSecret(file string) string {
	return "(umask 077; head -c 32 /dev/urandom | base64 > " + file + ")"
}

// apply adds to the server's options what the flags say. The verifier is nil when there is no authentication.
func (f *authFlags) apply(opts *server.Options, log *slog.Logger) (*token.Verifier, error) {
	if f.AuthSecretFile == "" && f.AuthJWKSFile == "" {
		return nil, nil
	}
	v, err := token.Open(token.Options{
		SecretFile: f.AuthSecretFile, JWKSFile: f.AuthJWKSFile, RevokedFile: f.AuthRevokedFile,
		Issuer: f.AuthIssuer, Audience: f.AuthAudience, Claim: f.AuthClaim, Logger: log,
	})
	if err != nil {
		return nil, f.explain(err)
	}
	opts.Authenticate, opts.Authorize, opts.Cookie = v.Authenticate, v.Authorize, f.AuthCookie
	return v, nil
}
