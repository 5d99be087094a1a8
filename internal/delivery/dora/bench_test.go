package dora_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// yearOf makes a year of deployments in the order of time: 800 services of 200
// teams, most to production, one in twelve of which fails.
func yearOf(t fataler, deployments int) []event.Event {
	draw := rand.New(rand.NewPCG(1, 2))
	var all []event.Event
	for i := range deployments {
		n := draw.IntN(800)
		at := start.Add(time.Duration(float64(i) / float64(deployments) * 365 * 24 * float64(time.Hour)))
		made := at.Add(-time.Duration(draw.ExpFloat64() * 30 * float64(time.Hour)))
		e := said{
			id: fmt.Sprint("d", i), kind: "service.upgraded", at: at, service: fmt.Sprint("service-", n), team: fmt.Sprint("team-", n/4), environment: "prod", path: n%3 > 0,
			custom: map[string]any{"release": fmt.Sprint("r", i), "commit": fmt.Sprint("c", i), "commitTime": made.Format(time.RFC3339)},
		}
		switch {
		case i%8 == 0:
			e.environment = "dev"
		case i%25 == 0:
			e.kind = "service.rolledback"
		case i%40 == 0:
			e.custom["cause"] = "hotfix"
		}
		all = append(all, e.event(t))
		if i%30 == 0 {
			incident := said{id: fmt.Sprint("i", i), kind: "incident.detected", at: at.Add(time.Hour), subject: fmt.Sprint("inc", i), service: e.service, team: e.team, environment: "prod"}
			over := incident
			over.id, over.kind, over.at = fmt.Sprint("o", i), "incident.resolved", at.Add(time.Duration(1+draw.ExpFloat64()*5)*time.Hour)
			all = append(all, incident.event(t), over.event(t))
		}
	}
	return all
}

// BenchmarkMeasures computes each measure over a year and over 30 days of it.
func BenchmarkMeasures(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "stoa.db") },
		"postgres": testenv.Postgres,
	} {
		s, err := store.Open(b.Context(), url(b), store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		for chunk := range slices.Chunk(yearOf(b, 137_000), 2000) {
			add(b, s, chunk...)
		}
		project(b, s, 2000)
		o := org(b, s)
		for _, m := range dora.Measures() {
			for _, days := range []int64{365, 30} {
				scope := measure.Scope{From: measure.Day(start) + 365 - days, To: measure.Day(start) + 365}
				b.Run(fmt.Sprintf("%s/%s/%d", name, m.Name, days), func(b *testing.B) {
					for b.Loop() {
						if _, err := m.Compute(context.Background(), measure.NewView(s, o, scope)); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
		_ = s.Close()
	}
}

// BenchmarkApply projects a ledger in which one event of 73 is a deployment, in
// batches of 2000, and tells how many events a second that makes.
func BenchmarkApply(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "stoa.db") },
		"postgres": testenv.Postgres,
	} {
		b.Run(name, func(b *testing.B) {
			s, err := store.Open(b.Context(), url(b), store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			for chunk := range slices.Chunk(yearOf(b, 137_000), 2000) {
				add(b, s, chunk...)
			}
			var records []event.Record
			for after := int64(0); len(records) < 140_000; {
				page, err := s.ReadFrom(b.Context(), after, 2000)
				if err != nil || len(page) == 0 {
					break
				}
				records, after = append(records, page...), page[len(page)-1].Seq
			}
			const batch, others = 2000, 73
			other := event.Record{Event: event.Event{Type: event.TypeUsage, Time: start}}
			p := dora.Projector{}
			n := 0
			began := time.Now()
			for b.Loop() {
				if err := s.Project(b.Context(), "bench", func(ctx context.Context, tx event.SQL, _ *event.Projection) error {
					full := make([]event.Record, 0, batch)
					for len(full) < batch {
						if len(full)%others == 0 {
							full = append(full, records[n%len(records)])
							n++
						} else {
							full = append(full, other)
						}
					}
					return p.Apply(ctx, tx, full)
				}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*batch)/time.Since(began).Seconds(), "events/s")
		})
	}
}
