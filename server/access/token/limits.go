package token

import "time"

const (
	// MinSecretBytes is the least length of a secret: the size of the hash (RFC 7518, 3.2).
	MinSecretBytes = 32
	// MinRSABits is the least size of an RSA key (RFC 7518, 3.3).
	MinRSABits = 2048
	// Leeway is how far the clocks of issuer and server may be apart.
	Leeway = 30 * time.Second

	// maxSecrets bounds the secrets of a file: the present one, and those before it.
	maxSecrets = 8
	// maxKeys bounds the keys of a JWKS file.
	maxKeys = 100
	// maxGrants and maxPaths bound the claim millpond, and the paths of each grant in it.
	maxGrants = 100
	maxPaths  = 100
	// maxFileBytes bounds each file.
	maxFileBytes = 16 << 20
	// reloadInterval is how often the files are looked at.
	reloadInterval = 2 * time.Second
)
