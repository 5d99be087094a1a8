package auth_test

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

func TestTokenLife(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		ann := b.person(t, "ann")
		token, secret := b.token(t, ann, auth.CreateToken{Name: "laptop", Principal: "user/ann", TTL: 24 * time.Hour})
		p, err := b.ByToken(t.Context(), secret)
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != "user/ann" || p.Token != token.ID || p.Narrowed || p.Bot || !p.Expires.Equal(token.Expires) || p.Teams["payments"] != auth.TeamOwner {
			t.Errorf("principal %+v", p)
		}
		if got, _ := b.ListTokens(t.Context(), ann, "user/ann"); len(got) != 1 || !got[0].LastUsed.Equal(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("listed %+v", got)
		}
		other := b.replica()
		if _, err := other.ByToken(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		if err := b.RevokeToken(t.Context(), ann, token.ID); err != nil {
			t.Fatal(err)
		}
		_, err = b.ByToken(t.Context(), secret) // at once where it was revoked
		if got := want(t, err, problem.Unauthenticated); !strings.Contains(got.Title, "was revoked on 2026-11-22") {
			t.Errorf("told %q", got.Title)
		}
		b.pass(5 * time.Second)
		_, err = other.ByToken(t.Context(), secret) // within 5 s elsewhere
		want(t, err, problem.Unauthenticated)
		if err := b.RevokeToken(t.Context(), ann, token.ID); err != nil {
			t.Errorf("revoking twice: %v", err)
		}
		types := []string{}
		for _, r := range b.events(t) {
			types = append(types, r.Type)
		}
		if n := len(slices.DeleteFunc(types, func(s string) bool { return s != "dev.stoa.token.revoked" })); n != 1 {
			t.Errorf("%d events of the revocation, want 1", n)
		}
	})
}

func TestUnusableTokens(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		ann := b.person(t, "ann")
		_, short := b.token(t, ann, auth.CreateToken{Principal: "user/ann", TTL: time.Minute})
		_, ofGone := b.token(t, admin, auth.CreateToken{Principal: "user/ann"})
		foreign := newBench(t, t.TempDir()+"/other.db")
		_, unknown := foreign.token(t, foreign.person(t, "ann"), auth.CreateToken{Principal: "user/ann"})
		if _, err := b.ByToken(t.Context(), short); err != nil {
			t.Fatal(err)
		}
		b.pass(time.Minute) // the cache must not outlive the token
		refused := func(header, says string) {
			t.Helper()
			r := httptest.NewRequest("GET", "/api/v1/services", nil)
			r.Header.Set("Authorization", header)
			_, err := b.Authenticate(r)
			p := want(t, err, problem.Unauthenticated)
			if !strings.Contains(p.Error(), says) || len(p.Next) == 0 || p.Next[0] != "stoa login" && p.Next[0] != "ask @platform" {
				t.Errorf("%.20q: told %q, next %q; want %q", header, p.Error(), p.Next, says)
			}
			if said, _ := json.Marshal(p); len(header) > 30 && strings.Contains(string(said), header[len(header)-30:]) {
				t.Errorf("the token is told back: %s", said)
			}
		}
		refused("Bearer "+short, "expired on 2026-11-22")
		refused("Bearer "+unknown, "knows no token")
		refused("Bearer "+unknown[:20], "cut or mistyped")
		refused("Bearer "+unknown+"0", "cut or mistyped")
		refused("Bearer", "cut or mistyped")
		refused("Bearer ghp_0123456789", "cut or mistyped")
		refused("Basic YTpi", `form "Bearer <token>"`)
		if err := b.DisableAccount(t.Context(), admin, "ann", true); err != nil {
			t.Fatal(err)
		}
		refused("Bearer "+ofGone, "was disabled on 2026-11-22")
		if err := b.DeleteAccount(t.Context(), admin, "ann"); err != nil {
			t.Fatal(err)
		}
		refused("Bearer "+ofGone, "knows no token")

		_, err := b.Authenticate(httptest.NewRequest("GET", "/", nil))
		want(t, err, problem.Unauthenticated)
	})
}

func TestNarrowedTokens(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	ann := b.person(t, "ann")
	plat := b.person(t, "plat")
	team := object.Kind{Name: "Team", Scope: object.ScopeOwners}
	for name, tt := range map[string]struct {
		by      auth.Principal
		c       auth.CreateToken
		allowed []string // of: what it may, "verb team"
	}{
		"all of a person":      {ann, auth.CreateToken{Principal: "user/ann"}, []string{"Service payments", "Service search", "Team payments"}},
		"one team":             {ann, auth.CreateToken{Principal: "user/ann", Teams: []string{"search"}}, []string{"Service search"}},
		"a team one is not in": {ann, auth.CreateToken{Principal: "user/ann", Teams: []string{"ops"}}, nil},
		"read only":            {ann, auth.CreateToken{Principal: "user/ann", Scopes: []string{"read"}}, nil},
		"deploy in one team":   {ann, auth.CreateToken{Principal: "user/ann", Scopes: []string{"deploy"}, Teams: []string{"payments"}}, []string{"Service payments"}},
		"platform, one team":   {plat, auth.CreateToken{Principal: "user/plat", Teams: []string{"ops"}}, []string{"Service ops", "Team ops"}},
		"machine of a team":    {ann, auth.CreateToken{Teams: []string{"payments"}}, []string{"Service payments"}},
		"machine of no team":   {admin, auth.CreateToken{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			token, secret := b.token(t, tt.by, tt.c)
			p, err := b.ByToken(t.Context(), secret)
			if err != nil {
				t.Fatal(err)
			}
			var allowed []string
			for _, kind := range []object.Kind{service, team} {
				for _, owner := range []string{"payments", "search", "ops", ""} {
					if auth.Allowed(p, auth.Update, kind, owner).Allowed {
						allowed = append(allowed, kind.Name+" "+owner)
					}
				}
			}
			if !slices.Equal(allowed, tt.allowed) {
				t.Errorf("may update %q, want %q", allowed, tt.allowed)
			}
			if machine := tt.c.Principal == ""; p.Bot != machine || machine && (p.Name != "token/test-"+token.ID[:4] || !p.Narrowed) {
				t.Errorf("principal %+v", p)
			}
			if !auth.Allowed(p, auth.Read, service, "ops").Allowed {
				t.Error("may not read")
			}
		})
	}
}

func TestWhoMayMakeTokens(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	ann, bob := b.person(t, "ann"), b.person(t, "bob")
	for name, tt := range map[string]struct {
		by   auth.Principal
		c    auth.CreateToken
		kind problem.Kind // "" is allowed
	}{
		"own":                        {ann, auth.CreateToken{Principal: "user/ann"}, ""},
		"of another":                 {ann, auth.CreateToken{Principal: "user/bob"}, problem.Forbidden},
		"of another, by an admin":    {admin, auth.CreateToken{Principal: "user/bob"}, ""},
		"of nobody, by an admin":     {admin, auth.CreateToken{Principal: "user/none"}, problem.NotFound},
		"machine, owner of the team": {ann, auth.CreateToken{Teams: []string{"payments"}}, ""},
		"machine, member only":       {bob, auth.CreateToken{Teams: []string{"search"}}, problem.Forbidden},
		"machine, one team foreign":  {ann, auth.CreateToken{Teams: []string{"payments", "ops"}}, problem.Forbidden},
		"machine of no team":         {ann, auth.CreateToken{}, problem.Forbidden},
		"part of Stoa":               {ann, auth.CreateToken{Principal: "stoa/delivery"}, problem.Invalid},
		"another machine":            {admin, auth.CreateToken{Principal: "token/test-0000"}, problem.Invalid},
		"unknown scope":              {ann, auth.CreateToken{Principal: "user/ann", Scopes: []string{"root"}}, problem.Invalid},
		"team with a space":          {ann, auth.CreateToken{Principal: "user/ann", Teams: []string{"a b"}}, problem.Invalid},
		"team that is not there":     {admin, auth.CreateToken{Teams: []string{"payments", "paymets"}}, problem.Invalid},
		"own, of no team there is":   {ann, auth.CreateToken{Principal: "user/ann", Teams: []string{"paymets"}}, problem.Invalid},
		"too long":                   {ann, auth.CreateToken{Principal: "user/ann", TTL: 367 * 24 * time.Hour}, problem.Invalid},
		"ended already":              {ann, auth.CreateToken{Principal: "user/ann", TTL: -1}, problem.Invalid},
		"nobody":                     {auth.Principal{}, auth.CreateToken{Principal: "user/ann"}, problem.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			tt.c.Name = "test"
			_, _, err := b.CreateToken(t.Context(), tt.by, tt.c)
			if tt.kind == "" && err != nil || tt.kind != "" && !problem.Is(err, tt.kind) {
				t.Errorf("got %v, want %q", err, tt.kind)
			}
		})
	}
	for _, name := range []string{"", "UPPER", "a b", strings.Repeat("a", 64), "x\n"} {
		_, _, err := b.CreateToken(t.Context(), ann, auth.CreateToken{Name: name, Principal: "user/ann"})
		if p := want(t, err, problem.Invalid); len(p.Fields) != 1 || p.Fields[0].Path != "name" {
			t.Errorf("name %q: %+v", name, p)
		}
	}
}

// A token made with a token ends no later: a stolen one cannot renew itself.
func TestTokenDoesNotOutliveItsMaker(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	ann := b.person(t, "ann")
	parent, secret := b.token(t, ann, auth.CreateToken{Principal: "user/ann", TTL: time.Hour})
	p, err := b.ByToken(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if child, _ := b.token(t, p, auth.CreateToken{Principal: "user/ann", TTL: 48 * time.Hour}); !child.Expires.Equal(parent.Expires) {
		t.Errorf("child ends %v, parent %v", child.Expires, parent.Expires)
	}
}

func TestWhoMaySeeAndRevokeTokens(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	ann, bob, plat := b.person(t, "ann"), b.person(t, "bob"), b.person(t, "plat")
	ci, ciSecret := b.token(t, ann, auth.CreateToken{Name: "ci", Teams: []string{"payments"}})
	own, ownSecret := b.token(t, bob, auth.CreateToken{Name: "own", Principal: "user/bob", Scopes: []string{"read"}})
	list := func(by auth.Principal, of string) []string {
		tokens, err := b.ListTokens(t.Context(), by, of)
		if err != nil {
			return []string{string(problem.From(err).Kind)}
		}
		var names []string
		for _, token := range tokens {
			names = append(names, token.Name)
			if body, _ := json.Marshal(token); strings.Contains(string(body), ciSecret[14:]) || strings.Contains(strings.ToLower(string(body)), "hash") {
				t.Errorf("listed %s", body)
			}
		}
		slices.Sort(names)
		return names
	}
	for _, tt := range []struct {
		by   auth.Principal
		of   string
		want []string
	}{
		{ann, "user/ann", []string{"ci"}}, {bob, "user/bob", []string{"own"}}, {bob, "user/ann", []string{"forbidden"}},
		{bob, "", []string{"forbidden"}}, {admin, "", []string{"ci", "own"}}, {admin, "user/bob", []string{"own"}},
		{auth.Principal{}, "", []string{"forbidden"}},
	} {
		if got := list(tt.by, tt.of); !slices.Equal(got, tt.want) {
			t.Errorf("%s lists tokens of %q: %q, want %q", tt.by.Name, tt.of, got, tt.want)
		}
	}
	narrowed, err := b.ByToken(t.Context(), ownSecret)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := b.token(t, bob, auth.CreateToken{Name: "other", Principal: "user/bob"})
	want(t, b.RevokeToken(t.Context(), bob, ci.ID), problem.Forbidden)
	want(t, b.RevokeToken(t.Context(), ann, own.ID), problem.Forbidden)
	want(t, b.RevokeToken(t.Context(), narrowed, other.ID), problem.Forbidden)
	want(t, b.RevokeToken(t.Context(), auth.Principal{}, own.ID), problem.Forbidden)
	want(t, b.RevokeToken(t.Context(), admin, "none"), problem.NotFound)
	for _, ok := range []struct {
		by auth.Principal
		id string
	}{{narrowed, own.ID}, {bob, other.ID}, {plat, ci.ID}} {
		if err := b.RevokeToken(t.Context(), ok.by, ok.id); err != nil {
			t.Errorf("%s revokes: %v", ok.by.Name, err)
		}
	}
}

func TestSweep(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		ann := b.person(t, "ann")
		b.login(t, "ann")
		if _, err := b.NewCode(t.Context(), ann); err != nil {
			t.Fatal(err)
		}
		b.token(t, ann, auth.CreateToken{Name: "short", Principal: "user/ann", TTL: time.Hour})
		b.token(t, ann, auth.CreateToken{Name: "long", Principal: "user/ann", TTL: 366 * 24 * time.Hour})
		sweep := func(want int) {
			t.Helper()
			if n, err := b.Sweep(t.Context()); err != nil || n != want {
				t.Errorf("swept %d rows, %v; want %d", n, err, want)
			}
		}
		sweep(0)
		b.pass(13 * time.Hour) // the session idle, the code expired; the token still told as expired
		sweep(2)
		b.pass(91 * 24 * time.Hour)
		sweep(1)
		if tokens, _ := b.ListTokens(t.Context(), ann, "user/ann"); len(tokens) != 1 || tokens[0].Name != "long" {
			t.Errorf("left: %+v", tokens)
		}
	})
}

func TestAccounts(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		ann := b.person(t, "ann")
		_, err := b.CreateAccount(t.Context(), admin, "ann", "")
		want(t, err, problem.Conflict)
		_, err = b.CreateAccount(t.Context(), ann, "eve", "")
		want(t, err, problem.Forbidden)
		_, err = b.CreateAccount(t.Context(), admin, "Ève!", "")
		want(t, err, problem.Invalid)
		_, err = b.Accounts(t.Context(), ann)
		want(t, err, problem.Forbidden)
		if all, err := b.Accounts(t.Context(), admin); err != nil || len(all) != 1 || all[0].Principal != "user/ann" {
			t.Errorf("accounts %+v, %v", all, err)
		}
		want(t, b.SetPassword(t.Context(), ann, "ann", "wrong old one", "another good one"), problem.Invalid)
		want(t, b.SetPassword(t.Context(), ann, "ann", goodPassword, "short"), problem.Invalid)
		want(t, b.SetPassword(t.Context(), admin, "none", "", "another good one"), problem.NotFound)
		want(t, b.DisableAccount(t.Context(), admin, "admin", true), problem.Invalid)
		want(t, b.DeleteAccount(t.Context(), admin, "admin"), problem.Invalid)
		want(t, b.DisableAccount(t.Context(), ann, "ann", true), problem.Forbidden)
		want(t, b.DeleteAccount(t.Context(), ann, "ann"), problem.Forbidden)
		if err := b.SetPassword(t.Context(), ann, "ann", goodPassword, "another good one"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Login(t.Context(), "ann", goodPassword, "192.0.2.7"); err == nil {
			t.Error("the old password still works")
		}
		if _, err := b.Login(t.Context(), "ann", "another good one", "192.0.2.7"); err != nil {
			t.Error(err)
		}
		// Guessing at the old password in somebody's session is throttled too.
		for range 5 {
			want(t, b.SetPassword(t.Context(), ann, "ann", "guess", "yet another one"), problem.Invalid)
		}
		want(t, b.SetPassword(t.Context(), ann, "ann", "guess", "yet another one"), problem.TooMany)
	})
}
