package simulate_test

import (
	"net/url"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/simulate"
	"github.com/stoa-platform/stoa/internal/store"
)

// checkEvidence: whatever has a value over the whole time opens its events, and
// what the platform has signed proves that they are in the ledger.
func checkEvidence(t *testing.T, c *client.Client, database string, measures []client.Measure, truth simulate.Truth) {
	t.Helper()
	s, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	key, err := s.LedgerKey(t.Context(), "not the first")
	if err != nil {
		t.Fatal(err)
	}
	seals := event.NewSealer(s, key, event.SealerOptions{})
	whole := url.Values{"from": {truth.From.Format(time.DateOnly)}, "to": {truth.To.Format(time.DateOnly)}}
	opened := 0
	for _, m := range measures {
		answer, err := c.Measure(t.Context(), m.Name, whole)
		if err != nil {
			t.Fatal(err)
		}
		p := answer.Points[0]
		if p.Value == nil {
			if m.Waits == "" {
				t.Errorf("%s has no value over the whole time: %s", m.Name, p.Note)
			}
			continue
		}
		events, _, err := c.Evidence(t.Context(), m.Name, whole, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			t.Errorf("%s is %g of %d, and there is no event behind it", m.Name, *p.Value, p.N)
			continue
		}
		opened++
		for _, e := range []client.Event{events[0], events[len(events)-1]} {
			if err := proven(t, s, seals, key, e.Seq); err != nil {
				t.Errorf("%s: event %d, %s: %v", m.Name, e.Seq, e.Type, err)
			}
		}
	}
	t.Logf("measures with proven events: %d of %d", opened, len(measures))
}

// proven checks the proof that the ledger holds an event, against the checkpoint as
// it is signed. The newest events are sealed within seconds.
func proven(t *testing.T, s *store.Store, seals *event.Sealer, key event.Key, seq int64) error {
	t.Helper()
	proof, checkpoint, err := seals.ProveInclusion(t.Context(), seq)
	for deadline := time.Now().Add(time.Minute); problem.Is(err, problem.NotFound) && time.Now().Before(deadline); {
		<-time.After(100 * time.Millisecond)
		proof, checkpoint, err = seals.ProveInclusion(t.Context(), seq)
	}
	if err != nil {
		return err
	}
	signed, err := event.ParseCheckpoint(checkpoint.Note, key.Public)
	if err != nil {
		return err
	}
	leaves, err := s.Leaves(t.Context(), seq-1, 1)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, signed.Size, signed.Hash, seq-1, leaves[0])
}
