package event_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
)

// While events come all the time, projectors look for them at intervals, and soon
// when they pause.
func TestProjectorsRestBetweenLooks(t *testing.T) {
	for name, c := range map[string]struct {
		posts time.Duration // how long something is appended all the time
		want  []time.Duration
	}{
		"all the time": {3 * time.Second, []time.Duration{0, time.Second, 2 * time.Second}},
		"a burst":      {350 * time.Millisecond, []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 2500 * time.Millisecond}},
		"nothing":      {0, []time.Duration{0, time.Second, 2 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ledger := &busyLedger{posts: time.Now().Add(c.posts)}
				ctx, stop := context.WithTimeout(t.Context(), 2900*time.Millisecond)
				defer stop()
				began := time.Now()
				event.NewRunner(ledger, []event.Projector{idle{}}, event.RunnerOptions{Rest: 100 * time.Millisecond, Every: time.Second}).Run(ctx)
				var looks []time.Duration
				for _, at := range ledger.looks {
					looks = append(looks, at.Sub(began))
				}
				if !slices.Equal(looks, c.want) {
					t.Errorf("looks after %v, want %v", looks, c.want)
				}
			})
		})
	}
}

// Who works for long leaves the database to others for as long, but not for ever.
func TestProjectorsRestAsLongAsTheyWork(t *testing.T) {
	for worked, want := range map[time.Duration]int{300 * time.Millisecond: 10, 4 * time.Second: 2} {
		synctest.Test(t, func(t *testing.T) {
			ledger := &busyLedger{takes: worked, posts: time.Now().Add(time.Hour)}
			ctx, stop := context.WithTimeout(t.Context(), 9100*time.Millisecond)
			defer stop()
			event.NewRunner(ledger, []event.Projector{idle{}}, event.RunnerOptions{Rest: 100 * time.Millisecond, Every: time.Second}).Run(ctx)
			if n := len(ledger.looks); n != want {
				t.Errorf("%d looks of %s in 9.1 s, want %d", n, worked, want)
			}
		})
	}
}

// busyLedger says until a time that something was appended, and has nothing to read.
type busyLedger struct {
	posts time.Time
	takes time.Duration // to read
	looks []time.Time
}

func (b *busyLedger) Appended() <-chan struct{} {
	appended := make(chan struct{})
	if time.Now().Before(b.posts) {
		close(appended)
	}
	return appended
}

func (b *busyLedger) ReadFrom(context.Context, int64, int) ([]event.Record, error) {
	b.looks = append(b.looks, time.Now())
	time.Sleep(b.takes)
	return nil, nil
}

func (*busyLedger) Project(ctx context.Context, name string, do func(context.Context, event.SQL, *event.Projection) error) error {
	return do(ctx, nil, &event.Projection{Name: name, Version: 1})
}

func (*busyLedger) Projections(context.Context) ([]event.Projection, error) { return nil, nil }

// idle is a projector that nothing concerns.
type idle struct{}

func (idle) Name() string                                           { return "idle" }
func (idle) Version() int                                           { return 1 }
func (idle) Reset(context.Context, event.SQL) error                 { return nil }
func (idle) Apply(context.Context, event.SQL, []event.Record) error { return nil }
