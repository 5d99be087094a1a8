package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

func TestExchange(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	b.person(t, "ann")
	token, secret, err := b.Exchange(t.Context(), "ann", goodPassword, "192.0.2.1", "laptop")
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.ByToken(t.Context(), secret)
	if err != nil || p.Name != "user/ann" || p.Narrowed || !token.Expires.Equal(b.clock().Add(30*24*time.Hour)) {
		t.Errorf("principal %+v, token %+v, %v", p, token, err)
	}
	var sessions int
	if err := b.store.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM sessions`).Scan(&sessions); err != nil || sessions != 0 {
		t.Errorf("%d sessions are left, %v", sessions, err)
	}
	_, _, err = b.Exchange(t.Context(), "ann", "wrong", "192.0.2.1", "laptop")
	want(t, err, problem.Unauthenticated)
}

// Erasing a person takes the name out of all that happened to the account.
func TestErasedPersonIsInNoEvent(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.person(t, "ann")
		b.login(t, "ann")
		if _, _, err := b.Exchange(t.Context(), "ann", goodPassword, "192.0.2.1", "laptop"); err != nil {
			t.Fatal(err)
		}
		if err := b.DeleteAccount(t.Context(), admin, "ann"); err != nil {
			t.Fatal(err)
		}
		naming := func() (n int) {
			for _, r := range b.events(t) {
				if strings.Contains(r.Subject+r.Actor+string(r.Data)+strings.Join(r.Names, " "), "user/ann") {
					n++
				}
			}
			return n
		}
		if naming() == 0 {
			t.Fatal("no event names the person: the test shows nothing")
		}
		if err := b.store.ErasePerson(t.Context(), "user/admin", "user/ann", store.Traces{}); err != nil {
			t.Fatal(err)
		}
		if n := naming(); n != 0 {
			t.Errorf("%d events still name the person", n)
		}
	})
}
