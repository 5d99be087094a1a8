package event_test

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
)

// A refusal by role is counted like a use, and is none.
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
		for range 2 {
			u.Record(event.Use{Actor: "user/ann", Team: "payments", Capability: "deploy", Surface: "portal", Refused: "update Service"})
		}
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
		refused, err := s.Events(t.Context(), event.Filter{Types: []string{event.TypeAccessRefused}, Capability: "deploy", Team: "payments"})
		if err != nil || len(refused) != 1 {
			t.Fatal(refused, err)
		}
		if x := refused[0].Extensions; x[event.ExtCount] != "2" || x[event.ExtRefused] != "update Service" || x[event.ExtSurface] != "portal" || len(refused[0].Data) > 0 {
			t.Errorf("refused: %+v", refused[0])
		}
		if n := count(t, s, "SELECT count(*) FROM events"); n != 4 {
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

// blocked holds every append until it is let go.
type blocked struct {
	memory
	came chan struct{} // one for each append that begins
	free chan struct{}
}

func (b *blocked) AppendEvents(ctx context.Context, by string, events []event.Event, also func(context.Context, event.LedgerTx) error) ([]event.Outcome, error) {
	b.came <- struct{}{}
	<-b.free
	return b.memory.AppendEvents(ctx, by, events, also)
}

// Whoever uses the platform never waits for its database: while an append hangs
// uses are counted as before, within their bound, and come with the next one.
func TestABlockedLedgerSlowsNobody(t *testing.T) {
	const keys, people, times = 10, 25, 100
	b := &blocked{came: make(chan struct{}), free: make(chan struct{})}
	c := newClock()
	u := event.NewUsage(b, event.UsageOptions{Clock: c.Now, Keys: keys})
	u.Record(event.Use{Actor: "user/first", Capability: "deploy"})
	flushed := make(chan error, 2)
	flush := func() { flushed <- u.Flush(context.WithoutCancel(t.Context())) }
	go flush()
	<-b.came

	go flush() // the next minute's waits its turn
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		for i := range people * times {
			u.Record(event.Use{Actor: "user/u" + strconv.Itoa(i%people), Capability: "deploy"})
		}
	}()
	select {
	case <-counted:
	case <-time.After(30 * time.Second):
		t.Fatal("a use waits for an append that hangs")
	}
	if b.len() != 0 {
		t.Fatal("the append did not hang")
	}

	close(b.free)
	<-b.came
	for range 2 {
		if err := <-flushed; err != nil {
			t.Fatal(err)
		}
	}
	counts := map[string]int{}
	for _, e := range b.events {
		n, err := strconv.Atoi(e.Extensions[event.ExtCount])
		if err != nil {
			t.Fatal(err)
		}
		counts[e.Type] += n
	}
	if counts[event.TypeUsage] != 1+keys*times || counts[event.TypeUsageLost] != (people-keys)*times {
		t.Errorf("counted %v of %d uses by %d people, %d of them kept", counts, people*times, people, keys)
	}
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
