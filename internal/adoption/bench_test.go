package adoption_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
)

// benchRecords are those of a platform of 2,000 people in 200 teams, 27,000 a day
// in the order of time.
func benchRecords(n int) []event.Record {
	random := rand.New(rand.NewPCG(1, 2))
	capabilities := []string{"deploy", "logs", "secrets", "portal", "catalog", "audit", "events"}
	surfaces := []string{"cli", "portal", "api"}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	records := make([]event.Record, n)
	for i := range records {
		person := random.IntN(2000)
		capability := int(5 * random.Float64() * random.Float64())
		r := &records[i]
		r.Seq, r.Time = int64(i+1), start.Add(time.Duration(i)*86400*time.Second/27_000)
		r.Type, r.IDs.Type = event.TypeUsage, 1
		r.Actor, r.IDs.Actor = "p-"+strconv.Itoa(person), int64(1000+person)
		r.Team, r.IDs.Team = "team-"+strconv.Itoa(person/10), int64(100+person/10)
		r.Capability, r.IDs.Capability = capabilities[capability], int64(10+capability)
		r.Extensions = map[string]string{event.ExtCount: "3", event.ExtSurface: surfaces[person%3]}
		if random.IntN(50) == 0 {
			r.Type, r.IDs.Type, r.Service, r.IDs.Service, r.Extensions = "dev.cdevents.service.deployed.0.3.0", 2, "s", int64(5000+person/3), nil
			r.Actor, r.Capability, r.IDs.Capability = "stoa/delivery", "deploy", 10
		}
	}
	return records
}

// BenchmarkProjectors reports events a second through all projectors, without
// reading them from the ledger.
func BenchmarkProjectors(b *testing.B) {
	records := benchRecords(400_000)
	for _, batch := range []int{2000, 20_000} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			onBothBench(b, func(b *testing.B, s *store.Store) {
				start := time.Now()
				for b.Loop() {
					for from := 0; from < len(records); from += batch {
						for _, p := range adoption.Projectors() {
							err := s.Project(b.Context(), p.Name(), func(ctx context.Context, tx event.SQL, _ *event.Projection) error {
								return p.Apply(ctx, tx, records[from:from+batch])
							})
							if err != nil {
								b.Fatal(err)
							}
						}
					}
				}
				b.ReportMetric(float64(len(records))*float64(b.N)/time.Since(start).Seconds(), "events/s")
			})
		})
	}
}
