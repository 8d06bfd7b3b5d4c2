package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/assayhq/assay/internal/fault"
)

// Cost of a password's hash: argon2id with 19 MiB, two passes and one lane,
// OWASP's floor, so that two at a time fit into the idle server's memory.
const (
	argonTime   = 2
	argonMemory = 19 * 1024 // KiB
	argonLanes  = 1
	argonKey    = 32
)

const (
	minPassword = 10   // characters
	maxPassword = 1000 // characters
)

// hashPassword returns the PHC text form of password's hash under a new salt.
func hashPassword(password string) string {
	var salt [16]byte
	rand.Read(salt[:])
	key := argon2.IDKey([]byte(password), salt[:], argonTime, argonMemory, argonLanes, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes,
		b64.EncodeToString(salt[:]), b64.EncodeToString(key))
}

// matches reports whether password has the hash encoded. The cost is read from
// the hash, within bounds, so that it can be raised later.
func matches(encoded, password string) bool {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false
	}
	var version int
	var memory, passes uint32
	var lanes uint8
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(key) < 16 || len(key) > 64 || memory > 1<<20 || passes < 1 || passes > 16 || lanes < 1 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1
}

// hash checks a new password and hashes it, few at a time.
func (s *Service) hash(ctx context.Context, name, password string) (string, error) {
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return "", fault.Invalidf("the password must have at least %d characters", minPassword)
	case n > maxPassword:
		return "", fault.Invalidf("the password must have at most %d characters", maxPassword)
	case fold(password) == fold(name):
		return "", fault.Invalidf("the password must not be the user's name")
	}
	if err := s.enterHashing(ctx); err != nil {
		return "", err
	}
	defer s.leaveHashing()
	return hashPassword(password), nil
}

func (s *Service) enterHashing(ctx context.Context) error {
	select {
	case s.hashing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Service) leaveHashing() { <-s.hashing }

// checkPassword returns the user that name and password belong to, with the
// password's hash. The answer to a
// wrong name takes as long, and says as much, as that to a wrong password.
func (s *Service) checkPassword(ctx context.Context, name, password, address string) (u User, hash string, err error) {
	wrong := fault.New(fault.Unauthenticated, "the user name or the password is wrong")
	if len(name) > 400 || len(password) > 4*maxPassword {
		return User{}, "", wrong
	}
	folded := fold(name)
	if err := s.attempts.check(folded, address); err != nil {
		return User{}, "", err
	}
	u, hash, err = s.store.UserByName(ctx, folded)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return User{}, "", err
	}
	known := err == nil && !u.Disabled
	if !known {
		hash = s.decoy()
	}
	if err := s.enterHashing(ctx); err != nil {
		return User{}, "", err
	}
	ok := matches(hash, password)
	s.leaveHashing()
	if !ok || !known {
		s.attempts.failed(folded, address)
		return User{}, "", wrong
	}
	s.attempts.succeeded(folded, address)
	return u, hash, nil
}

// verified remembers, for a minute and under a key that dies with the process,
// which name and password pairs were right: clients that send Basic
// credentials with every request must not cost an argon2 hash each.
type verified struct {
	key [32]byte
	now func() time.Time

	mu    sync.Mutex
	known map[[32]byte]verifiedPair
}

type verifiedPair struct {
	hash  string // the password's, as kept when it was right
	until time.Time
}

const (
	verifiedFor = time.Minute
	maxVerified = 1024
)

func newVerified(now func() time.Time) *verified {
	v := &verified{now: now, known: map[[32]byte]verifiedPair{}}
	rand.Read(v.key[:])
	return v
}

// digest is safe to keep: without the key it tells nothing of the password.
func (v *verified) digest(name, password string) [32]byte {
	mac := hmac.New(sha256.New, v.key[:])
	fmt.Fprintf(mac, "%d:", len(name))
	mac.Write([]byte(name))
	mac.Write([]byte(password))
	return [32]byte(mac.Sum(nil))
}

// right reports whether the pair was right a short while ago.
func (v *verified) right(d [32]byte) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, ok := v.known[d]
	return ok && v.now().Before(p.until)
}

// holds reports whether the pair was right for the password kept as hash.
func (v *verified) holds(d [32]byte, hash string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, ok := v.known[d]
	if ok && p.hash != hash {
		delete(v.known, d)
	}
	return ok && p.hash == hash
}

func (v *verified) remember(d [32]byte, hash string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.known) >= maxVerified {
		clear(v.known)
	}
	v.known[d] = verifiedPair{hash, v.now().Add(verifiedFor)}
}

// forget drops everything, after an account changed.
func (v *verified) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.known)
}
