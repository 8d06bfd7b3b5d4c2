package masking

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync/atomic"

	"github.com/assayhq/assay/internal/mask"
)

// applied is a policy at work in one workspace.
type applied struct {
	service   *Service
	rules     *mask.Rules
	workspace string
	everyUser bool
}

// Text implements [mask.Masker].
func (a *applied) Text(s string, field mask.Scope) string {
	var hits mask.Hits
	out := a.rules.Text(s, field, &hits)
	if len(hits) > 0 {
		names := a.rules.Names()
		for i, n := range hits {
			if n > 0 {
				a.service.count(a.workspace, names[i], n)
			}
		}
	}
	return out
}

// PseudonymRule is the name under which pseudonyms are counted.
const PseudonymRule = "pseudonym"

// User implements [mask.Masker].
func (a *applied) User(id string) string { return a.id("user-", id, a.everyUser) }

// Session implements [mask.Masker].
func (a *applied) Session(id string) string { return a.id("session-", id, false) }

func (a *applied) id(prefix, id string, always bool) string {
	if id == "" || isPseudonym(prefix, id) || !always && !a.rules.Holds(id, mask.Everywhere) {
		return id
	}
	a.service.count(a.workspace, PseudonymRule, 1)
	return a.service.pseudonym(a.workspace, prefix, id)
}

const pseudonymDigits = 16

// isPseudonym keeps what was masked once as it is.
func isPseudonym(prefix, id string) bool {
	rest, ok := strings.CutPrefix(id, prefix)
	return ok && len(rest) == pseudonymDigits && strings.Trim(rest, "0123456789abcdef") == ""
}

// pseudonym is the same for the same id of a workspace, and says nothing about
// it to who has not the key.
func (s *Service) pseudonym(workspace, prefix, id string) string {
	h := hmac.New(sha256.New, s.cfg.Key[:])
	h.Write([]byte("pseudonym\x00" + workspace + "\x00" + prefix + "\x00" + id))
	return prefix + hex.EncodeToString(h.Sum(nil))[:pseudonymDigits]
}

// UserPseudonym is what stands for a user id in the caller's workspace where
// it was masked.
func (s *Service) UserPseudonym(workspace, id string) string {
	if isPseudonym("user-", id) {
		return id
	}
	return s.pseudonym(workspace, "user-", id)
}

func (s *Service) count(workspace, rule string, n int) {
	key := countKey{workspace, rule}
	c, ok := s.counts.Load(key)
	if !ok {
		c, _ = s.counts.LoadOrStore(key, new(atomic.Int64))
	}
	c.(*atomic.Int64).Add(int64(n))
	if s.cfg.Counted != nil {
		s.cfg.Counted(rule, n)
	}
}
