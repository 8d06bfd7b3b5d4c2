package webhook

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"

	"github.com/assayhq/assay/internal/fault"
)

// sealer encrypts secrets with AES-256-GCM. A sealed secret is a nonce and the
// ciphertext, and is bound to its webhook, so that a sealed value copied to
// another row does not open.
type sealer struct{ aead cipher.AEAD }

func newSealer(key [32]byte) sealer {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // only for keys of another length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for blocks of another length
	}
	return sealer{aead}
}

func (s sealer) seal(id, secret string) []byte {
	if secret == "" {
		return nil
	}
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(secret)+s.aead.Overhead())
	rand.Read(nonce) // never fails since Go 1.24
	return s.aead.Seal(nonce, nonce, []byte(secret), []byte(id))
}

func (s sealer) open(id string, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return "", fault.New(fault.Internal, "the secret of webhook %s is damaged", id)
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(id))
	return string(plain), fault.Wrap(fault.Internal, "webhook.open", err, "the secret of webhook %s does not open with the key of this data directory", id)
}
