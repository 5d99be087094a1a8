package app_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/config"
)

// Who guesses behind a trusted proxy slows down nobody else behind it; who makes
// addresses up is slowed down all the same. Both hold at both doors.
func TestSignInsBehindProxy(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		trusted config.Networks
		other   int // how a sign-in is answered that names another address
	}{
		"trusted":   {config.Networks{netip.MustParsePrefix("127.0.0.0/8")}, http.StatusUnauthorized},
		"untrusted": {nil, http.StatusTooManyRequests},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := &platform{data: t.TempDir(), trusted: c.trusted, root: t}
			p.database = filepath.Join(p.data, "stoa.db")
			p.reopen(t)
			api := func(from string, n int) int {
				return p.passOn(t, "/api/v1/login", "application/json", `{"name":"nobody`+strconv.Itoa(n)+`","password":"guess"}`, from)
			}
			portal := func(from string, n int) int {
				form := url.Values{"name": {"nobody" + strconv.Itoa(n)}, "password": {"guess"}}
				return p.passOn(t, "/signin", "application/x-www-form-urlencoded", form.Encode(), from)
			}
			for n := range 5 {
				if status := api("192.0.2.1", n); status != http.StatusUnauthorized {
					t.Fatalf("guess %d is answered %d", n+1, status)
				}
			}
			for door, signIn := range map[string]func(from string, n int) int{"API": api, "portal": portal} {
				if status := slowedDown(signIn, "192.0.2.1"); status != http.StatusTooManyRequests {
					t.Errorf("%s: guesses too many are answered %d", door, status)
				}
				status := signIn("192.0.2.2", 20)
				if c.other == http.StatusTooManyRequests && status != c.other {
					status = slowedDown(signIn, "192.0.2.2")
				}
				if status != c.other {
					t.Errorf("%s: from another address it is answered %d, want %d", door, status, c.other)
				}
			}
		})
	}
}

// slowedDown guesses until it is told to wait. A busy machine may take so long for one
// guess that the wait after it is over: each further one doubles that.
func slowedDown(signIn func(from string, n int) int, from string) (status int) {
	for n := 5; n < 13 && status != http.StatusTooManyRequests; n++ {
		status = signIn(from, n)
	}
	return status
}

// passOn sends a body as a proxy does that was asked by the address from.
func (p *platform) passOn(t *testing.T, path, kind, body, from string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.Replace(p.url, "localhost", "127.0.0.1", 1)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("X-Forwarded-For", from)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}
