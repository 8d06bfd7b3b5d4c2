// Package id makes and checks the identifiers of Assay, which are MLflow's:
// runs 32 hex digits, logged models m-…, assessments a-…, datasets d-….
package id

import (
	"crypto/rand"
	"encoding/hex"
)

// Hex returns 32 random lowercase hexadecimal digits.
func Hex() string {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// Prefixed returns prefix followed by 32 random lowercase hexadecimal digits,
// as in m-…, a-…, d-….
func Prefixed(prefix string) string { return prefix + Hex() }
