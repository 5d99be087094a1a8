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
	"github.com/stoa-platform/stoa/internal/adoption/friction"
	"github.com/stoa-platform/stoa/internal/catalog"
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

func onBothBench(b *testing.B, bench func(b *testing.B, s *store.Store)) {
	for name, url := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "stoa.db") },
		"postgres": testenv.Postgres,
	} {
		b.Run(name, func(b *testing.B) { bench(b, open(b, url(b))) })
	}
}

func open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// options are those of a store whose clock stands in the December after all that
// the tests tell of.
func options() store.Options {
	return store.Options{
		Clock: func() time.Time { return time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) },
		Fields: func(kind string) []string {
			for _, k := range catalog.Kinds() {
				if k.Name == kind {
					return k.Fields
				}
			}
			return nil
		},
	}
}

type fataler interface{ Fatal(...any) }

func add(t fataler, s *store.Store, events ...event.Event) {
	if _, err := s.AppendEvents(context.Background(), "stoa/test", events, nil); err != nil {
		t.Fatal(err)
	}
}

func project(t fataler, s *store.Store, batch int) {
	r := event.NewRunner(s, adoption.Projectors(), event.RunnerOptions{Batch: batch})
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

// tables are those of the projections.
func tables() []string {
	return []string{"use_kind", "usage_day", "actor_month", "team_month", "first_use", "milestones", "access", "team_seen", "service_first", "source_first",
		"question_day", "gate_day", "run_day", "event_span"}
}

// summaries gives every row of the projections' tables.
func summaries(t fataler, s *store.Store) []string {
	var all []string
	for _, table := range tables() {
		for _, row := range rows(t, s, "SELECT * FROM "+table) {
			all = append(all, table+" "+row)
		}
	}
	return all
}

// named gives the summaries by names instead of numbers and sequences, which
// depend on the order in which events came.
func named(t fataler, s *store.Store) []string {
	var all []string
	for _, query := range []string{
		`SELECT 'usage', u.day, t.name, c.name, k.surface, m.name, u.n FROM usage_day u JOIN use_kind k ON k.id = u.kind JOIN dim t ON t.id = k.type
			JOIN dim c ON c.id = k.capability LEFT JOIN dim m ON m.id = u.team`,
		`SELECT 'person', a.month, p.principal, t.name, c.name, k.surface, m.name, a.days FROM actor_month a JOIN use_kind k ON k.id = a.kind JOIN dim t ON t.id = k.type
			JOIN dim c ON c.id = k.capability JOIN dim d ON d.id = a.actor JOIN persons p ON p.pseudonym = d.name LEFT JOIN dim m ON m.id = a.team`,
		`SELECT 'team', a.month, m.name, t.name, c.name, k.surface, a.days FROM team_month a JOIN use_kind k ON k.id = a.kind JOIN dim t ON t.id = k.type
			JOIN dim c ON c.id = k.capability JOIN dim m ON m.id = a.team`,
		`SELECT 'first', m.name, t.name, c.name, k.surface, f.at FROM first_use f JOIN use_kind k ON k.id = f.kind JOIN dim t ON t.id = k.type
			JOIN dim c ON c.id = k.capability JOIN dim m ON m.id = f.team`,
		`SELECT 'milestone', m.name, s.milestone, s.at FROM milestones s JOIN dim m ON m.id = s.team`,
		`SELECT 'access', p.principal, m.name, a.at, a.what FROM access a JOIN dim m ON m.id = a.team LEFT JOIN persons p ON p.pseudonym = a.person`,
		`SELECT 'seen', m.name, s.since, s.created, s.deleted FROM team_seen s JOIN dim m ON m.id = s.team`,
		`SELECT 'service', d.name, s.at FROM service_first s JOIN dim d ON d.id = s.service`,
		`SELECT 'source', d.name, s.day FROM source_first s JOIN dim d ON d.id = s.source`,
		`SELECT 'question', q.day, q.question, c.name, m.name, s.name, q.n FROM question_day q LEFT JOIN dim c ON c.id = q.capability LEFT JOIN dim m ON m.id = q.team
			LEFT JOIN dim s ON s.id = q.service`,
		`SELECT 'run', r.day, m.name, s.name, r.n FROM run_day r LEFT JOIN dim m ON m.id = r.team LEFT JOIN dim s ON s.id = r.service`,
		`SELECT 'gate', g.day, g.gate, m.name, s.name, c.name, g.n FROM gate_day g LEFT JOIN dim m ON m.id = g.team LEFT JOIN dim s ON s.id = g.service
			LEFT JOIN dim c ON c.id = g.capability`,
	} {
		all = append(all, rows(t, s, query)...)
	}
	return all
}

func usageEvent(at time.Time, actor, team, capability string, n int) event.Event {
	return event.Event{Source: "/stoa/usage", Type: event.TypeUsage, Time: at, Actor: actor, Team: team, Capability: capability,
		Extensions: map[string]string{event.ExtCount: strconv.Itoa(n)}}
}

func TestUsageCounts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		day := time.Date(2026, 3, 31, 23, 59, 59, 0, time.UTC) // day 20543, month 674
		bot := usageEvent(day, "token/ci", "red", "logs", 9)
		bot.Extensions[event.ExtBot] = "true"
		cli := usageEvent(day, "user/ann", "red", "logs", 3)
		cli.Extensions[event.ExtSurface] = "cli"
		odd := usageEvent(day, "user/bob", "red", "logs", 1)
		odd.Extensions = map[string]string{event.ExtCount: "many", event.ExtSurface: "Who knows?"}
		add(t, s, usageEvent(day, "user/ann", "red", "logs", 2), usageEvent(day, "user/ann", "red", "deploy", 1), cli, odd,
			usageEvent(day.Add(time.Second), "user/ann", "", "logs", 1), bot, usageEvent(day, "stoa/delivery", "red", "deploy", 1),
			event.Event{Source: "/stoa/x", Type: "dev.stoa.release.build.done", Time: day, Team: "red", Capability: "deploy"},
			event.Event{Source: "https://kafka.example.org", Type: "com.example.topic.made", Time: day, Actor: "user/ann", Team: "red", Capability: "kafka"},
			event.Event{Source: "https://tracker.example.org", Type: "dev.cdevents.ticket.created.0.2.0", Time: day, Actor: "user/ann", Team: "red", Capability: "kafka"},
			event.Event{Source: "https://kafka.example.org", Type: "com.example.topic.made", Time: day, Actor: "user/ann", Team: "red"})
		project(t, s, 2)
		use := "dev.stoa.usage.recorded"
		want := []string{
			"usage 20543 " + use + " logs  red 12", "usage 20543 " + use + " deploy  red 2", "usage 20543 " + use + " logs cli red 3",
			"usage 20544 " + use + " logs   1", "usage 20543 com.example.topic.made kafka  red 1",
			"person 674 user/ann " + use + " logs  red 1073741824", "person 674 user/ann " + use + " deploy  red 1073741824",
			"person 674 user/ann " + use + " logs cli red 1073741824", "person 674 user/bob " + use + " logs  red 1073741824",
			"person 675 user/ann " + use + " logs   1", "person 674 user/ann com.example.topic.made kafka  red 1073741824",
			"team 674 red " + use + " logs  1073741824", "team 674 red " + use + " deploy  1073741824", "team 674 red " + use + " logs cli 1073741824",
			"team 674 red com.example.topic.made kafka  1073741824",
		}
		got := slices.DeleteFunc(named(t, s), func(row string) bool {
			return !strings.HasPrefix(row, "usage ") && !strings.HasPrefix(row, "person ") && !strings.HasPrefix(row, "team ")
		})
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestFrictionCounts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		day := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC) // day 20516
		say := func(kind, extension, of, data string) event.Event {
			e := event.Event{Source: "/stoa/x", Type: kind, Time: day, Team: "red", Capability: "deploy", Data: []byte(data)}
			if extension != "" {
				e.Extensions = map[string]string{extension: of}
			}
			return e
		}
		add(t, s, say(friction.TypeInputAsked, "question", "team", ""), say(friction.TypeInputAsked, "", "", `{"id":"team"}`), say(friction.TypeInputAsked, "", "", `[1]`),
			say(friction.TypeInputAsked, "question", strings.Repeat("x", 101), ""), say(friction.TypeGateRefused, "gate", "quota/red,policy/node,quota/red", ""),
			say(friction.TypeGateRefused, "gate", "policy/node", ""), say(friction.TypeGateRefused, "", "", ""))
		project(t, s, 2)
		got := slices.DeleteFunc(named(t, s), func(row string) bool { return !strings.HasPrefix(row, "question ") && !strings.HasPrefix(row, "gate ") })
		want := []string{"question 20516 team deploy red  2", "question 20516 unnamed deploy red  2",
			"gate 20516 policy/node red  deploy 2", "gate 20516 quota/red red  deploy 1", "gate 20516 unnamed red  deploy 1"}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestMilestonesAreTheFirstInTime(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		at := func(day int) time.Time { return time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC) }
		say := func(kind string, day int, team string) event.Event {
			e := event.Event{Source: "/stoa/x", Type: kind, Time: at(day), Team: team}
			if strings.HasPrefix(kind, "dev.cdevents.") {
				e.Capability = "deploy"
			}
			return e
		}
		brought := say("dev.stoa.access.granted", 1, "red") // with the team's description: nobody set out by it
		brought.Extensions = map[string]string{catalog.ExtBrought: "true"}
		add(t, s, say("dev.stoa.access.granted", 3, "red"), say("dev.stoa.access.asked", 2, "red"), brought,
			say("dev.cdevents.service.upgraded.0.3.0", 9, "red"), say("dev.cdevents.service.deployed.0.2.0", 7, "red"),
			say("dev.cdevents.service.deployed.0.3.0", 6, ""), say("dev.cdevents.service.removed.0.3.0", 1, "red"),
			usageEvent(at(8), "user/ann", "red", "deploy", 1), say("dev.stoa.access.asked", 4, "blue"),
			event.Event{Source: "https://ci.example.org", Type: "dev.cdevents.service.deployed.0.3.0", Time: at(1), Team: "red", Service: "shop"}) // off the path
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
		want[2] = adoption.Reached{Milestone: adoption.FirstDeployment, At: at(1), Seq: 11}
		want = append(want, adoption.Reached{Milestone: adoption.FirstLogQuery, At: at(9), Seq: 12}, adoption.Reached{Milestone: adoption.FirstAlert, At: at(10), Seq: 13})
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
	types := rapid.SampledFrom([]string{event.TypeUsage, event.TypeUsage, event.TypeUsage, adoption.TypeAccessAsked, adoption.TypeAccessGranted, adoption.TypeAccessRevoked,
		adoption.TypeAlertReceived, friction.TypeInputAsked, friction.TypeGateRefused, "dev.stoa.team.created", "dev.stoa.team.deleted",
		"dev.cdevents.service.deployed.0.3.0", "dev.cdevents.service.upgraded.0.3.0", "dev.cdevents.pipelinerun.finished.0.3.0", "com.example.other"})
	capabilities := rapid.SampledFrom([]string{"", "logs", "deploy", "catalog"})
	actors := rapid.SampledFrom([]string{"user/ann", "user/bob", "token/ci", "stoa/delivery"})
	services := rapid.SampledFrom([]string{"", "shop", "search"})
	surfaces := rapid.SampledFrom([]string{"", "cli", "portal"})
	events := make([]event.Event, rapid.IntRange(1, 60).Draw(t, "n"))
	for i := range events {
		e := event.Event{
			ID: strconv.Itoa(i), Source: "https://example.org/" + strconv.Itoa(i), Type: types.Draw(t, "type"), Team: teams.Draw(t, "team"),
			Capability: capabilities.Draw(t, "capability"), Actor: actors.Draw(t, "actor"), Service: services.Draw(t, "service"),
			Time: time.Unix(1_770_000_000+rapid.Int64Range(0, 6_000_000).Draw(t, "time"), 0), Extensions: map[string]string{},
		}
		switch e.Type {
		case event.TypeUsage:
			e.Extensions[event.ExtCount] = strconv.Itoa(rapid.IntRange(1, 9).Draw(t, "count"))
			e.Extensions[event.ExtSurface] = surfaces.Draw(t, "surface")
		case friction.TypeInputAsked:
			e.Extensions[friction.ExtQuestion] = rapid.SampledFrom([]string{"team", "port"}).Draw(t, "question")
		case friction.TypeGateRefused:
			e.Extensions[friction.ExtGate] = rapid.SampledFrom([]string{"quota/red", "quota/red,policy/node"}).Draw(t, "gate")
		case adoption.TypeAccessGranted:
			e.Names = rapid.SliceOfN(rapid.SampledFrom([]string{"user/ann", "user/bob"}), 0, 2).Draw(t, "names")
		}
		events[i] = e
	}
	return events
}

func empty(t fataler, s *store.Store) {
	for _, table := range append(tables(), "events", "event_key", "event_payload", "event_person", "dim", "persons", "projections") {
		exec(t, s, "DELETE FROM "+table)
	}
	exec(t, s, "UPDATE ledger_head SET seq = 0, dims = 0")
}

// fresh gives a store with no events and nothing in memory.
func fresh(t fataler, url string) *store.Store {
	s, err := store.Open(context.Background(), url, options())
	if err != nil {
		t.Fatal(err)
	}
	empty(t, s)
	_ = s.Close()
	if s, err = store.Open(context.Background(), url, options()); err != nil {
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
