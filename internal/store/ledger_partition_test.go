package store

import (
	"context"
	"sync"
	"testing"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/testenv"
)

func TestPartitionsAreMadeAhead(t *testing.T) {
	url := testenv.Postgres(t)
	replicas := make([]*Store, 3)
	for i := range replicas {
		s, err := Open(t.Context(), url, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		replicas[i] = s
	}
	s := replicas[0]
	start := int64(3*partitionRows - 5)
	var all sync.WaitGroup
	for _, replica := range replicas { // all at once, as their sealers would
		all.Go(func() {
			if err := replica.partitionsAhead(t.Context(), start); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	err := s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *Tx) error {
		_, err := tx.Exec(ctx, "UPDATE ledger_head SET seq = $1", start)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	events := make([]event.Event, 10)
	for i := range events {
		events[i] = event.Event{Source: "/stoa/test", Type: "dev.stoa.test.done", Service: "shop"}
	}
	if _, err := s.AppendEvents(t.Context(), "stoa/test", events, nil); err != nil {
		t.Fatal(err)
	}
	records, err := s.Events(t.Context(), event.Filter{Service: "shop", Newest: true})
	if err != nil || len(records) != 10 || records[0].Seq != start+10 {
		t.Errorf("%d records, %v", len(records), err)
	}
	var partitions, indexes int
	if err := s.QueryRow(t.Context(), "SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass").Scan(&partitions); err != nil || partitions != 4 {
		t.Errorf("%d partitions, %v", partitions, err)
	}
	if err := s.QueryRow(t.Context(), "SELECT count(*) FROM pg_indexes WHERE tablename = 'events_3'").Scan(&indexes); err != nil || indexes != 5 {
		t.Errorf("%d indexes on the new partition, %v", indexes, err)
	}
}
