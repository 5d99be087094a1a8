package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

// cacheLife is how long an authentication is believed without asking the
// store: the time within which a revocation on another replica takes hold.
// What this process revokes is dropped at once.
const (
	cacheLife = 5 * time.Second
	cacheSize = 4096
)

// cache remembers who authenticated by what, by the hash of the token or
// session: the secret itself is not kept in memory.
type cache struct {
	mu      sync.RWMutex
	entries map[[sha256.Size]byte]cached
	drops   uint64 // grows with every drop, so that a slower look-up does not undo it
}

type cached struct {
	principal Principal
	id        string // id of the token, also of the one a session came from
	until     time.Time
}

func newCache() *cache { return &cache{entries: map[[sha256.Size]byte]cached{}} }

// get also returns the count of drops to hand to put.
func (c *cache) get(hash [sha256.Size]byte, now time.Time) (p Principal, drops uint64, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.entries[hash]
	if !ok || !now.Before(e.until) {
		return Principal{}, c.drops, false
	}
	return e.principal, c.drops, true
}

// put keeps an entry, unless something was dropped since get said drops: what
// was read before may have been revoked meanwhile.
func (c *cache) put(hash [sha256.Size]byte, e cached, drops uint64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if drops != c.drops {
		return
	}
	if len(c.entries) >= cacheSize {
		for key, old := range c.entries {
			if !now.Before(old.until) {
				delete(c.entries, key)
			}
		}
		if len(c.entries) >= cacheSize {
			return // all in use: the others ask the store
		}
	}
	c.entries[hash] = e
}

// drop forgets whatever authenticates as the principal.
func (c *cache) drop(principal string) {
	c.dropIf(func(e cached) bool { return e.principal.Name == principal })
}

// dropToken forgets a token and the sessions that came from it.
func (c *cache) dropToken(id string) { c.dropIf(func(e cached) bool { return e.id == id }) }

func (c *cache) dropIf(match func(cached) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	for key, e := range c.entries {
		if match(e) {
			delete(c.entries, key)
		}
	}
}

func (c *cache) dropHash(hash [sha256.Size]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	delete(c.entries, hash)
}
