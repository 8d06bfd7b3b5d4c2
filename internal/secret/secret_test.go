package secret_test

import (
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/secret"
)

func TestSecretsOpenOnlyWithTheirKeyAndRow(t *testing.T) {
	s := secret.NewSealer([32]byte{1})
	sealed := s.Seal("w1", "s3cret")
	if strings.Contains(string(sealed), "s3cret") || string(sealed) == string(s.Seal("w1", "s3cret")) {
		t.Error("the secret shows")
	}
	if got, err := s.Open("w1", sealed); err != nil || got != "s3cret" {
		t.Errorf("%q, %v", got, err)
	}
	damaged := append([]byte(nil), sealed...)
	damaged[len(damaged)-1] ^= 1
	for name, try := range map[string]func() (string, error){
		"another row": func() (string, error) { return s.Open("w2", sealed) },
		"another key": func() (string, error) { return secret.NewSealer([32]byte{2}).Open("w1", sealed) },
		"damaged":     func() (string, error) { return s.Open("w1", damaged) },
		"cut":         func() (string, error) { return s.Open("w1", sealed[:5]) },
	} {
		if got, err := try(); err == nil {
			t.Errorf("%s opens: %q", name, got)
		}
	}
}

func TestASignatureIsWhatReceiversCompute(t *testing.T) {
	// python: base64(hmac_sha256(b"topsecret", b"d-1.1700000000.{\"a\": 1}"))
	const want = "v1,dLlyoLvzMXBMGevyaYT6V0+t4mezLElSEMubsc6YY3Q="
	if got := secret.Signature("topsecret", "d-1", "1700000000", []byte(`{"a": 1}`)); got != want {
		t.Errorf("signature %s; want %s", got, want)
	}
}
