package auth_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// bench is a Service on a real database with a clock that tests move.
type bench struct {
	*auth.Service
	store   *store.Store
	members *members
	log     *bytes.Buffer

	mu  sync.Mutex
	now time.Time
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// replica is a second process on the same database.
func (b *bench) replica() *auth.Service {
	s := auth.New(b.store, b.members, b.clock, discard())
	s.CheapHashes()
	return s
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

var service = object.Kind{Name: "Service", Scope: object.ScopeTeam}

// members stands for what the Team and User objects say.
type members struct {
	mu       sync.Mutex
	platform map[string]auth.Role
	teams    map[string]map[string]auth.Role
}

func (m *members) Memberships(_ context.Context, principal string) (auth.Role, map[string]auth.Role, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	role := m.platform[principal]
	if role == "" {
		role = auth.Viewer
	}
	return role, m.teams[principal], nil
}

func (m *members) Missing(_ context.Context, _ object.Reader, teams []string) ([]string, error) {
	var missing []string
	for _, team := range teams {
		if !slices.Contains([]string{"payments", "search", "ops"}, team) {
			missing = append(missing, team)
		}
	}
	return missing, nil
}

func (m *members) Admins(context.Context, object.Reader) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var admins []string
	for name, role := range m.platform {
		if role == auth.PlatformAdmin {
			admins = append(admins, name)
		}
	}
	return admins, nil
}

// onEach runs the test on SQLite and on PostgreSQL.
func onEach(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		test(t, newBench(t, filepath.Join(t.TempDir(), "stoa.db")))
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, newBench(t, testenv.Postgres(t)))
	})
}

func newBench(t testing.TB, url string) *bench {
	t.Helper()
	b := &bench{
		now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
		log: &bytes.Buffer{},
		members: &members{
			platform: map[string]auth.Role{auth.Admin: auth.PlatformAdmin, "user/plat": auth.PlatformMember},
			teams: map[string]map[string]auth.Role{
				"user/ann": {"payments": auth.TeamOwner, "search": auth.TeamMember},
				"user/bob": {"search": auth.TeamMember},
			},
		},
	}
	var err error
	if b.store, err = store.Open(t.Context(), url, store.Options{Clock: b.clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.store.Close(); err != nil {
			t.Error(err)
		}
	})
	b.Service = auth.New(b.store, b.members, b.clock, slog.New(slog.NewTextHandler(b.log, nil)))
	b.CheapHashes()
	return b
}

var admin = auth.Principal{Name: auth.Admin, Platform: auth.PlatformAdmin}

const goodPassword = "correct horse battery"

// person makes an account with a password and returns it as a principal.
func (b *bench) person(t testing.TB, name string) auth.Principal {
	t.Helper()
	if _, err := b.CreateAccount(t.Context(), admin, name, ""); err != nil {
		t.Fatal(err)
	}
	if err := b.SetPassword(t.Context(), admin, name, "", goodPassword); err != nil {
		t.Fatal(err)
	}
	role, teams, _ := b.members.Memberships(t.Context(), "user/"+name)
	return auth.Principal{Name: "user/" + name, Platform: role, Teams: teams}
}

// token makes a token of by.
func (b *bench) token(t testing.TB, by auth.Principal, c auth.CreateToken) (auth.Token, string) {
	t.Helper()
	if c.Name == "" {
		c.Name = "test"
	}
	token, secret, err := b.CreateToken(t.Context(), by, c)
	if err != nil {
		t.Fatal(err)
	}
	return token, secret
}

// login signs in with the good password.
func (b *bench) login(t testing.TB, name string) auth.Session {
	t.Helper()
	n, err := b.Login(t.Context(), name, goodPassword, "192.0.2.1:4000")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func want(t testing.TB, err error, kind problem.Kind) *problem.Problem {
	t.Helper()
	if !problem.Is(err, kind) {
		t.Fatalf("got %v, want a problem of kind %s", err, kind)
	}
	return problem.From(err)
}

// events returns the types of all events so far.
func (b *bench) events(t testing.TB) []event.Record {
	t.Helper()
	records, err := b.store.Events(t.Context(), event.Filter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return records
}
