package event_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
)

func TestUsageIsOneEventAMinuteForEachUse(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		c := newClock()
		s := open(t, url, c)
		u := event.NewUsage(s, event.UsageOptions{Clock: c.Now})
		logs := event.Use{Actor: "user/ann", Team: "payments", Capability: "logs", Surface: "cli", Service: "shop"}
		for range 5 {
			u.Record(logs)
		}
		u.Record(event.Use{Actor: "token/ci", Capability: "deploy", Surface: "api", Bot: true})
		c.Move(time.Minute)
		u.Record(logs)
		for range 2 { // the second one has nothing to say
			if err := u.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		records, err := s.Events(t.Context(), event.Filter{Types: []string{event.TypeUsage}, Capability: "logs"})
		if err != nil || len(records) != 2 {
			t.Fatal(records, err)
		}
		r := records[0]
		if r.Extensions[event.ExtCount] != "5" || r.Extensions[event.ExtSurface] != "cli" || r.Team != "payments" || r.Service != "shop" ||
			!r.Time.Equal(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)) || r.Poster != "stoa/usage" || r.Actor == "user/ann" {
			t.Errorf("record: %+v", r)
		}
		if n := count(t, s, "SELECT count(*) FROM events"); n != 3 {
			t.Errorf("%d events", n)
		}
	})
}

// flaky loses the connection: the append is done, and its caller does not hear of it.
type flaky struct {
	*store.Store
	fails bool
}

func (f *flaky) AppendEvents(ctx context.Context, by string, events []event.Event, also func(context.Context, event.LedgerTx) error) ([]event.Outcome, error) {
	outcomes, err := f.Store.AppendEvents(ctx, by, events, also)
	if f.fails {
		return nil, errors.New("connection lost")
	}
	return outcomes, err
}

func TestUsageIsBoundedAndNeverCountsTwice(t *testing.T) {
	c := newClock()
	s := open(t, filepath.Join(t.TempDir(), "stoa.db"), c)
	f := &flaky{Store: s, fails: true}
	u := event.NewUsage(f, event.UsageOptions{Clock: c.Now, Keys: 10})
	for i := range 25 {
		u.Record(event.Use{Actor: "user/u" + string(rune('a'+i)), Capability: "catalog"})
	}
	if err := u.Flush(t.Context()); err == nil {
		t.Fatal("the failure was swallowed")
	}
	u.Record(event.Use{Actor: "user/ann", Capability: "catalog"})
	f.fails = false
	for range 2 {
		if err := u.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, s, "SELECT count(*) FROM events"); n != 12 { // ten uses, one that tells of fifteen lost, ann's
		t.Errorf("%d events", n)
	}
	lost, err := s.Events(t.Context(), event.Filter{Types: []string{event.TypeUsageLost}})
	if err != nil || len(lost) != 1 || lost[0].Extensions[event.ExtCount] != "15" || lost[0].Extensions[event.ExtReason] != "overflow" {
		t.Errorf("lost: %+v, %v", lost, err)
	}
}

func TestCrashedGathererIsRecordedOnce(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		c := newClock()
		s := open(t, url, c)
		flush := func(u *event.Usage) {
			t.Helper()
			if err := u.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		crashed := event.NewUsage(s, event.UsageOptions{Clock: c.Now})
		flush(crashed)
		last := c.Now()
		a, b := event.NewUsage(s, event.UsageOptions{Clock: c.Now}), event.NewUsage(s, event.UsageOptions{Clock: c.Now})
		for range 8 {
			c.Move(time.Minute)
			flush(a)
			flush(b)
		}
		lost, err := s.Events(t.Context(), event.Filter{Types: []string{event.TypeUsageLost}})
		if err != nil || len(lost) != 1 || lost[0].Extensions[event.ExtReason] != "crash" || lost[0].Extensions[event.ExtSince] != last.Format(time.RFC3339) {
			t.Errorf("lost: %+v, %v", lost, err)
		}
	})
}

// memory keeps what is appended.
type memory struct {
	mu     sync.Mutex
	events []event.Event
}

func (m *memory) AppendEvents(_ context.Context, _ string, events []event.Event, _ func(context.Context, event.LedgerTx) error) ([]event.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, events...)
	return nil, nil
}

func (m *memory) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.events)
}

func TestUsageFlushesEveryMinuteAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		u := event.NewUsage(m, event.UsageOptions{})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { u.Run(ctx); close(done) }()
		synctest.Wait()
		u.Record(event.Use{Capability: "logs"})
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if m.len() != 0 {
			t.Error("flushed early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if m.len() != 1 {
			t.Errorf("%d events after a minute", m.len())
		}
		u.Record(event.Use{Capability: "logs"})
		stop()
		<-done
		if m.len() != 2 {
			t.Errorf("%d events after the end", m.len())
		}
	})
}
