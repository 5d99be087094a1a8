package event_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// onBoth runs a test on an empty store of each database.
func onBoth(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	onBothURLs(t, func(t *testing.T, url string) { test(t, open(t, url, nil)) })
}

// onBothURLs runs a test with the URL of an empty database of each kind.
func onBothURLs(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "stoa.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, testenv.Postgres(t)) })
}

func open(t testing.TB, url string, c *clock) *store.Store {
	t.Helper()
	var o store.Options
	if c != nil {
		o.Clock = c.Now
	}
	s, err := store.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func sealer(t testing.TB, s *store.Store) *event.Sealer {
	t.Helper()
	return event.NewSealer(s, key(t, s), event.SealerOptions{})
}

func key(t testing.TB, s *store.Store) event.Key {
	t.Helper()
	k, err := s.LedgerKey(t.Context(), "stoa.example")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// add appends events as the principal and gives their outcomes.
func add(t testing.TB, s *store.Store, by string, events ...event.Event) []event.Outcome {
	t.Helper()
	outcomes, err := s.AppendEvents(t.Context(), by, events, nil)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

// some makes n events with ids and payloads of their own.
func some(n int, prefix string) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		events[i] = event.Event{
			ID: fmt.Sprintf("%s-%d", prefix, i), Source: "https://ci.example.org/" + prefix, Type: "dev.cdevents.service.deployed.0.3.0",
			Subject: "service/shop", Time: time.Date(2026, 11, 1, 0, i, 0, 0, time.UTC), Actor: "user/ann", Team: "payments", Service: "shop",
			Capability: "deploy", Environment: "dev", Data: []byte(fmt.Sprintf(`{"n":%d}`, i)),
		}
	}
	return events
}

func seal(t testing.TB, sealer *event.Sealer) event.Checkpoint {
	t.Helper()
	c, err := sealer.Seal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func count(t testing.TB, s *store.Store, query string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := s.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func exec(t testing.TB, s *store.Store, query string, args ...any) {
	t.Helper()
	err := s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
