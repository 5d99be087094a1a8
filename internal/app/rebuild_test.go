package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/simulate"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/support"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// breaking is a projector after so many of whose batches the context ends, while
// their transaction is open.
type breaking struct {
	event.Projector
	left *atomic.Int64
	end  context.CancelFunc
}

func (b breaking) Apply(ctx context.Context, tx event.SQL, records []event.Record) error {
	err := b.Projector.Apply(ctx, tx, records)
	if b.left.Add(-1) == 0 {
		b.end()
	}
	return err
}

// A rebuild of all summaries that breaks off anywhere, several times over, comes
// to the rows of one in peace: of every table, one by one.
func TestRebuildOfAllThatBreaksOff(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { rebuildAll(t, filepath.Join(t.TempDir(), "stoa.db")) })
	t.Run("postgres", func(t *testing.T) { rebuildAll(t, testenv.Postgres(t)) })
}

func rebuildAll(t *testing.T, url string) {
	s, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var batch []event.Event
	options, err := simulate.Options{Teams: 4, Months: 2, Seed: 7}.WithDefaults(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := simulate.Generate(t.Context(), options, func(raw []byte) error {
		ev, err := event.ParseEvent(slices.Clone(raw))
		batch = append(batch, ev)
		return err
	}, nil); err != nil {
		t.Fatal(err)
	}
	for some := range slices.Chunk(batch, 1000) {
		if _, err := s.AppendEvents(t.Context(), "stoa/test", some, nil); err != nil {
			t.Fatal(err)
		}
	}
	all := slices.Concat(adoption.Projectors(), dora.Projectors(), support.Projectors())
	if err := event.NewRunner(s, all, event.RunnerOptions{}).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := summaries(t, s)
	forget := func() {
		if err := s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, "DELETE FROM projections")
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	forget()
	for _, after := range []int64{1, 5, 12} {
		ctx, cancel := context.WithCancel(t.Context())
		left := &atomic.Int64{}
		left.Store(after)
		var broken []event.Projector
		for _, p := range all {
			broken = append(broken, breaking{p, left, cancel})
		}
		if err := event.NewRunner(s, broken, event.RunnerOptions{Batch: len(batch) / 20}).CatchUp(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("after %d batches it ended with %v", after, err)
		}
		cancel()
	}
	if err := event.NewRunner(s, all, event.RunnerOptions{Batch: len(batch)/20 + 1}).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := summaries(t, s)
	for table, rows := range want {
		if !slices.Equal(got[table], rows) {
			t.Errorf("%s has %d rows, in peace %d, or others", table, len(got[table]), len(rows))
		}
	}
	if len(want) < 15 || len(want["deployments"]) < 10 || len(want["tickets"]) < 3 {
		t.Errorf("little is compared: %d tables", len(want))
	}
}

// summaries gives the rows of every table but those of the ledger itself.
func summaries(t *testing.T, s *store.Store) map[string][]string {
	t.Helper()
	lines := func(query string) (all []string) {
		rows, err := s.Query(t.Context(), query)
		if err != nil {
			t.Fatal(query, err)
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			all = append(all, strings.TrimSuffix(fmt.Sprintln(values...), "\n"))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(all)
		return all
	}
	tables := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if s.Dialect() == "postgres" {
		tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
	}
	found := map[string][]string{}
	for _, table := range lines(tables) {
		if !strings.HasPrefix(table, "event_p") && !slices.Contains([]string{"events", "event_key", "projections"}, table) {
			found[table] = lines(`SELECT * FROM "` + table + `"`)
		}
	}
	return found
}
