package adoption_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/testenv"
)

func onBoth(t *testing.T, test func(t *testing.T, s *store.Store)) {
	for name, url := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "stoa.db") },
		"postgres": testenv.Postgres,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t, url(t))) })
	}
}

func open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

type fataler interface{ Fatal(...any) }

func add(t fataler, s *store.Store, events ...event.Event) {
	if _, err := s.AppendEvents(context.Background(), "stoa/test", events, nil); err != nil {
		t.Fatal(err)
	}
}

func project(t fataler, s *store.Store, batch int) {
	r := event.NewRunner(s, []event.Projector{adoption.Usage{}, adoption.Milestones{}}, event.RunnerOptions{Batch: batch})
	if err := r.CatchUp(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// rebuild makes the runner start over.
func rebuild(t fataler, s *store.Store, batch int) {
	exec(t, s, "DELETE FROM projections")
	project(t, s, batch)
}

func exec(t fataler, s *store.Store, query string) {
	err := s.Write(context.Background(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, query)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rows gives what a query finds, a line for each row.
func rows(t fataler, s *store.Store, query string) []string {
	found, err := s.Query(context.Background(), query)
	if err != nil {
		t.Fatal(query, err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for found.Next() {
		values := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := found.Scan(into...); err != nil {
			t.Fatal(err)
		}
		line := make([]string, len(columns))
		for i, v := range values {
			line[i] = v.String
		}
		all = append(all, strings.Join(line, " "))
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// summaries gives every row of the projections' tables.
func summaries(t fataler, s *store.Store) []string {
	var all []string
	for _, table := range []string{"usage_day", "actor_day", "capability_bit", "milestones"} {
		for _, row := range rows(t, s, "SELECT * FROM "+table) {
			all = append(all, table+" "+row)
		}
	}
	return all
}

// named gives the summaries by names instead of numbers, which depend on the order of events.
func named(t fataler, s *store.Store) []string {
	all := rows(t, s, `SELECT u.day, d.name, c.name, m.name, e.name, u.n FROM usage_day u JOIN dim d ON d.id = u.type LEFT JOIN dim c ON c.id = u.capability
		LEFT JOIN dim m ON m.id = u.team LEFT JOIN dim e ON e.id = u.environment`)
	all = append(all, rows(t, s, `SELECT a.day, p.principal, m.name, c.name, SUM(a.n) FROM actor_day a JOIN dim d ON d.id = a.actor JOIN persons p ON p.pseudonym = d.name
		LEFT JOIN dim m ON m.id = a.team LEFT JOIN capability_bit b ON b.block = a.block AND (a.caps >> CAST(b.bit AS INTEGER)) & 1 = 1
		LEFT JOIN dim c ON c.id = b.capability GROUP BY a.day, p.principal, m.name, c.name`)...)
	return append(all, rows(t, s, `SELECT m.name, s.milestone, s.at FROM milestones s JOIN dim m ON m.id = s.team`)...)
}

func usageEvent(at time.Time, actor, team, capability string, n int) event.Event {
	return event.Event{Source: "/stoa/usage", Type: event.TypeUsage, Time: at, Actor: actor, Team: team, Capability: capability,
		Extensions: map[string]string{event.ExtCount: strconv.Itoa(n)}}
}

func TestUsageCounts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		day := time.Date(2026, 3, 4, 23, 59, 59, 0, time.UTC)
		bot := usageEvent(day, "token/ci", "red", "logs", 9)
		bot.Extensions[event.ExtBot] = "true"
		add(t, s, usageEvent(day, "user/ann", "red", "logs", 2), usageEvent(day, "user/ann", "red", "deploy", 1), usageEvent(day, "user/ann", "red", "logs", 3),
			usageEvent(day.Add(time.Second), "user/ann", "", "logs", 1), bot, event.Event{Source: "/stoa/x", Type: "dev.stoa.x.y", Time: day})
		project(t, s, 2)
		want := []string{
			"20516 dev.stoa.usage.recorded deploy red  1", "20516 dev.stoa.usage.recorded logs red  14", "20516 dev.stoa.x.y    1",
			"20517 dev.stoa.usage.recorded logs   1",
			"20516 user/ann red deploy 6", "20516 user/ann red logs 6", "20517 user/ann  logs 1",
		}
		if got := named(t, s); !slices.Equal(got, append(want, "red first-log-query "+strconv.FormatInt(day.UnixMicro(), 10))) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestEveryCapabilityHasItsBit(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "stoa.db"))
	at := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	for i := range 150 {
		add(t, s, usageEvent(at, "user/ann", "red", fmt.Sprintf("capability-%d", i), 1))
	}
	project(t, s, 40)
	used := rows(t, s, `SELECT c.name FROM actor_day a JOIN capability_bit b ON b.block = a.block AND (a.caps >> b.bit) & 1 = 1 JOIN dim c ON c.id = b.capability`)
	if len(used) != 150 || len(slices.Compact(used)) != 150 {
		t.Errorf("%d capabilities", len(used))
	}
}

func TestMilestonesAreTheFirstInTime(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		at := func(day int) time.Time { return time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC) }
		say := func(kind string, day int, team string) event.Event {
			return event.Event{Source: "/stoa/x", Type: kind, Time: at(day), Team: team}
		}
		add(t, s, say("dev.stoa.team.created", 3, "red"), say("dev.stoa.access.asked", 2, "red"), say("dev.stoa.access.granted", 5, "red"),
			say("dev.cdevents.service.upgraded.0.3.0", 9, "red"), say("dev.cdevents.service.deployed.0.2.0", 7, "red"),
			say("dev.cdevents.service.deployed.0.3.0", 6, ""), say("dev.cdevents.service.removed.0.3.0", 1, "red"),
			usageEvent(at(8), "user/ann", "red", "deploy", 1), say("dev.stoa.access.asked", 4, "blue"))
		project(t, s, 1)
		got, err := adoption.TeamMilestones(t.Context(), s, "red")
		want := []adoption.Reached{{Milestone: adoption.AccessAsked, At: at(2), Seq: 2}, {Milestone: adoption.AccessGranted, At: at(3), Seq: 1},
			{Milestone: adoption.FirstDeployment, At: at(7), Seq: 5}}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
		// History that is imported later, and the milestones still missing.
		add(t, s, say("dev.cdevents.service.deployed.0.3.0", 1, "red"), usageEvent(at(9), "user/ann", "red", "logs", 1), say("dev.stoa.alert.received", 10, "red"))
		project(t, s, 1)
		want[2] = adoption.Reached{Milestone: adoption.FirstDeployment, At: at(1), Seq: 10}
		want = append(want, adoption.Reached{Milestone: adoption.FirstLogQuery, At: at(9), Seq: 11}, adoption.Reached{Milestone: adoption.FirstAlert, At: at(10), Seq: 12})
		if got, err = adoption.TeamMilestones(t.Context(), s, "red"); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
		if got, err = adoption.TeamMilestones(t.Context(), s, "green"); err != nil || len(got) != 0 {
			t.Errorf("a team without events: %v, %v", got, err)
		}
	})
}

// drawEvents makes a history of a small platform.
func drawEvents(t *rapid.T) []event.Event {
	teams := rapid.SampledFrom([]string{"", "red", "blue", "green"})
	types := rapid.SampledFrom([]string{event.TypeUsage, event.TypeUsage, adoption.TypeAccessAsked, adoption.TypeAccessGranted, adoption.TypeAlertReceived,
		"dev.stoa.team.created", "dev.cdevents.service.deployed.0.3.0", "dev.cdevents.service.upgraded.0.3.0", "com.example.other"})
	capabilities := rapid.SampledFrom([]string{"", "logs", "deploy", "catalog"})
	actors := rapid.SampledFrom([]string{"user/ann", "user/bob", "token/ci", "stoa/delivery"})
	environments := rapid.SampledFrom([]string{"", "dev", "prod"})
	events := make([]event.Event, rapid.IntRange(1, 60).Draw(t, "n"))
	for i := range events {
		events[i] = event.Event{
			ID: strconv.Itoa(i), Source: "https://example.org/" + strconv.Itoa(i), Type: types.Draw(t, "type"), Team: teams.Draw(t, "team"),
			Capability: capabilities.Draw(t, "capability"), Actor: actors.Draw(t, "actor"), Environment: environments.Draw(t, "environment"),
			Time: time.Unix(1_770_000_000+rapid.Int64Range(0, 300_000).Draw(t, "time"), 0),
		}
		if events[i].Type == event.TypeUsage {
			events[i].Extensions = map[string]string{event.ExtCount: strconv.Itoa(rapid.IntRange(1, 9).Draw(t, "count"))}
		}
	}
	return events
}

func empty(t fataler, s *store.Store) {
	for _, table := range []string{"events", "event_key", "event_payload", "dim", "persons", "projections", "usage_day", "actor_day", "capability_bit", "milestones"} {
		exec(t, s, "DELETE FROM "+table)
	}
	exec(t, s, "UPDATE ledger_head SET seq = 0, dims = 0")
}

// fresh gives a store with nothing in the tables and nothing in memory.
func fresh(t *rapid.T, url string) *store.Store {
	s, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	empty(t, s)
	_ = s.Close()
	if s, err = store.Open(context.Background(), url, store.Options{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRebuildEqualsIncremental: whatever the batches, in appending and in
// projecting, the rows are those of a rebuild; and the order of events changes
// nothing that can be named.
func TestRebuildEqualsIncremental(t *testing.T) {
	for name, url := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "stoa.db"), "postgres": ""} {
		t.Run(name, func(t *testing.T) {
			if url == "" {
				url = testenv.Postgres(t)
			}
			rapid.Check(t, func(t *rapid.T) {
				events := drawEvents(t)
				s := fresh(t, url)
				defer s.Close()
				for rest := events; len(rest) > 0; {
					n := rapid.IntRange(1, len(rest)).Draw(t, "appended")
					add(t, s, rest[:n]...)
					project(t, s, rapid.IntRange(1, 20).Draw(t, "batch"))
					rest = rest[n:]
				}
				incremental, byName := summaries(t, s), named(t, s)
				rebuild(t, s, rapid.IntRange(1, 100).Draw(t, "rebuild"))
				if got := summaries(t, s); !slices.Equal(got, incremental) {
					t.Fatalf("rebuilt     %q\nincremental %q", got, incremental)
				}
				shuffled := fresh(t, url)
				defer shuffled.Close()
				add(t, shuffled, rapid.Permutation(events).Draw(t, "order")...)
				project(t, shuffled, 7)
				if got := named(t, shuffled); !slices.Equal(got, byName) {
					t.Fatalf("in another order %q\nbefore           %q", got, byName)
				}
			})
		})
	}
}
