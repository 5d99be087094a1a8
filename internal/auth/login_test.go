package auth_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/problem"
)

// signedIn is a request of the session's browser.
func signedIn(method string, n auth.Session) *http.Request {
	r := httptest.NewRequest(method, "http://localhost:7700/services", nil)
	r.AddCookie(&http.Cookie{Name: "stoa_session", Value: n.Secret})
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

func TestLogin(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.person(t, "ann")
		n := b.login(t, " Ann ")
		p, err := b.Authenticate(signedIn("POST", n))
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != "user/ann" || p.Teams["payments"] != auth.TeamOwner || p.Platform != auth.Viewer || p.Narrowed || !p.Expires.Equal(n.Expires) {
			t.Errorf("principal %+v", p)
		}
		if n2 := b.login(t, "ann"); n2.Secret == n.Secret {
			t.Error("two sign-ins share a session")
		}
	})
}

func TestLoginRefuses(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	b.person(t, "ann")
	b.person(t, "gone")
	if err := b.DisableAccount(t.Context(), admin, "gone", true); err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateAccount(t.Context(), admin, "fresh", ""); err != nil {
		t.Fatal(err)
	}
	var said []string
	for i, try := range []struct{ name, password string }{
		{"ann", "wrong"}, {"ann", ""}, {"ann", strings.Repeat("x", 100_000)}, {"nobody", goodPassword},
		{"gone", goodPassword}, {"fresh", ""}, {"fresh", goodPassword}, {"", ""}, {"../etc", "x"}, {"a\x00b", "x"},
	} {
		_, err := b.Login(t.Context(), try.name, try.password, fmt.Sprintf("192.0.2.%d", i))
		p := want(t, err, problem.Unauthenticated)
		body, _ := json.Marshal(p)
		said = append(said, string(body))
	}
	if slices.Sort(said); said[0] != said[len(said)-1] {
		t.Errorf("the refusals differ, which tells who has an account:\n%s\n%s", said[0], said[len(said)-1])
	}
	if strings.Contains(b.log.String(), "wrong") && strings.Contains(b.log.String(), "password=") {
		t.Error("a password is in the log")
	}
}

// An unknown account takes as long as a known one with a wrong password: both
// take the hash.
func TestLoginTime(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	b.Service = auth.New(b.store, b.members, b.clock, discard()) // with the real cost
	b.person(t, "ann")
	login := func(name string) time.Duration {
		start := time.Now()
		_, err := b.Login(t.Context(), name, "wrong password", "192.0.2.1")
		took := time.Since(start)
		want(t, err, problem.Unauthenticated)
		b.pass(2 * time.Hour) // the throttle forgets
		return took
	}
	// In turn and the least of each, as the machine may be busy: both come down to
	// what the work costs, and stay apart for good if one is spared it.
	known, unknown := time.Hour, time.Hour
	for range 30 {
		known, unknown = min(known, login("ann")), min(unknown, login("nobody"))
		if ratio := float64(unknown) / float64(known); ratio > 0.5 && ratio < 2 {
			return
		}
	}
	t.Errorf("unknown account %v, known %v", unknown, known)
}

func TestLoginThrottled(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	b.person(t, "ann")
	for range 5 {
		_, err := b.Login(t.Context(), "ann", "wrong", "192.0.2.1:1")
		want(t, err, problem.Unauthenticated)
	}
	_, err := b.Login(t.Context(), "ann", goodPassword, "192.0.2.2:1")
	if p := want(t, err, problem.TooMany); p.RetryAfter != 1 || len(p.Next) == 0 {
		t.Errorf("retry after %d s, next %q", p.RetryAfter, p.Next)
	}
	b.pass(time.Second)
	b.login(t, "ann")
	b.login(t, "ann")
}

// A hash with other parameters is renewed by the sign-in that proves the password.
func TestLoginRenewsHash(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.person(t, "ann") // hashed cheaply
		n := b.login(t, "ann")
		stored := func() string {
			t.Helper()
			a, err := b.store.Account(t.Context(), "user/ann")
			if err != nil {
				t.Fatal(err)
			}
			return a.Hash
		}
		if !strings.HasPrefix(stored(), "$argon2id$v=19$m=64,t=1,p=1$") {
			t.Errorf("hash before: %.40s", stored())
		}
		b.Service = auth.New(b.store, b.members, b.clock, discard()) // with the real cost
		b.login(t, "ann")
		renewed := stored()
		if !strings.HasPrefix(renewed, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("hash after: %.40s", renewed)
		}
		if b.login(t, "ann"); stored() != renewed {
			t.Error("a current hash was renewed")
		}
		if _, err := b.Authenticate(signedIn("GET", n)); err != nil {
			t.Errorf("renewing a hash ended a session: %v", err)
		}
	})
}

func TestSessionEnds(t *testing.T) {
	ends := map[string]func(t *testing.T, b *bench, n auth.Session){
		"12 hours unused": func(t *testing.T, b *bench, n auth.Session) { b.pass(12 * time.Hour) },
		"30 days of use": func(t *testing.T, b *bench, n auth.Session) {
			for range 66 { // 66 × 11 h > 30 d
				if _, err := b.Authenticate(signedIn("GET", n)); err != nil {
					if b.clock().Before(n.Expires) {
						t.Fatalf("a used session ended at %v: %v", b.clock(), err)
					}
					return
				}
				b.pass(11 * time.Hour)
			}
		},
		"password": func(t *testing.T, b *bench, n auth.Session) {
			b.pass(time.Second)
			if err := b.SetPassword(t.Context(), admin, "ann", "", "another good one"); err != nil {
				t.Fatal(err)
			}
		},
		"logout": func(t *testing.T, b *bench, n auth.Session) {
			w := httptest.NewRecorder()
			if err := b.Logout(w, signedIn("POST", n)); err != nil {
				t.Fatal(err)
			}
			if c := w.Result().Cookies(); len(c) != 1 || c[0].MaxAge >= 0 || c[0].Value != "" {
				t.Errorf("cookies after logout: %v", c)
			}
		},
		"next login": func(t *testing.T, b *bench, n auth.Session) {
			w := httptest.NewRecorder()
			if err := b.Enter(w, signedIn("POST", n), b.login(t, "ann")); err != nil {
				t.Fatal(err)
			}
		},
		"disabled": func(t *testing.T, b *bench, n auth.Session) {
			if err := b.DisableAccount(t.Context(), admin, "ann", true); err != nil {
				t.Fatal(err)
			}
		},
		"deleted": func(t *testing.T, b *bench, n auth.Session) {
			if err := b.DeleteAccount(t.Context(), admin, "ann"); err != nil {
				t.Fatal(err)
			}
		},
	}
	onEach(t, func(t *testing.T, b *bench) {
		b.person(t, "ann")
		for name, end := range ends {
			if name == "deleted" {
				continue // last
			}
			t.Run(name, func(t *testing.T) { checkEnd(t, b, end) })
			_ = b.DisableAccount(t.Context(), admin, "ann", false)
			_ = b.SetPassword(t.Context(), admin, "ann", "", goodPassword)
		}
		t.Run("deleted", func(t *testing.T) { checkEnd(t, b, ends["deleted"]) })
	})
}

func checkEnd(t *testing.T, b *bench, end func(*testing.T, *bench, auth.Session)) {
	n := b.login(t, "ann")
	if _, err := b.Authenticate(signedIn("GET", n)); err != nil {
		t.Fatal(err)
	}
	end(t, b, n)
	_, err := b.Authenticate(signedIn("GET", n))
	if p := want(t, err, problem.Unauthenticated); len(p.Next) == 0 {
		t.Error("nothing to do about it")
	}
	_, err = b.replica().Authenticate(signedIn("GET", n))
	want(t, err, problem.Unauthenticated)
}

func TestCookie(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	b.person(t, "ann")
	n := b.login(t, "ann")
	w := httptest.NewRecorder()
	if err := b.Enter(w, httptest.NewRequest("POST", "http://localhost:7700/signin", nil), n); err != nil {
		t.Fatal(err)
	}
	got := w.Header().Get("Set-Cookie")
	for _, attribute := range []string{"stoa_session=" + n.Secret, "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Expires="} {
		if !strings.Contains(got, attribute) {
			t.Errorf("cookie %q lacks %q", got, attribute)
		}
	}
	if strings.Contains(got, "Domain") || strings.Contains(got, "Secure") {
		t.Errorf("cookie %q", got)
	}
	w = httptest.NewRecorder()
	tls := httptest.NewRequest("POST", "https://stoa.example/signin", nil)
	if err := b.Enter(w, tls, n); err != nil {
		t.Fatal(err)
	}
	if got := w.Header().Get("Set-Cookie"); !strings.HasPrefix(got, "__Host-stoa_session=") || !strings.Contains(got, "; Secure") {
		t.Errorf("cookie over TLS: %q", got)
	}
	// Over TLS the name that a sibling could plant is not looked at.
	tls.AddCookie(&http.Cookie{Name: "stoa_session", Value: n.Secret})
	_, err := b.Authenticate(tls)
	want(t, err, problem.Unauthenticated)
	// Without TLS a second cookie is refused rather than chosen from.
	two := signedIn("GET", n)
	two.AddCookie(&http.Cookie{Name: "stoa_session", Value: b.login(t, "ann").Secret})
	_, err = b.Authenticate(two)
	want(t, err, problem.Unauthenticated)
}

// A workload's page sends the browser's session along with a change: refused.
func TestCrossOrigin(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	b.person(t, "ann")
	n := b.login(t, "ann")
	_, token := b.token(t, admin, auth.CreateToken{Principal: "user/ann"})
	for name, tt := range map[string]struct {
		method, site, origin, bearer string
		refused                      bool
	}{
		"own page":                          {"POST", "same-origin", "http://localhost:7700", "", false},
		"typed address":                     {"POST", "none", "", "", false},
		"workload, same site":               {"POST", "same-site", "http://shop.dev.localhost:7700", "", true},
		"workload, cross site":              {"POST", "cross-site", "http://shop.dev.localhost:7700", "", true},
		"workload, older browser":           {"POST", "", "http://shop.dev.localhost:7700", "", true},
		"workload, opaque origin":           {"POST", "", "null", "", true},
		"workload deletes":                  {"DELETE", "same-site", "http://shop.dev.localhost:7700", "", true},
		"other port, older browser":         {"POST", "", "http://localhost:3000", "", true},
		"workload reads (cannot see it)":    {"GET", "same-site", "http://shop.dev.localhost:7700", "", false},
		"older browser, own page":           {"POST", "", "http://localhost:7700", "", false},
		"token, whatever the page, is fine": {"POST", "cross-site", "http://shop.dev.localhost:7700", token, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "http://localhost:7700/api/v1/services", nil)
			r.AddCookie(&http.Cookie{Name: "stoa_session", Value: n.Secret})
			for header, value := range map[string]string{"Sec-Fetch-Site": tt.site, "Origin": tt.origin} {
				if value != "" {
					r.Header.Set(header, value)
				}
			}
			if tt.bearer != "" {
				r.Header.Set("Authorization", "Bearer "+tt.bearer)
			}
			p, err := b.Authenticate(r)
			if tt.refused {
				want(t, err, problem.Forbidden)
				if logout := b.Logout(httptest.NewRecorder(), r); logout == nil {
					t.Error("the page could sign out")
				}
			} else if err != nil || p.Name != "user/ann" {
				t.Errorf("principal %q, %v", p.Name, err)
			}
		})
	}
	if _, err := b.Authenticate(signedIn("GET", n)); err != nil {
		t.Errorf("the session did not survive: %v", err)
	}
}

func TestSignInCode(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		ann := b.person(t, "ann")
		token, secret := b.token(t, ann, auth.CreateToken{TTL: time.Hour, Principal: "user/ann"})
		by, err := b.ByToken(t.Context(), secret)
		if err != nil {
			t.Fatal(err)
		}
		code := func() string {
			code, err := b.NewCode(t.Context(), by)
			if err != nil {
				t.Fatal(err)
			}
			return code
		}
		first := code()
		var opened atomic.Int32
		var n auth.Session
		var wg sync.WaitGroup
		for range 8 { // one of many gets it
			wg.Go(func() {
				if got, err := b.Redeem(t.Context(), first); err == nil {
					opened.Add(1)
					n = got
				} else if !problem.Is(err, problem.Unauthenticated) {
					t.Error(err)
				}
			})
		}
		if wg.Wait(); opened.Load() != 1 {
			t.Fatalf("a code opened %d sessions", opened.Load())
		}
		if p, err := b.Authenticate(signedIn("POST", n)); err != nil || p.Name != "user/ann" || p.Narrowed {
			t.Errorf("session of the code: %+v, %v", p, err)
		}
		if !n.Expires.Equal(token.Expires) {
			t.Errorf("the session ends %v, its token %v", n.Expires, token.Expires)
		}
		late := code()
		b.pass(10 * time.Minute)
		_, err = b.Redeem(t.Context(), late)
		want(t, err, problem.Unauthenticated)
		for _, garbage := range []string{"", "x", strings.Repeat("0", 32), "\x00"} {
			_, err = b.Redeem(t.Context(), garbage)
			want(t, err, problem.Unauthenticated)
		}
		pending := code()
		if err := b.RevokeToken(t.Context(), by, token.ID); err != nil {
			t.Fatal(err)
		}
		_, err = b.Redeem(t.Context(), pending)
		want(t, err, problem.Unauthenticated)
		_, err = b.Authenticate(signedIn("POST", n))
		want(t, err, problem.Unauthenticated)
	})
}

func TestCodeNeedsWholePerson(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	ann := b.person(t, "ann")
	for name, c := range map[string]auth.CreateToken{
		"scopes": {Principal: "user/ann", Scopes: []string{"read"}}, "teams": {Principal: "user/ann", Teams: []string{"payments"}},
		"machine": {Teams: []string{"payments"}},
	} {
		_, secret := b.token(t, ann, c)
		p, err := b.ByToken(t.Context(), secret)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.NewCode(t.Context(), p)
		want(t, err, problem.Forbidden)
		_, _, err = b.CreateToken(t.Context(), p, auth.CreateToken{Name: "wider", Principal: "user/ann"})
		want(t, err, problem.Forbidden)
		if err := b.SetPassword(t.Context(), p, "ann", goodPassword, "another good one"); !problem.Is(err, problem.Forbidden) {
			t.Errorf("%s: set the password: %v", name, err)
		}
	}
}

// Nothing that opens a door lies in the database or in an event.
func TestNoSecretIsStored(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	ann := b.person(t, "ann")
	n := b.login(t, "ann")
	_, token := b.token(t, ann, auth.CreateToken{Principal: "user/ann"})
	code, err := b.NewCode(t.Context(), ann)
	if err != nil {
		t.Fatal(err)
	}
	dump := dumpTables(t, b.store.Reader(), "accounts", "tokens", "sessions", "signin_codes")
	for _, r := range b.events(t) {
		body, _ := json.Marshal(r)
		dump = append(dump, body...)
		if strings.Contains(r.Subject, "ann") {
			t.Errorf("the subject of %s names a person", r.Type)
		}
	}
	for what, secret := range map[string]string{"password": goodPassword, "session": n.Secret, "token": token, "token's secret": token[14:], "code": code} {
		if bytes.Contains(dump, []byte(secret)) {
			t.Errorf("the %s is stored", what)
		}
	}
}

func dumpTables(t *testing.T, db *sql.DB, tables ...string) []byte {
	t.Helper()
	var dump bytes.Buffer
	for _, table := range tables {
		rows, err := db.QueryContext(context.Background(), "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		columns, _ := rows.Columns()
		n := 0
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			for _, v := range values {
				fmt.Fprintf(&dump, "%s|", *v.(*any))
			}
			n++
		}
		if err := rows.Close(); err != nil || n == 0 {
			t.Fatalf("table %s: %d rows, %v", table, n, err)
		}
	}
	return dump.Bytes()
}
