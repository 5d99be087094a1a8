package auth_test

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/problem"
)

// slowMembers lets a test act while a look-up is under way.
type slowMembers struct {
	*members
	during func()
}

func (m *slowMembers) Memberships(ctx context.Context, principal string) (auth.Role, map[string]auth.Role, error) {
	role, teams, err := m.members.Memberships(ctx, principal)
	if m.during != nil {
		m.during()
	}
	return role, teams, err
}

// A look-up that read the token before it was revoked must not put it back
// into the cache afterwards.
func TestRevokedDuringLookup(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	ann := b.person(t, "ann")
	token, secret := b.token(t, ann, auth.CreateToken{Principal: "user/ann"})
	slow := &slowMembers{members: b.members}
	s := auth.New(b.store, slow, b.clock, discard())
	slow.during = func() {
		if err := s.RevokeToken(t.Context(), ann, token.ID); err != nil {
			t.Error(err)
		}
	}
	_, _ = s.ByToken(t.Context(), secret) // either answer is right: it was under way
	slow.during = nil
	_, err := s.ByToken(t.Context(), secret)
	want(t, err, problem.Unauthenticated)
}

func TestAuthenticateConcurrently(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	ann := b.person(t, "ann")
	token, secret := b.token(t, ann, auth.CreateToken{Principal: "user/ann"})
	n := b.login(t, "ann")
	revoked := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				var gone bool
				select {
				case <-revoked:
					gone = true
				default:
				}
				_, err := b.ByToken(t.Context(), secret)
				if gone && err == nil {
					t.Error("authenticated after the revocation returned")
				}
				if _, err := b.Authenticate(signedIn("POST", n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if err := b.RevokeToken(t.Context(), ann, token.ID); err != nil {
		t.Error(err)
	}
	close(revoked)
	wg.Wait()
}

func BenchmarkAuthenticate(bb *testing.B) {
	b := newBench(bb, bb.TempDir()+"/stoa.db")
	ann := b.person(bb, "ann")
	_, secret := b.token(bb, ann, auth.CreateToken{Principal: "user/ann"})
	bearer := httptest.NewRequest("POST", "/api/v1/services", nil)
	bearer.Header.Set("Authorization", "Bearer "+secret)
	session := signedIn("POST", b.login(bb, "ann"))
	bb.Run("token", func(bb *testing.B) {
		bb.ReportAllocs()
		for bb.Loop() {
			if _, err := b.Authenticate(bearer); err != nil {
				bb.Fatal(err)
			}
		}
	})
	bb.Run("session", func(bb *testing.B) {
		bb.ReportAllocs()
		for bb.Loop() {
			if _, err := b.Authenticate(session); err != nil {
				bb.Fatal(err)
			}
		}
	})
	bb.Run("token not cached", func(bb *testing.B) {
		s := b.replica()
		for bb.Loop() {
			b.pass(6e9)
			if _, err := s.Authenticate(bearer); err != nil {
				bb.Fatal(err)
			}
		}
	})
}

func BenchmarkAllowed(b *testing.B) {
	p := auth.Principal{Name: "user/ann", Platform: auth.Viewer, Teams: map[string]auth.Role{"payments": auth.TeamOwner}}
	b.ReportAllocs()
	for b.Loop() {
		if !auth.Allowed(p, auth.Update, service, "payments").Allowed {
			b.Fatal("refused")
		}
	}
}
