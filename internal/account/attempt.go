package account

import (
	"sync"
	"time"

	"github.com/assayhq/assay/internal/fault"
)

// attempts counts failed sign-ins. After a few for one name from one address,
// or more from one address with any names, or many for one name from anywhere,
// further ones are refused until some minutes have passed. A right password
// counts as nothing, so that a client with Basic credentials is never slowed.
type attempts struct {
	now func() time.Time

	mu     sync.Mutex
	counts map[string]*attemptCount
}

type attemptCount struct {
	failures int
	since    time.Time
}

const (
	attemptWindow = 5 * time.Minute
	maxCounted    = 10_000 // names and addresses remembered

	perPair    = 5
	perAddress = 30
	perName    = 200
)

func newAttempts(now func() time.Time) *attempts {
	return &attempts{now: now, counts: map[string]*attemptCount{}}
}

type attemptLimit struct {
	key   string
	limit int
}

func attemptLimits(name, address string) [3]attemptLimit {
	return [3]attemptLimit{{"p" + name + "\x00" + address, perPair}, {"a" + address, perAddress}, {"n" + name, perName}}
}

// check fails with Limited when name or address has failed too often.
func (a *attempts) check(name, address string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range attemptLimits(name, address) {
		if c := a.counts[l.key]; c != nil && c.failures >= l.limit {
			if left := attemptWindow - a.now().Sub(c.since); left > 0 {
				return fault.New(fault.Limited, "too many failed sign-ins; try again in %s", left.Round(time.Second))
			}
			delete(a.counts, l.key)
		}
	}
	return nil
}

func (a *attempts) failed(name, address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if len(a.counts) >= maxCounted {
		for k, c := range a.counts {
			if now.Sub(c.since) > attemptWindow {
				delete(a.counts, k)
			}
		}
		if len(a.counts) >= maxCounted {
			clear(a.counts)
		}
	}
	for _, l := range attemptLimits(name, address) {
		c := a.counts[l.key]
		if c == nil || now.Sub(c.since) > attemptWindow {
			c = &attemptCount{since: now}
			a.counts[l.key] = c
		}
		c.failures++
	}
}

func (a *attempts) succeeded(name, address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.counts, attemptLimits(name, address)[0].key)
}
