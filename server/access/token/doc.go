// Package token lets clients in by JSON Web Tokens (RFC 7519), as `millpond serve` does, and says by their claims what they
// may do.
//
//	tokens, err := token.Open(token.Options{JWKSFile: "jwks.json", Issuer: "https://login.example.com", Audience: "millpond"})
//	if err != nil { … }
//	s, err := server.New(server.Options{Data: "data", Authenticate: tokens.Authenticate, Authorize: tokens.Authorize})
//	if err != nil { … }
//	go tokens.Run(ctx, func() { s.Revoke(tokens.Refuses) })
//
// # Claims
//
// A token must have sub, 1–256 bytes, exp, and the claim millpond, which grants actions on the streams at and below some paths of
// a namespace:
//
//	{
//	  "sub": "alice",
//	  "exp": 1767225600,
//	  "millpond": [
//	    {"namespace": "default", "paths": ["/chat", "/users/alice"], "actions": ["read", "subscribe", "append"]},
//	    {"namespace": "default", "paths": ["/news"], "actions": ["read", "subscribe"]}
//	  ]
//	}
//
// The path /chat is that of the stream /chat and of all below it, such as /chat/42, not of /chatter; / is that of all. The
// namespace "*" is every one, the action "*" all of them; they are listed at [access.Action]. iat and nbf may be there, iss
// and aud must be where Options say so. jti names a token, so that it can be revoked.
//
// # Signatures
//
// HS256 with a secret file, or RS256 and ES256 with the public keys of a JWKS file; nothing else, whatever the head
// of a token says. A token's kid chooses the key; one without a kid is for the only key of a set. The files are read again when
// they change, and sessions whose tokens would not be let in any more are ended.
package token
