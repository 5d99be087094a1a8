package auth

import (
	"net/netip"
	"sync"
	"time"
)

// Login throttling. After a few failures each further one doubles the wait.
//
// However long somebody guesses, one account takes about 1,440 guesses a day
// from all addresses together, and one address has about 300 for all accounts
// together. The wait of an account is short, because a long one would let
// anybody lock a person out.
//
// An address may be a whole office behind one router, so what people there
// mistype must not add up: who signs in at last takes back their own failures,
// and of the others one is forgiven in every forgiveAfter. A count stops where
// the wait is longest, so that all is forgiven 70 minutes after the last failure.
//
// The counts live in memory: a restart forgets them, and N replicas allow N
// times as many guesses. They hold at most maxThrottled keys each; when full,
// the one whose last failure is oldest makes room.
const (
	freeFailures   = 5
	firstWait      = time.Second
	maxAccountWait = time.Minute
	maxAddressWait = forgiveAfter // a longer one would never be come to
	forgiveAfter   = 5 * time.Minute
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
	n            int       // of those that are not forgiven
	since        time.Time // when one was last forgiven, or the first one
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
// this attempt and as many as were the account's: those were a person who
// mistyped. The others stay: else whoever has one account could clear the way
// for guessing at others.
func (t *throttle) succeed(account, addr string) {
	addr = network(addr)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.address.takeBack(addr, max(1, t.accounts.of[account].n))
	delete(t.accounts.of, account)
}

// undo takes back an attempt that was not decided, because the store failed.
func (t *throttle) undo(account, addr string) {
	addr = network(addr)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accounts.takeBack(account, 1)
	t.address.takeBack(addr, 1)
}

func (c *counts) takeBack(key string, n int) {
	f, ok := c.of[key]
	if !ok {
		return
	}
	if f.n -= n; f.n <= 0 {
		delete(c.of, key)
		return
	}
	f.last = f.before
	c.of[key] = f
}

// at is what is left of the failures of key.
func (c *counts) at(key string, now time.Time) failures {
	f := c.of[key]
	forgiven := int(now.Sub(f.since) / forgiveAfter)
	if forgiven >= f.n {
		return failures{since: now}
	}
	f.n -= forgiven
	f.since = f.since.Add(time.Duration(forgiven) * forgiveAfter)
	return f
}

// wait returns how long key has still to wait. What is forgiven meanwhile does
// not shorten it: somebody was told how long it is.
func (c *counts) wait(key string, now time.Time) time.Duration {
	f := c.of[key]
	return max(0, f.last.Add(c.after(f.n)).Sub(now))
}

// after is the wait after the n-th failure.
func (c *counts) after(n int) time.Duration {
	if n < freeFailures {
		return 0
	}
	return min(firstWait<<(n-freeFailures), c.maxWait)
}

// fail counts no further than to the longest wait: what follows would only put
// off the time when all is forgiven.
func (c *counts) fail(key string, now time.Time) {
	if _, ok := c.of[key]; !ok && len(c.of) >= maxThrottled {
		c.makeRoom(now)
	}
	f := c.at(key, now)
	if c.after(f.n) < c.maxWait {
		f.n++
	}
	f.last, f.before = now, f.last
	c.of[key] = f
}

// makeRoom drops what is forgiven anyway, else the oldest. It walks the whole
// map, which costs far less than the password check that follows.
func (c *counts) makeRoom(now time.Time) {
	var oldest string
	var last time.Time
	for key, f := range c.of {
		if c.at(key, now).n == 0 {
			delete(c.of, key)
		} else if last.IsZero() || f.last.Before(last) {
			oldest, last = key, f.last
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
