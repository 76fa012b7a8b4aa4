package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// keys are what signatures are checked with. They do not change.
type keys struct {
	secrets []jwt.VerificationKey // of HS256
	public  map[string]publicKey  // of the others, by kid
}

type publicKey struct {
	algorithm string
	key       jwt.VerificationKey
}

var errNoKey = errors.New("it is signed with a key that this server does not know")

// find is package jwt's question for the keys to try. The algorithm is one of those allowed: here it is made sure that
// it is the key's own, so that a public key is never taken for a secret.
func (k *keys) find(t *jwt.Token) (interface{}, error) {
	if _, ok := t.Header["crit"]; ok { // RFC 7515, 4.1.11: what must be understood, and is not
		return nil, errors.New("its head has crit")
	}
	if t.Method.Alg() == "HS256" {
		if len(k.secrets) == 0 {
			return nil, errNoKey
		}
		return jwt.VerificationKeySet{Keys: k.secrets}, nil
	}
	var key publicKey
	switch kid := t.Header["kid"].(type) {
	case string:
		key = k.public[kid]
	case nil:
		if len(k.public) == 1 {
			for _, key = range k.public {
			}
		}
	}
	if key.key == nil || key.algorithm != t.Method.Alg() {
		return nil, errNoKey
	}
	return key.key, nil
}

// parseSecrets reads a file of secrets, one a line: the present one, and those before it, whose tokens are still good.
func parseSecrets(text []byte) (secrets []jwt.VerificationKey, err error) {
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			continue
		}
		if len(line) < MinSecretBytes {
			return nil, fmt.Errorf("a secret of %d bytes is too short: it must have %d, from a random generator", len(line), MinSecretBytes)
		}
		secrets = append(secrets, bytes.Clone(line))
	}
	if n := len(secrets); n == 0 || n > maxSecrets {
		return nil, fmt.Errorf("must have 1 to %d secrets, one a line", maxSecrets)
	}
	return secrets, nil
}

// parseJWKS reads a JSON Web Key Set (RFC 7517). Keys for encryption, and of kinds that are not used here, are left out.
func parseJWKS(text []byte) (map[string]publicKey, error) {
	var set jwkset.JWKSMarshal
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("is not a JSON Web Key Set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("has more than %d keys", maxKeys)
	}
	public := map[string]publicKey{}
	for _, k := range set.Keys {
		if k.USE != "" && k.USE != jwkset.UseSig || k.KTY != jwkset.KtyRSA && k.KTY != jwkset.KtyEC {
			continue
		}
		if k.D != "" {
			return nil, fmt.Errorf("the key %.32q is private: this file must have public keys only", k.KID)
		}
		key, err := parsePublic(k)
		if err != nil {
			return nil, fmt.Errorf("the key %.32q: %w", k.KID, err)
		}
		if key.key == nil {
			continue
		}
		if _, ok := public[k.KID]; ok {
			return nil, fmt.Errorf("the kid %.32q is there twice", k.KID)
		}
		public[k.KID] = key
	}
	if len(public) == 0 {
		return nil, errors.New("has no key for RS256 or ES256")
	}
	return public, nil
}

// parsePublic is no key when it is for another algorithm.
func parsePublic(k jwkset.JWKMarshal) (publicKey, error) {
	k.X5U, k.X5C, k.X5T, k.X5TS256 = "", nil, "", "" // certificates are not looked at, and never fetched
	jwk, err := jwkset.NewJWKFromMarshal(k, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return publicKey{}, err
	}
	switch key := jwk.Key().(type) {
	case *rsa.PublicKey:
		if k.ALG != "" && k.ALG != jwkset.AlgRS256 {
			return publicKey{}, nil
		}
		if bits := key.N.BitLen(); bits < MinRSABits {
			return publicKey{}, fmt.Errorf("%d bits are too few: an RSA key must have %d", bits, MinRSABits)
		}
		return publicKey{"RS256", key}, nil
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() || k.ALG != "" && k.ALG != jwkset.AlgES256 {
			return publicKey{}, nil
		}
		return publicKey{"ES256", key}, nil
	}
	return publicKey{}, nil
}
