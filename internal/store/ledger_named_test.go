package store_test

import (
	"fmt"
	"testing"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
)

// However many names the ledger has, those kept in memory are bounded, and every
// event has its own, also one that came after its block was read.
func TestNamesKeptAreBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(testing.TB) string) {
		s := open(t, address(t), store.Options{})
		const bound, all = 1024, 3000
		s.BoundNamesForTest(bound)
		for first := 0; first < all; first += 300 {
			var events []event.Event
			for i := first; i < first+300; i++ {
				events = append(events, event.Event{Source: "/stoa/test", Type: "com.example.told", ID: fmt.Sprint(i), Service: fmt.Sprint("service-", i)})
			}
			if _, err := s.AppendEvents(t.Context(), "user/ann", events, nil); err != nil {
				t.Fatal(err)
			}
			read(t, s, first+300)
		}
		if n := s.NamesForTest(); n == 0 || n > bound {
			t.Errorf("%d names are kept, the bound is %d", n, bound)
		}
	})
}

// read reads the ledger from its beginning.
func read(t *testing.T, s *store.Store, want int) {
	t.Helper()
	records, err := s.ReadFrom(t.Context(), 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range records {
		if r.Type != "com.example.told" {
			continue
		}
		if r.Service != "service-"+r.ID {
			t.Fatalf("event %s is of %s", r.ID, r.Service)
		}
		n++
	}
	if n != want {
		t.Fatalf("%d events are read, want %d", n, want)
	}
}
