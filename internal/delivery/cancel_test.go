package delivery

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// A release that has ended stays as it did, and its end is told once: who comes too
// late, as another worker may, writes nothing.
func TestAnEndStays(t *testing.T) {
	s := opened(t)
	for _, phase := range []Phase{Succeeded, Failed, Cancelled} {
		rel := object.New[ReleaseSpec, ReleaseStatus]("shop-"+string(phase), "fruit", ReleaseSpec{Service: "shop", Environment: "dev", Number: 1})
		rel.Status.Phase = phase
		raw, err := rel.Object()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error { _, err := tx.Put(ctx, raw); return err }); err != nil {
			t.Fatal(err)
		}
		before, err := s.Get(t.Context(), "Release", rel.Metadata.Name)
		if err != nil {
			t.Fatal(err)
		}
		d := New(Options{Store: s, Clock: time.Now})
		r := &run{d: d, rel: rel}
		if err := r.finish(t.Context(), StepRoute, time.Now(), "it serves", nil); !errors.Is(err, errEnded) {
			t.Errorf("one that %s has come to a good end: %v", phase, err)
		}
		if _, err := d.conclude(t.Context(), r, StepRollout, Cancelled, problem.New(problem.Conflict, "too late")); !errors.Is(err, errEnded) {
			t.Errorf("one that %s was cancelled: %v", phase, err)
		}
		if after, err := s.Get(t.Context(), "Release", rel.Metadata.Name); err != nil || after.Version != before.Version {
			t.Errorf("it is version %d after %d (%v)", after.Version, before.Version, err)
		}
	}
	if told, err := s.Events(t.Context(), event.Filter{Limit: 10}); err != nil || len(told) != 0 {
		t.Errorf("told are %d events (%v)", len(told), err)
	}
}
