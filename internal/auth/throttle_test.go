package auth

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func newTestThrottle() (*throttle, *time.Time) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return newThrottle(func() time.Time { return now }), &now
}

func TestThrottleDoubles(t *testing.T) {
	th, now := newTestThrottle()
	for i := range freeFailures {
		if wait := th.try("user/ann", "192.0.2.1:5000"); wait != 0 {
			t.Fatalf("attempt %d waits %v", i+1, wait)
		}
	}
	var waits []time.Duration
	for range 10 {
		wait := th.try("user/ann", "192.0.2.1:5001") // another port is no other address
		waits = append(waits, wait)
		*now = now.Add(wait - time.Millisecond)
		if left := th.try("user/ann", "192.0.2.1:5002"); left != time.Millisecond {
			t.Fatalf("a millisecond early waits %v", left)
		}
		*now = now.Add(time.Millisecond)
		if wait := th.try("user/ann", "192.0.2.1:5003"); wait != 0 {
			t.Fatalf("after the wait waits %v", wait)
		}
	}
	want := "[1s 2s 4s 8s 16s 32s 1m4s 2m8s 4m16s 4m16s]" // five minutes have forgiven one
	if got := fmt.Sprint(waits); got != want {
		t.Errorf("waits %s\n want %s", got, want)
	}
}

func TestThrottleAccountAndAddress(t *testing.T) {
	th, now := newTestThrottle()
	for i := range 100 { // many addresses at one account
		th.try("user/ann", fmt.Sprintf("192.0.2.%d", i))
		*now = now.Add(time.Second)
	}
	if wait := th.try("user/ann", "198.51.100.1"); wait == 0 || wait > maxAccountWait {
		t.Errorf("the account waits %v, want up to %v", wait, maxAccountWait)
	}
	if wait := th.try("user/bob", "198.51.100.1"); wait != 0 {
		t.Errorf("another account waits %v", wait)
	}
	for i := range 100 { // one network at many accounts
		th.try(fmt.Sprintf("user/u%d", i), fmt.Sprintf("[2001:db8::%x]:443", i+1))
	}
	if wait := th.try("user/new", "2001:db8::ffff"); wait == 0 {
		t.Error("another address of the same /64 does not wait")
	}
	if wait := th.try("user/new", "2001:db8:0:1::1"); wait != 0 {
		t.Errorf("another /64 waits %v", wait)
	}
}

func TestThrottleForgets(t *testing.T) {
	th, now := newTestThrottle()
	for range freeFailures - 1 {
		th.try("user/ann", "192.0.2.9")
		th.try("user/bob", "192.0.2.1")
	}
	th.try("user/ann", "192.0.2.9")
	th.succeed("user/ann", "192.0.2.9")
	if wait := th.try("user/ann", "192.0.2.9"); wait != 0 {
		t.Errorf("after a success the account waits %v", wait)
	}
	th.try("user/bob", "192.0.2.1")
	if wait := th.try("user/bob", "192.0.2.1"); wait == 0 {
		t.Error("the success of another cleared the account and the address")
	}
	*now = now.Add(freeFailures * forgiveAfter)
	for i := range freeFailures {
		if wait := th.try("user/bob", "192.0.2.1"); wait != 0 {
			t.Errorf("attempt %d after all is forgiven waits %v", i+1, wait)
		}
	}
}

// Who guesses without rest comes to so many guesses in a day and no further, and
// an hour later the account and the address are as open as ever.
func TestThrottleBoundsGuesses(t *testing.T) {
	for _, c := range []struct {
		what          string
		account, addr func(i int) string
		most          int
	}{
		{"one account", func(int) string { return "user/ann" }, func(i int) string { return fmt.Sprintf("10.0.%d.%d", i>>8, i&255) }, 1460},
		{"one address", func(i int) string { return fmt.Sprintf("user/u%d", i) }, func(int) string { return "192.0.2.1" }, 310},
	} {
		t.Run(c.what, func(t *testing.T) {
			th, now := newTestThrottle()
			guesses := 0
			for end := now.Add(24 * time.Hour); now.Before(end); {
				wait := th.try(c.account(guesses), c.addr(guesses))
				if wait == 0 {
					guesses++
				}
				*now = now.Add(wait)
			}
			if guesses > c.most || guesses < c.most*9/10 {
				t.Errorf("%d guesses in a day, want up to %d", guesses, c.most)
			}
			*now = now.Add(time.Hour)
			for i := range 3 {
				if wait := th.try(c.account(guesses), c.addr(guesses)); wait != 0 {
					t.Errorf("attempt %d an hour later waits %v", i+1, wait)
				}
			}
		})
	}
}

// A whole office behind one address mistypes, and nobody there has to wait.
func TestThrottleSharedAddress(t *testing.T) {
	th, now := newTestThrottle()
	const office = "192.0.2.1"
	try := func(name string) {
		t.Helper()
		if wait := th.try(name, office); wait != 0 {
			t.Fatalf("%s waits %v at %s", name, wait, now.Format(time.TimeOnly))
		}
		*now = now.Add(5 * time.Second)
	}
	for i := range 500 { // in less than two hours
		name := fmt.Sprintf("user/u%d", i)
		if i%3 == 0 {
			try(name)
			try(name)
		}
		if i%30 == 0 {
			try(fmt.Sprintf("user/mistyped%d", i)) // no account, so nobody takes it back
			*now = now.Add(5 * time.Minute)
		}
		try(name)
		th.succeed(name, office)
	}
}

// Who guesses at others and signs in as themselves in between gets no further by it.
func TestThrottleOwnAccountClearsNothing(t *testing.T) {
	th, now := newTestThrottle()
	guesses := 0
	for end := now.Add(24 * time.Hour); now.Before(end); {
		wait := th.try(fmt.Sprintf("user/u%d", guesses), "192.0.2.1")
		if wait == 0 {
			guesses++
		}
		*now = now.Add(max(wait, time.Second))
		if th.try("user/mallory", "192.0.2.1") == 0 {
			th.succeed("user/mallory", "192.0.2.1")
		}
	}
	if guesses > 310 {
		t.Errorf("%d guesses in a day, want up to 310", guesses)
	}
}

func TestThrottleUndo(t *testing.T) {
	th, _ := newTestThrottle()
	for range 50 {
		if wait := th.try("user/ann", "192.0.2.1"); wait != 0 {
			t.Fatalf("an undecided attempt counts: wait %v", wait)
		}
		th.undo("user/ann", "192.0.2.1")
	}
	if len(th.accounts.of)+len(th.address.of) != 0 {
		t.Error("undone attempts are kept")
	}
}

// Many at once are counted before the first is decided.
func TestThrottleParallel(t *testing.T) {
	th, _ := newTestThrottle()
	var let atomic.Int32
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if th.try("user/ann", "192.0.2.1") == 0 {
				let.Add(1)
			}
		})
	}
	wg.Wait()
	if let.Load() != freeFailures {
		t.Errorf("%d attempts at once were let through, want %d", let.Load(), freeFailures)
	}
}

func TestThrottleBounded(t *testing.T) {
	th, now := newTestThrottle()
	for i := range maxThrottled + 500 {
		th.try(fmt.Sprintf("user/u%d", i), fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
		*now = now.Add(time.Millisecond)
	}
	if n := len(th.accounts.of); n > maxThrottled {
		t.Errorf("%d accounts are kept, want at most %d", n, maxThrottled)
	}
	if n := len(th.address.of); n > maxThrottled {
		t.Errorf("%d addresses are kept, want at most %d", n, maxThrottled)
	}
	if _, ok := th.accounts.of[fmt.Sprintf("user/u%d", maxThrottled+499)]; !ok {
		t.Error("the newest is not kept")
	}
}

func TestNetwork(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "192.0.2.1:80": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"[2001:db8::1]:443": "2001:db8::/64", "fe80::1%eth0": "fe80::/64", "": "", "pipe": "pipe",
	} {
		if got := network(in); got != want {
			t.Errorf("network(%q) = %q, want %q", in, got, want)
		}
	}
}
