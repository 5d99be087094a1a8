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

// busyLedger always says that something was appended, and has nothing to read.
type busyLedger struct{ n atomic.Int64 }

func (*busyLedger) Appended() <-chan struct{} {
	closed := make(chan struct{})
	close(closed)
	return closed
}

func (b *busyLedger) ReadFrom(context.Context, int64, int) ([]event.Record, error) {
	b.n.Add(1)
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
