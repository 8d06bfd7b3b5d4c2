// Package secret seals what a server must keep but never show, and signs what
// it sends, so that a receiver knows who sent it.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/assayhq/assay/internal/fault"
)

// Sealer encrypts secrets with AES-256-GCM. A sealed secret is a nonce and the
// ciphertext, and is bound to the id of what it belongs to, so that a sealed
// value copied to another row does not open.
type Sealer struct{ aead cipher.AEAD }

// NewSealer returns a sealer with key, which must stay the same as long as
// what it sealed lives.
func NewSealer(key [32]byte) Sealer {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // only for keys of another length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for blocks of another length
	}
	return Sealer{aead}
}

// Seal encrypts secret for id; nil for the empty secret.
func (s Sealer) Seal(id, secret string) []byte {
	if secret == "" {
		return nil
	}
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(secret)+s.aead.Overhead())
	rand.Read(nonce) // never fails since Go 1.24
	return s.aead.Seal(nonce, nonce, []byte(secret), []byte(id))
}

// Open returns what was sealed for id.
func (s Sealer) Open(id string, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return "", fault.New(fault.Internal, "the secret of %s is damaged", id)
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(id))
	return string(plain), fault.Wrap(fault.Internal, "secret.Open", err, "the secret of %s does not open with the key of this data directory", id)
}

// Signature is "v1," and the base64 of the HMAC-SHA256, keyed with the shared
// secret, of delivery id, timestamp (Unix seconds) and body, joined by dots.
// Receivers compute it over the raw body and also refuse old timestamps.
func Signature(secret, delivery, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.%s.", delivery, timestamp)
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
