package event_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
)

// While events come all the time, projectors look for them at intervals.
func TestProjectorsRestBetweenLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := &busyLedger{}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		event.NewRunner(looks, []event.Projector{idle{}}, event.RunnerOptions{Rest: 100 * time.Millisecond}).Run(ctx)
		if n := looks.n.Load(); n < 9 || n > 11 {
			t.Errorf("%d looks in a second, want about 10", n)
		}
	})
}

// Who works for long leaves the database to others for as long, but not for ever.
func TestProjectorsRestAsLongAsTheyWork(t *testing.T) {
	for worked, want := range map[time.Duration]int64{300 * time.Millisecond: 16, 4 * time.Second: 2} {
		synctest.Test(t, func(t *testing.T) {
			looks := &busyLedger{takes: worked}
			ctx, stop := context.WithTimeout(t.Context(), 9100*time.Millisecond)
			defer stop()
			event.NewRunner(looks, []event.Projector{idle{}}, event.RunnerOptions{Rest: 100 * time.Millisecond, Every: time.Second}).Run(ctx)
			if n := looks.n.Load(); n != want {
				t.Errorf("%d looks of %s in 9.1 s, want %d", n, worked, want)
			}
		})
	}
}

// busyLedger always says that something was appended, and has nothing to read.
type busyLedger struct {
	n     atomic.Int64
	takes time.Duration // to read
}

func (*busyLedger) Appended() <-chan struct{} {
	closed := make(chan struct{})
	close(closed)
	return closed
}

func (b *busyLedger) ReadFrom(context.Context, int64, int) ([]event.Record, error) {
	b.n.Add(1)
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
