package lane

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// One at a time is in a lane, all get in, and nothing is kept of those that left.
func TestLanes(t *testing.T) {
	var lanes Lanes
	var in, most, entered atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			leave, err := lanes.Enter(t.Context(), "one")
			if err != nil {
				t.Error(err)
				return
			}
			defer leave()
			entered.Add(1)
			most.Store(max(most.Load(), in.Add(1)))
			time.Sleep(100 * time.Microsecond)
			in.Add(-1)
		})
	}
	all.Wait()
	if entered.Load() != 50 || most.Load() != 1 || len(lanes.held) != 0 {
		t.Errorf("%d entered, up to %d at once, %d lanes are left", entered.Load(), most.Load(), len(lanes.held))
	}
}

// Who waits in vain gives up with its context, and other lanes are free.
func TestLaneThatIsTaken(t *testing.T) {
	var lanes Lanes
	leave, err := lanes.Enter(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lanes.Enter(ctx, "one"); !errors.Is(err, context.Canceled) {
		t.Errorf("entered a lane that is taken: %v", err)
	}
	other, err := lanes.Enter(t.Context(), "two")
	if err != nil {
		t.Fatal(err)
	}
	other()
	leave()
	if len(lanes.held) != 0 {
		t.Errorf("%d lanes are left", len(lanes.held))
	}
}

// A place is free once it was left, or after its time.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit, began := make(Limit, 2), time.Now()
		for _, want := range []time.Duration{0, 0, time.Second, time.Second, time.Second} {
			leave, err := limit.Enter(t.Context(), time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if after := time.Since(began); after != want {
				t.Errorf("entered after %v, want %v", after, want)
			}
			if want == time.Second {
				leave()
				leave()
			}
		}
	})
}
