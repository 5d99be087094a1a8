package support_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/support"
	"github.com/stoa-platform/stoa/internal/testenv"
)

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// told is an event of a ticket, days after the start.
func told(id, predicate, kind, actor string, days float64) event.Event {
	data, _ := json.Marshal(map[string]any{"subject": map[string]any{"id": id, "content": map[string]any{"ticketType": kind}}})
	return event.Event{
		ID: fmt.Sprint(id, predicate, days), Source: "https://tracker.example.org", Type: "dev.cdevents.ticket." + predicate + ".0.1.0",
		Time: start.Add(time.Duration(days * 24 * float64(time.Hour))), Actor: actor, Team: "red", Data: data,
	}
}

// year is what everybody below agrees on: 4 questions and faults in March, one
// closed after 2 days, one after 4, one still open, one closed before it began;
// and two people who wish for three things.
func year() []event.Event {
	return []event.Event{
		told("a", "created", "question", "user/ann", 1), told("a", "updated", "", "user/bob", 2), told("a", "closed", "", "user/bob", 3),
		told("b", "created", "Bug", "user/ann", 2), told("b", "closed", "", "user/bob", 3), told("b", "closed", "", "user/bob", 6),
		told("c", "created", "odd", "user/bob", 10),
		told("d", "closed", "", "user/bob", 4), told("d", "created", "access", "user/cy", 5),
		told("e", "created", "feature-request", "user/ann", 7), told("f", "created", "enhancement", "user/ann", 8), told("g", "created", "feature", "user/cy", 9),
		told("h", "closed", "", "user/cy", 9), // nobody told of its opening
		told("i", "created", "question", "user/ann", 40),
	}
}

func TestTickets(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "stoa.db") },
		"postgres": testenv.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			var first []string
			for round := range 4 { // in order, and three times in any other, with repetitions
				events := year()
				if round > 0 {
					events = append(events, events[:5]...)
					rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
				}
				s := openStore(t, url(t), events)
				rows := summary(t, s)
				if round == 0 {
					first = rows
					checkMeasures(t, s)
				} else if !slices.Equal(rows, first) {
					t.Fatalf("another order gives\n%q\nnot\n%q", rows, first)
				}
			}
		})
	}
}

func openStore(t *testing.T, url string, events []event.Event) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.AppendEvents(t.Context(), "stoa/test", events, nil); err != nil {
		t.Fatal(err)
	}
	if err := event.NewRunner(s, support.Projectors(), event.RunnerOptions{Batch: 3}).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// summary is the table without the sequences, which follow the order.
func summary(t *testing.T, s *store.Store) []string {
	t.Helper()
	found, err := s.Query(t.Context(), `SELECT t.id, t.kind, coalesce(t.opened, -1), coalesce(t.closed, -1), d.name FROM tickets t LEFT JOIN dim d ON d.id = t.team ORDER BY t.id`)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	var rows []string
	for found.Next() {
		var id, kind, team string
		var opened, closed int64
		if err := found.Scan(&id, &kind, &opened, &closed, &team); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, fmt.Sprint(id, " ", kind, " ", opened, " ", closed, " ", team))
	}
	return rows
}

type org struct{}

func (org) Org(context.Context) (*measure.Org, error) {
	o := &measure.Org{Names: map[measure.Dimension][]string{measure.ByTeam: {"red", "blue"}}}
	o.Index()
	return o, nil
}

func checkMeasures(t *testing.T, s *store.Store) {
	t.Helper()
	users := func(_ context.Context, v *measure.View, since int64) (map[measure.Key]measure.Users, error) {
		return map[measure.Key]measure.Users{{}: {People: 50, PersonDays: 40 * (v.To - since)}}, nil // a month has 40 of them
	}
	daysOfUse := func(_ context.Context, v *measure.View) (map[measure.Key]int, error) {
		return map[measure.Key]int{{}: 525}, nil // 25 on each of the 21 working days up to the 30th of March 2026
	}
	e, err := measure.NewEngine(s, org{}, support.Measures(users, daysOfUse)...)
	if err != nil {
		t.Fatal(err)
	}
	from := measure.Day(start)
	march := measure.Scope{From: from, To: from + 30}
	for _, c := range []struct {
		name  string
		value float64
		n     int64
		parts map[string]float64
	}{
		{"tickets-opened", 4, 4, map[string]float64{"question": 1, "bug": 1, "access": 1, "other": 1}},
		{"tickets-per-100-users", 10 * 30.0 / 29, 50, map[string]float64{"tickets": 4, "people": 50, "bug": 1, "personMonths": 40 * 29.0 / 30}}, // 4 tickets, 29 days since the first
		{"tickets-per-100-daily-users", 16 * 30.0 / 29, 525, map[string]float64{"tickets": 4, "dailyUsers": 25}},                                // as before, of half as many
		{"ticket-resolution-time", 4 * 86400, 3, nil},                                                                                           // 2 and 4 days, and one still open
		{"feature-requests", 2 * 30.0 / 29, 3, map[string]float64{"requests": 3, "people": 2}},
	} {
		answer, err := e.Ask(t.Context(), c.name, march)
		if err != nil {
			t.Fatal(err)
		}
		p := answer.Points[0]
		if p.Value == nil || math.Abs(*p.Value-c.value) > 1e-9 || p.N != c.n {
			t.Errorf("%s is %+v, want %v of %d", c.name, p, c.value, c.n)
			continue
		}
		for name, want := range c.parts {
			if p.Parts[name] != want {
				t.Errorf("%s: %s is %v, want %v", c.name, name, p.Parts[name], want)
			}
		}
		if proof, err := e.Evidence(t.Context(), c.name, march, 0, 100); err != nil || len(proof) == 0 {
			t.Errorf("%s: evidence %v, %v", c.name, proof, err)
		}
	}
	checkOpen(t, e, from)
	before := measure.Scope{From: from - 60, To: from - 30}
	if answer, err := e.Ask(t.Context(), "tickets-opened", before); err != nil || answer.Points[0].Value != nil {
		t.Errorf("before the first ticket: %+v, %v", answer.Points, err)
	}
	later := measure.Scope{From: from + 50, To: from + 80}
	if answer, err := e.Ask(t.Context(), "tickets-opened", later); err != nil || answer.Points[0].Value == nil || *answer.Points[0].Value != 0 {
		t.Errorf("a month without a ticket after the first: %+v, %v", answer.Points, err)
	}
}

// checkOpen: a waits on days 1 to 3, b on 2 to 6, c from day 10 on, i from day 40
// on; d was closed before it was opened.
func checkOpen(t *testing.T, e *measure.Engine, from int64) {
	t.Helper()
	ask := func(scope measure.Scope) string {
		t.Helper()
		answer, err := e.Ask(t.Context(), "tickets-open", scope)
		if err != nil {
			t.Fatal(err)
		}
		all := ""
		for _, p := range answer.Points {
			value := "-"
			if p.Value != nil {
				value = fmt.Sprintf("%v/%d", *p.Value, p.N)
			}
			all += " " + p.Group + value
		}
		return all[1:]
	}
	for name, c := range map[string]struct {
		scope measure.Scope
		want  string
		proof int
	}{
		"before any was opened":          {measure.Scope{From: from - 30, To: from}, "-", 0},
		"while two wait":                 {measure.Scope{From: from, To: from + 3}, "2/2", 4},
		"when both are closed":           {measure.Scope{From: from + 6, To: from + 7}, "0/3", 0},
		"one from before the time":       {measure.Scope{From: from + 20, To: from + 30}, "1/4", 1},
		"now":                            {measure.Scope{From: from, To: from + 50}, "2/5", 2},
		"of its team":                    {measure.Scope{From: from, To: from + 50, By: measure.ByTeam}, "none2/5", 2},
		"of another team":                {measure.Scope{From: from, To: from + 50, Only: map[measure.Dimension][]string{measure.ByTeam: {"blue"}}}, "-", 0},
		"day by day, and at each's end":  {measure.Scope{From: from, To: from + 7, Step: measure.Daily}, "- 1/1 2/2 1/2 1/2 1/3 0/3", 0},
		"and not before all that begins": {measure.Scope{From: measure.Day(time.Now()) + 30, To: measure.Day(time.Now()) + 60}, "-", 0},
	} {
		if got := ask(c.scope); got != c.want {
			t.Errorf("open tickets %s: %s, want %s", name, got, c.want)
		}
		if proof, err := e.Evidence(t.Context(), "tickets-open", c.scope, 0, 100); err != nil || len(proof) != c.proof {
			t.Errorf("open tickets %s: evidence %v, %v, want %d", name, proof, err, c.proof)
		}
	}
}

// A ticket is about what its opening names, whoever says another thing later, and so are
// the events behind the numbers. Of no service anybody counts the users.
func TestTicketsAreAboutSomething(t *testing.T) {
	about := func(e event.Event, service, capability string) event.Event {
		e.Service, e.Capability = service, capability
		return e
	}
	for name, url := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "stoa.db") },
		"postgres": testenv.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			own := about(told("p", "created", "bug", "user/cy", 3), "mail", "logs")
			own.Team = "core"
			s := openStore(t, url(t), []event.Event{
				about(told("a", "closed", "", "user/bob", 3), "mail", "deploy"), about(told("a", "created", "bug", "user/ann", 1), "shop", "logs"),
				about(told("b", "created", "question", "user/ann", 2), "shop", ""), told("c", "created", "access", "user/cy", 2),
				about(told("d", "created", "feature", "user/cy", 2), "mail", "deploy"), own,
			})
			e, month := engine(t, s), measure.Scope{From: measure.Day(start), To: measure.Day(start) + 30}
			only := func(d measure.Dimension, names ...string) measure.Scope {
				return measure.Scope{From: month.From, To: month.To, Only: map[measure.Dimension][]string{d: names}}
			}
			for _, c := range []struct {
				measure string
				scope   measure.Scope
				want    string
				proof   int
			}{
				{"tickets-opened", measure.Scope{From: month.From, To: month.To, By: measure.ByService}, "none 1, shop 2", 4},
				{"tickets-opened", measure.Scope{From: month.From, To: month.To, By: measure.ByCapability}, "logs 1, none 2", 4},
				{"tickets-opened", only(measure.ByService, "shop"), " 2", 3},
				{"tickets-opened", only(measure.ByService, "mail"), " 1", 1}, // of the team that runs the platform: who asks for it gets it
				{"tickets-opened", only(measure.ByCapability, "logs"), " 1", 2},
				{"tickets-opened", only(measure.ByCapability, "deploy"), " 0", 0},
				{"tickets-open", only(measure.ByService, "shop"), " 1", 1},
				{"ticket-resolution-time", only(measure.ByCapability, "logs"), " 172800", 2},
				{"feature-requests", measure.Scope{From: month.From, To: month.To, By: measure.ByService}, "mail 1", 1}, // 29 days
			} {
				answer, err := e.Ask(t.Context(), c.measure, c.scope)
				if err != nil {
					t.Fatal(err)
				}
				var said []string
				for _, p := range answer.Points {
					said = append(said, fmt.Sprintf("%s %.0f", p.Group, *p.Value))
				}
				if got := strings.Join(said, ", "); got != c.want {
					t.Errorf("%s of %+v: %q, want %q", c.measure, c.scope, got, c.want)
				}
				if proof, err := e.Evidence(t.Context(), c.measure, c.scope, 0, 100); err != nil || len(proof) != c.proof {
					t.Errorf("%s of %+v: evidence %v, %v, want %d", c.measure, c.scope, proof, err, c.proof)
				}
			}
			if _, err := e.Ask(t.Context(), "tickets-per-100-users", only(measure.ByService, "shop")); !problem.Is(err, problem.Invalid) {
				t.Errorf("for users of a service: %v", err)
			}
		})
	}
}

// A formula says how a value comes about; what it is held against is the scorecard's to
// say, which judges by it.
func TestFormulasTellNoTargets(t *testing.T) {
	for _, m := range support.Measures(nil, nil) {
		if target, ok := measure.Balanced().Targets()[m.Name]; ok && strings.Contains(m.Formula, "Usual are") {
			t.Errorf("%s is held against %s, and its formula tells of another: %s", m.Name, m.Unit.Target(target), m.Formula)
		}
	}
}
