package adoption_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
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

// BenchmarkMeasures asks for measures of the year of 2,000 people in 200 teams:
// the rows that ten million events come to.
func BenchmarkMeasures(b *testing.B) {
	onBothBench(b, func(b *testing.B, s *store.Store) {
		w := newWorld(b, s)
		for _, capability := range []string{"secrets", "portal", "catalog", "audit", "events"} {
			w.capability(capability, catalog.CapabilitySpec{})
		}
		for i := range 200 {
			w.team(fmt.Sprintf("team-%d", i), catalog.TeamSpec{}, map[string]string{"segment": fmt.Sprint("s", i%4)})
		}
		yearOf(b, s)
		year := measure.Scope{From: measure.Day(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), To: measure.Day(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))}
		month := year
		month.From = month.To - 30
		for _, c := range []struct {
			name, measure string
			scope         measure.Scope
			step          measure.Step
		}{
			{"rate-30-days", "adoption-rate", month, ""}, {"rate-year-by-month", "adoption-rate", year, measure.Monthly},
			{"mau-30-days", "mau", month, ""}, {"mau-year-by-month", "mau", year, measure.Monthly}, {"dau-year-by-day", "dau", year, measure.Daily},
			{"stickiness-year-by-week", "stickiness", year, measure.Weekly}, {"retention-year", "retention-3-months", year, ""},
			{"forecast-year-by-month", "adoption-forecast-3-months", year, measure.Monthly}, {"input-friction-year", "input-friction", year, ""},
		} {
			b.Run(c.name, func(b *testing.B) {
				c.scope.Step = c.step
				for b.Loop() {
					w.ask(c.measure, c.scope)
				}
			})
		}
		b.Run("journeys-year", func(b *testing.B) {
			v := w.view(year)
			for b.Loop() {
				if _, err := adoption.Journeys(b.Context(), v); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// yearOf fills the summaries.
func yearOf(b *testing.B, s *store.Store) {
	random := rand.New(rand.NewPCG(1, 2))
	var seed []event.Event // gives teams and kinds their numbers
	for i := range 200 {
		for _, capability := range []string{"deploy", "logs", "secrets", "portal", "catalog", "audit", "events"} {
			e := usageEvent(time.Date(2026, 1+time.Month(i/20), 5, 0, 0, 0, 0, time.UTC), "user/ann", fmt.Sprintf("team-%d", i), capability, 1)
			e.Extensions[event.ExtSurface] = []string{"cli", "portal", "api"}[i%3]
			seed = append(seed, e)
		}
		seed = append(seed, deployed(time.Date(2026, 1+time.Month(i/20), 5, 0, 0, 0, 0, time.UTC), fmt.Sprintf("team-%d", i), fmt.Sprintf("service-%d", i), true))
	}
	add(b, s, seed...)
	project(b, s, 20_000)
	var team, kinds int64
	if err := s.QueryRow(b.Context(), "SELECT min(team), (SELECT max(id) FROM use_kind) FROM team_seen").Scan(&team, &kinds); err != nil {
		b.Fatal(err)
	}
	var teams []int64
	for _, row := range rows(b, s, "SELECT team FROM team_seen") {
		id, _ := strconv.ParseInt(row, 10, 64)
		teams = append(teams, id)
	}
	actors := event.NewUpsert("actor_month", "ON CONFLICT DO NOTHING", "month", "actor", "kind", "team", "days")
	months := event.NewUpsert("team_month", "ON CONFLICT DO NOTHING", "month", "team", "kind", "days")
	days := event.NewUpsert("usage_day", "ON CONFLICT DO NOTHING", "kind", "day", "team", "n")
	err := s.Write(b.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
		var perActor, perTeam, perDay []any
		for month := range int64(11) {
			for person := range int64(2000) {
				for kind := range int64(7) {
					perActor = append(perActor, 672+month, 1_000_000+person, 1+(kind*3+person)%kinds, teams[person%int64(len(teams))], random.Int64N(1<<28))
				}
			}
			for _, team := range teams {
				for kind := range kinds {
					perTeam = append(perTeam, 672+month, team, kind+1, random.Int64N(1<<28))
					for day := range int64(28) {
						perDay = append(perDay, kind+1, 20454+month*30+day, team, 7)
					}
				}
			}
		}
		if err := actors.Run(ctx, tx, perActor); err != nil {
			return err
		}
		if err := months.Run(ctx, tx, perTeam); err != nil {
			return err
		}
		return days.Run(ctx, tx, perDay)
	})
	if err != nil {
		b.Fatal(err)
	}
}
