package auth

import (
	"net/netip"
	"sync"
	"time"
)

// Login throttling. After a few failures each further one doubles the wait.
//
// The wait of an account is short (about 1,440 guesses a day at most, however
// many addresses guess), because a long one would let anybody lock a person
// out; the wait of an address is long, because only whoever sits there is hurt.
// The counts live in memory: a restart forgets them, and N replicas allow N
// times as many guesses. They hold at most maxThrottled keys each; when full,
// the one whose last failure is oldest makes room.
const (
	freeFailures   = 5
	firstWait      = time.Second
	maxAccountWait = time.Minute
	maxAddressWait = 15 * time.Minute
	forgetFailures = time.Hour
	maxThrottled   = 10_000
)

// throttle counts failed sign-ins by account and by address.
type throttle struct {
	now func() time.Time

	mu       sync.Mutex
	accounts counts
	address  counts
}

type counts struct {
	of      map[string]failures
	maxWait time.Duration
}

type failures struct {
	n            int
	last, before time.Time // of the last one and of the one before it
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{
		now:      now,
		accounts: counts{of: map[string]failures{}, maxWait: maxAccountWait},
		address:  counts{of: map[string]failures{}, maxWait: maxAddressWait},
	}
}

// try begins a sign-in. It returns how long to wait instead, or 0 and counts
// the attempt as failed until succeed says otherwise: so that many attempts at
// once are not checked side by side before the first is counted.
func (t *throttle) try(account, addr string) time.Duration {
	addr = network(addr)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if wait := max(t.accounts.wait(account, now), t.address.wait(addr, now)); wait > 0 {
		return wait
	}
	t.accounts.fail(account, now)
	t.address.fail(addr, now)
	return 0
}

// succeed forgets the failures of the account. Of the address it takes back
// the one attempt only: else whoever has one account could clear the way for
// guessing at others.
func (t *throttle) succeed(account, addr string) {
	addr = network(addr)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.accounts.of, account)
	t.address.takeBack(addr)
}

// undo takes back an attempt that was not decided, because the store failed.
func (t *throttle) undo(account, addr string) {
	addr = network(addr)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accounts.takeBack(account)
	t.address.takeBack(addr)
}

func (c *counts) takeBack(key string) {
	f, ok := c.of[key]
	if !ok {
		return
	}
	if f.n--; f.n <= 0 {
		delete(c.of, key)
		return
	}
	f.last = f.before
	c.of[key] = f
}

// wait returns how long key has still to wait.
func (c *counts) wait(key string, now time.Time) time.Duration {
	f, ok := c.of[key]
	if !ok || f.n < freeFailures || now.Sub(f.last) > forgetFailures {
		return 0
	}
	wait := c.maxWait
	if doublings := f.n - freeFailures; doublings < 20 {
		wait = min(firstWait<<doublings, c.maxWait)
	}
	return max(0, f.last.Add(wait).Sub(now))
}

func (c *counts) fail(key string, now time.Time) {
	f, ok := c.of[key]
	if !ok && len(c.of) >= maxThrottled {
		c.makeRoom(now)
	}
	if now.Sub(f.last) > forgetFailures {
		f.n = 0
	}
	c.of[key] = failures{n: f.n + 1, last: now, before: f.last}
}

// makeRoom drops what is forgotten anyway, else the oldest. It walks the whole
// map, which costs far less than the password check that follows.
func (c *counts) makeRoom(now time.Time) {
	var oldest string
	var at time.Time
	for key, f := range c.of {
		if now.Sub(f.last) > forgetFailures {
			delete(c.of, key)
		} else if at.IsZero() || f.last.Before(at) {
			oldest, at = key, f.last
		}
	}
	if len(c.of) >= maxThrottled {
		delete(c.of, oldest)
	}
}

// network is what one attacker holds of addresses: an IPv4 address, or the /64
// of an IPv6 one. addr may carry a port.
func network(addr string) string {
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		return prefix(ap.Addr())
	}
	if a, err := netip.ParseAddr(addr); err == nil {
		return prefix(a)
	}
	return addr
}

func prefix(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, _ := a.Prefix(64)
	return p.String()
}
