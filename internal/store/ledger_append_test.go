package store_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
)

// Those who wait are committed together: one that is refused, panics or gives up
// takes no other along, and what it wrote before is not there.
func TestWhoIsAppendedWithOthersStandsForItself(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(testing.TB) string) {
		s := open(t, address(t), store.Options{})
		refused := errors.New("no")
		writing, release := make(chan struct{}), make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() { // holds up the others until all of them wait
			_, err := s.AppendEvents(t.Context(), "user/first", told(1), func(context.Context, event.LedgerTx) error {
				close(writing)
				<-release
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-writing
		gone, leave := context.WithCancel(t.Context())
		binds := func(source string, err error) func(context.Context, event.LedgerTx) error {
			return func(ctx context.Context, tx event.LedgerTx) error {
				tx.Append(event.Event{Source: event.LedgerSource, Type: event.TypeSourceBound, Subject: source})
				_, execErr := tx.Exec(ctx, "INSERT INTO sources (source, owner, kind) VALUES ($1, 'nobody', 'user')", source)
				return cmp.Or(execErr, err)
			}
		}
		for name, c := range map[string]struct {
			ctx  context.Context
			also func(context.Context, event.LedgerTx) error
			fine func(error) bool
		}{
			"plain":   {t.Context(), nil, func(err error) bool { return err == nil }},
			"other":   {t.Context(), binds("other", nil), func(err error) bool { return err == nil }},
			"gone":    {gone, nil, func(err error) bool { return errors.Is(err, context.Canceled) }},
			"refused": {t.Context(), binds("refused", refused), func(err error) bool { return errors.Is(err, refused) }},
			"panics":  {t.Context(), func(context.Context, event.LedgerTx) error { panic("oh") }, func(err error) bool { return err != nil && strings.Contains(err.Error(), "panic: oh") }},
		} {
			all.Go(func() {
				outcomes, err := s.AppendEvents(c.ctx, "user/"+name, told(2), c.also)
				if !c.fine(err) || (err == nil) != (len(outcomes) == 2) {
					t.Errorf("%s: %v, %v", name, outcomes, err)
				}
			})
		}
		awaitAppending(t, s, 5)
		leave()
		awaitAppending(t, s, 4)
		close(release)
		all.Wait()
		var bound string
		if err := s.Writer().QueryRow("SELECT CASE WHEN count(*) = 1 THEN min(source) ELSE 'several' END FROM sources").Scan(&bound); err != nil || bound != "other" {
			t.Errorf("bound %q (%v), want only what other bound", bound, err)
		}
		records, err := s.ReadFrom(t.Context(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		actors := map[string]int{}
		for _, r := range records {
			actors[r.Actor]++
		}
		for name, want := range map[string]int{"first": 1, "plain": 2, "other": 3, "gone": 0, "refused": 0, "panics": 0} {
			who, err := s.Pseudonym(t.Context(), "user/"+name)
			if err != nil || actors[who] != want {
				t.Errorf("%d events by %s (%v), want %d", actors[who], name, err, want)
			}
		}
	})
}

func told(n int) []event.Event {
	return slices.Repeat([]event.Event{{Source: "https://ci.example.org", Type: "com.example.built"}}, n)
}

func awaitAppending(t *testing.T, s *store.Store, n int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); s.AppendingForTest() != n; {
		if time.Now().After(deadline) {
			t.Fatalf("%d wait to append, want %d", s.AppendingForTest(), n)
		}
		time.Sleep(time.Millisecond)
	}
}

// Who serves those that wait and then hangs up takes none of them along.
func TestWhoServesMayHangUp(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(testing.TB) string) {
		s := open(t, address(t), store.Options{})
		writing, release := make(chan struct{}), make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			_ = s.Write(t.Context(), "user/other", func(context.Context, *store.Tx) error {
				close(writing)
				<-release
				return nil
			})
		})
		<-writing
		ctx, hangUp := context.WithCancel(t.Context())
		all.Go(func() {
			outcomes, err := s.AppendEvents(ctx, "user/server", told(1), func(context.Context, event.LedgerTx) error {
				hangUp() // in the midst of the transaction
				return nil
			})
			if err != nil || len(outcomes) != 1 {
				t.Errorf("who hung up while it was written: %v, %v", outcomes, err)
			}
		})
		await := func(n int) {
			if s.Dialect() == "sqlite" { // one writes at a time: they wait behind the transaction above
				awaitAppending(t, s, n)
			}
		}
		await(1)
		all.Go(func() {
			if outcomes, err := s.AppendEvents(t.Context(), "user/waiter", told(2), nil); err != nil || len(outcomes) != 2 {
				t.Errorf("who waited: %v, %v", outcomes, err)
			}
		})
		await(2)
		close(release)
		all.Wait()
	})
}
