package event_test

import (
	"bytes"
	"testing"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
)

// A page that ends since its payloads are large is not the last one.
func TestPagesOfLargePayloads(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		all := some(20, "large")
		for i := range all {
			all[i].Data = append(append([]byte(`"`), bytes.Repeat([]byte("x"), 3<<20)...), '"')
		}
		for _, e := range all { // a transaction each
			add(t, s, "user/ann", e)
		}
		read, after, pages := 0, int64(0), 0
		for {
			page, err := s.Events(t.Context(), event.Filter{AfterSeq: after, Limit: 15})
			if err != nil {
				t.Fatal(err)
			}
			if read, pages = read+len(page), pages+1; !event.Full(page, 15) {
				break
			}
			after = page[len(page)-1].Seq
		}
		if read != 20 || pages < 4 {
			t.Errorf("%d of 20 events on %d pages", read, pages)
		}
	})
}
