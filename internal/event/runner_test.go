package event_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// journal is a projector that writes down the sequences it was given.
type journal struct {
	name    string
	version int
	fails   func(seq int64) error // may panic
}

func (j *journal) Name() string { return j.name }
func (j *journal) Version() int { return j.version }

func (j *journal) Reset(ctx context.Context, tx event.SQL) error {
	_, err := tx.Exec(ctx, "DELETE FROM journal WHERE name = $1", j.name)
	return err
}

func (j *journal) Apply(ctx context.Context, tx event.SQL, records []event.Record) error {
	for _, r := range records {
		if j.fails != nil {
			if err := j.fails(r.Seq); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "INSERT INTO journal (name, at, seq) VALUES ($1, (SELECT count(*) FROM journal WHERE name = $1), $2)", j.name, r.Seq); err != nil {
			return err
		}
	}
	return nil
}

func withJournal(t *testing.T, s *store.Store) {
	exec(t, s, "CREATE TABLE journal (name TEXT NOT NULL, at BIGINT NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (name, seq))")
}

// complete reports whether a journal holds 1 to n, each once and in order.
func complete(t *testing.T, s *store.Store, name string, n int64) bool {
	t.Helper()
	return count(t, s, "SELECT count(*) FROM journal WHERE name = $1 AND at = seq - 1", name) == n && count(t, s, "SELECT count(*) FROM journal WHERE name = $1", name) == n
}

func TestProjectorsApplyEachEventOnceInOrder(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		s := open(t, url, nil)
		withJournal(t, s)
		replica := open(t, url, nil)
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, each := range []*store.Store{s, replica} {
			r := event.NewRunner(each, []event.Projector{&journal{name: "a", version: 1}, &journal{name: "b", version: 1}},
				event.RunnerOptions{Batch: 7, Every: 5 * time.Millisecond})
			all.Go(func() { r.Run(ctx) })
		}
		for i := range 20 {
			add(t, s, "user/ann", some(10, string(rune('a'+i)))...)
		}
		await(t, func() bool { return complete(t, s, "a", 200) && complete(t, s, "b", 200) })
		stop()
		all.Wait()
	})
}

func TestPoisonStopsOneProjectorOnly(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("cannot digest this") },
		"panic": func() error { panic("cannot digest this") },
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *store.Store) {
				withJournal(t, s)
				add(t, s, "user/ann", some(50, "a")...)
				sick := &journal{name: "sick", version: 1, fails: func(seq int64) error {
					if seq == 33 {
						return fail()
					}
					return nil
				}}
				r := event.NewRunner(s, []event.Projector{sick, &journal{name: "well", version: 1}}, event.RunnerOptions{Batch: 20})
				if err := r.CatchUp(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot digest this") {
					t.Errorf("catch up: %v", err)
				}
				if !complete(t, s, "well", 50) || !complete(t, s, "sick", 32) {
					t.Error("a projection is not where it should be")
				}
				if c := seal(t, sealer(t, s)); c.Size != 50 {
					t.Errorf("sealed %d", c.Size)
				}
				states, err := s.Projections(t.Context())
				if err != nil || len(states) != 2 {
					t.Fatal(states, err)
				}
				p := states[0]
				if p.Name != "sick" || p.Watermark != 32 || p.ErrorSeq != 33 || !strings.Contains(p.Error, "cannot digest this") || p.Head != 50 || p.FailedAt.IsZero() {
					t.Errorf("state: %+v", p)
				}
				if states[1].ErrorSeq != 0 || states[1].Watermark != 50 {
					t.Errorf("state: %+v", states[1])
				}
				sick.fails = nil // a better version of the code
				if err := r.CatchUp(t.Context()); err != nil || !complete(t, s, "sick", 50) {
					t.Errorf("after the repair: %v", err)
				}
				if states, _ = s.Projections(t.Context()); states[0].ErrorSeq != 0 || states[0].Error != "" {
					t.Errorf("state after the repair: %+v", states[0])
				}
			})
		})
	}
}

func TestNewVersionRebuildsAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		withJournal(t, s)
		add(t, s, "user/ann", some(30, "a")...)
		run := func(version int) {
			t.Helper()
			other := &journal{name: "other", version: 1}
			r := event.NewRunner(s, []event.Projector{&journal{name: "j", version: version}, other}, event.RunnerOptions{Batch: 8})
			if err := r.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		run(1)
		exec(t, s, "DELETE FROM journal WHERE seq > 10") // what only a rebuild brings back
		run(1)
		if complete(t, s, "j", 30) {
			t.Fatal("rebuilt without cause")
		}
		run(2)
		if !complete(t, s, "j", 30) || complete(t, s, "other", 30) {
			t.Error("not rebuilt, or not alone")
		}
		add(t, s, "user/ann", some(5, "b")...)
		run(1) // an older replica leaves it alone
		states, err := s.Projections(t.Context())
		if err != nil || !slices.ContainsFunc(states, func(p event.Projection) bool { return p.Name == "j" && p.Version == 2 && p.Watermark == 30 }) {
			t.Errorf("states: %+v, %v", states, err)
		}
	})
}

// reads counts how often each page of a ledger is read.
type reads struct {
	*store.Store
	mu    sync.Mutex
	pages map[int64]int
}

func (r *reads) ReadFrom(ctx context.Context, after int64, limit int) ([]event.Record, error) {
	records, err := r.Store.ReadFrom(ctx, after, limit)
	if len(records) > 0 {
		r.mu.Lock()
		r.pages[after]++
		r.mu.Unlock()
	}
	return records, err
}

// Projectors that begin together read together, however much longer one of them
// takes.
func TestProjectorsReadTogether(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "stoa.db"), nil)
	withJournal(t, s)
	add(t, s, "user/ann", some(200, "a")...)
	counted := &reads{Store: s, pages: map[int64]int{}}
	all := []event.Projector{&journal{name: "a", version: 1}, &journal{name: "b", version: 1}, &journal{name: "c", version: 1}}
	turn := make(chan struct{})
	slow := &journal{name: "slow", version: 1, fails: func(seq int64) error {
		if seq%10 == 0 {
			<-turn // one page after the other, when it is told to
		}
		return nil
	}}
	done := make(chan error)
	run := func(projectors ...event.Projector) {
		r := event.NewRunner(counted, projectors, event.RunnerOptions{Batch: 10})
		go func() { done <- r.CatchUp(t.Context()) }()
	}
	run(append(all, slow)...)
	for range 20 {
		turn <- struct{}{}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for after, n := range counted.pages {
		if n != 1 {
			t.Errorf("the page after %d was read %d times", after, n)
		}
	}
	if len(counted.pages) != 20 || !complete(t, s, "slow", 200) || !complete(t, s, "a", 200) {
		t.Errorf("%d pages were read", len(counted.pages))
	}
}

// A rebuild that ends half-way goes on where the last whole batch ended, in
// another process, and comes to the same.
func TestRebuildGoesOn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		withJournal(t, s)
		add(t, s, "user/ann", some(100, "a")...)
		run := func(ctx context.Context, j *journal) error {
			return event.NewRunner(s, []event.Projector{j}, event.RunnerOptions{Batch: 7}).CatchUp(ctx)
		}
		if err := run(t.Context(), &journal{name: "j", version: 1}); err != nil {
			t.Fatal(err)
		}
		for _, end := range []int64{3, 40, 41, 99} { // in the middle of a batch, and after a batch of the one before
			ctx, kill := context.WithCancel(t.Context())
			err := run(ctx, &journal{name: "j", version: 2, fails: func(seq int64) error {
				if seq == end {
					kill()
					return ctx.Err()
				}
				return nil
			}})
			if err == nil || complete(t, s, "j", 100) {
				t.Fatalf("ended at %d: %v", end, err)
			}
			if n := count(t, s, "SELECT count(*) FROM journal WHERE name = 'j'"); n != (end-1)/7*7 {
				t.Errorf("ended at %d: %d rows are there", end, n)
			}
		}
		if err := run(t.Context(), &journal{name: "j", version: 2}); err != nil || !complete(t, s, "j", 100) {
			t.Errorf("in the end: %v", err)
		}
	})
}

func TestShortfall(t *testing.T) {
	for _, c := range []struct {
		of   event.Projection
		want string
	}{
		{event.Projection{Name: "usage", Watermark: 90_000, Head: 100_000}, ""},
		{event.Projection{Name: "usage", Watermark: 40_000, Head: 100_000}, "the summary usage has taken in 40000 of 100000 events so far"},
	} {
		if got := c.of.Shortfall(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.of, got, c.want)
		}
	}
}

// A database that cannot be written is no fault of an event.
func TestUnavailableIsNoPoison(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		withJournal(t, s)
		add(t, s, "user/ann", some(50, "a")...)
		full := &journal{name: "full", version: 1, fails: func(seq int64) error {
			if seq == 33 {
				return problem.New(problem.Unavailable, "the database's disk is full")
			}
			return nil
		}}
		r := event.NewRunner(s, []event.Projector{full}, event.RunnerOptions{Batch: 20})
		if err := r.CatchUp(t.Context()); !problem.Is(err, problem.Unavailable) {
			t.Errorf("catch up: %v", err)
		}
		if states, err := s.Projections(t.Context()); err != nil || states[0].ErrorSeq != 0 || states[0].Watermark != 20 {
			t.Errorf("state: %+v, %v", states, err)
		}
		full.fails = nil
		if err := r.CatchUp(t.Context()); err != nil || !complete(t, s, "full", 50) {
			t.Errorf("once there is room: %v", err)
		}
	})
}
