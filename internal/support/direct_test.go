package support_test

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/support"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// Here each measure is counted a second time, from the list of events and by
// nothing but loops, and compared on random histories.

// spoken are kinds of tickets by the words of trackers for them.
var spoken = map[string]string{
	"": "", "question": "question", "help": "question", "Bug": "bug", " defect": "bug", "access": "access", "enhancement": "feature", "feature-request": "feature", "odd": "other",
}

// drawTickets makes what trackers tell in a hundred days: of few tickets much, in
// any order, and of some only half.
func drawTickets(t *rapid.T) []event.Event {
	words := rapid.SampledFrom(slices.Sorted(maps.Keys(spoken)))
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	events := make([]event.Event, rapid.IntRange(1, 80).Draw(t, "n"))
	for i := range events {
		e := told("T-"+strconv.Itoa(rapid.IntRange(1, 15).Draw(t, "ticket")), pick("predicate", "created", "created", "updated", "closed"), words.Draw(t, "kind"),
			pick("actor", "user/ann", "user/bob", "user/cy", ""), 0)
		e.ID, e.Team, e.Source = strconv.Itoa(i), pick("team", "red", "red", "blue", "core", ""), pick("source", "https://a.example.org", "https://b.example.org")
		e.Service, e.Capability = pick("service", "", "shop", "mail"), pick("capability", "", "logs", "deploy")
		// No two at the same time: then their order would tell which is first.
		e.Time = start.Add(time.Duration(rapid.IntRange(0, 100*24).Draw(t, "at"))*time.Hour + time.Duration(i)*time.Microsecond)
		if e.Actor == "user/cy" && rapid.Bool().Draw(t, "a machine tells of it") {
			e.Extensions = map[string]string{event.ExtBot: "true"}
		}
		events[i] = e
	}
	return events
}

// poster is who appends.
const poster = "stoa/test"

// unrelated is what tells of no ticket, though it may look like it.
func unrelated(t *rapid.T) event.Event {
	e := told("T-1", "created", "bug", "user/ann", float64(rapid.IntRange(-50, 150).Draw(t, "unrelated")))
	e.ID, e.Type = "unrelated", rapid.SampledFrom([]string{"dev.cdevents.incident.detected.0.3.0", "com.example.ticket.created", "dev.stoa.usage.recorded"}).Draw(t, "type")
	return e
}

// counted is a ticket as all of its events tell of it.
type counted struct {
	opened, closed time.Time
	team, actor    string
	service        string
	capability     string
	machine        bool
	kind           string
	said           time.Time
}

func recount(events []event.Event) map[string]*counted {
	all := map[string]*counted{}
	for _, e := range events {
		subject, predicate, _ := event.CDEvent(e.Type)
		if subject != "ticket" {
			continue
		}
		var data struct {
			Subject struct {
				ID      string
				Content struct{ TicketType string }
			}
		}
		_ = json.Unmarshal(e.Data, &data)
		key := e.Source + " " + data.Subject.ID
		if all[key] == nil {
			all[key] = &counted{}
		}
		c := all[key]
		if predicate == "created" && (c.opened.IsZero() || e.Time.Before(c.opened)) {
			c.opened, c.team, c.actor, c.machine = e.Time, e.Team, e.Actor, e.Extensions[event.ExtBot] == "true"
			c.service, c.capability = e.Service, e.Capability
		}
		if predicate == "closed" && e.Time.After(c.closed) {
			c.closed = e.Time
		}
		if kind := spoken[data.Subject.Content.TicketType]; kind != "" && (c.said.IsZero() || e.Time.Before(c.said)) {
			c.kind, c.said = kind, e.Time
		}
	}
	return all
}

// group is where a ticket belongs in the cut of a scope; ok is false for what it leaves
// out: another service or capability than it is narrowed to, and the platform's own.
func (c *counted) group(s measure.Scope) (name string, ok bool) {
	of := map[measure.Dimension]string{
		measure.ByTeam: cmp.Or(c.team, "none"), measure.BySegment: "none", measure.ByService: cmp.Or(c.service, "none"), measure.ByCapability: cmp.Or(c.capability, "none"),
	}
	if c.team == "red" {
		of[measure.BySegment] = "web"
	}
	ok = c.team != "core" || s.Only[measure.ByService] != nil // who asks for a service asks for whomever's it is
	for dimension, names := range s.Only {
		ok = ok && slices.Contains(names, of[dimension])
	}
	return of[s.By], ok
}

// people is how many are active in a group and a time, and used on how many
// working days in sum: what another room counts is given here.
func people(group string, b measure.Bucket) int {
	if group == "blue" {
		return 0
	}
	return 20 + len(group) + int(b.From%7)
}

// personDays is what the people of a time come to since a day.
func personDays(group string, b measure.Bucket, since int64) int64 {
	return int64(people(group, b)) * max(0, b.To-max(b.From, since)) * 2 / 3
}

func used(group string, b measure.Bucket) int { return people(group, b) * workingDays(b) / 3 }

func workingDays(b measure.Bucket) (n int) {
	for day := measure.Date(b.From); day.Before(measure.Date(b.To)); day = day.AddDate(0, 0, 1) {
		if day.Weekday() != time.Saturday && day.Weekday() != time.Sunday {
			n++
		}
	}
	return n
}

// value is what a measure says, NaN for nothing, and of how many.
type value struct {
	is float64
	n  int
}

// directly counts a measure of a group in a time.
func directly(name string, all map[string]*counted, s measure.Scope, group string, b measure.Bucket) value {
	from, to := measure.Date(b.From), measure.Date(b.To)
	var first time.Time // that any ticket was opened
	var mine []*counted // opened in the time
	open, before := 0, 0
	for _, c := range all {
		if !c.opened.IsZero() && (first.IsZero() || c.opened.Before(first)) {
			first = c.opened
		}
		if of, ok := c.group(s); !ok || of != group || c.opened.IsZero() || (c.kind == "feature") != (name == "feature-requests") || !c.opened.Before(to) {
			continue
		}
		if before++; c.closed.IsZero() || !c.closed.Before(to) && !c.closed.Before(c.opened) {
			open++
		}
		if !c.opened.Before(from) {
			mine = append(mine, c)
		}
	}
	nothing := value{is: math.NaN()}
	known := !first.IsZero() && first.Before(to)
	since := from
	if began := first.Truncate(24 * time.Hour); began.After(since) {
		since = began
	}
	months := to.Sub(since).Hours() / 24 / 30
	switch name {
	case "tickets-opened":
		return value{float64(len(mine)), len(mine)}
	case "tickets-open":
		return value{float64(open), before}
	case "tickets-per-100-users":
		if n := people(group, b); n > 0 && known {
			return value{100 * float64(len(mine)) / float64(personDays(group, b, measure.Day(since))) * 30, n}
		}
		return nothing
	case "tickets-per-100-daily-users":
		if n := used(group, b); n > 0 && known {
			return value{100 * float64(len(mine)) * float64(workingDays(b)) / float64(n) / months, n}
		}
		return nothing
	case "feature-requests":
		who := map[string]bool{}
		for i, c := range mine {
			if c.machine {
				who[fmt.Sprint("machine ", i)] = true
				continue
			}
			who[cmp.Or(c.actor, poster)+c.opened.Format(" 2006-01")] = true // who told of it, where it names nobody
		}
		return value{float64(len(who)) / months, len(mine)}
	}
	var ended, waiting []float64
	for _, c := range mine {
		switch {
		case c.closed.IsZero():
			waiting = append(waiting, time.Since(c.opened).Seconds()) // longer than all that ended
		case !c.closed.Before(c.opened):
			ended = append(ended, c.closed.Sub(c.opened).Seconds())
		}
	}
	return halfOver(ended, waiting)
}

// halfOver is the first time by which half or less still wait.
func halfOver(ended, waiting []float64) value {
	slices.Sort(ended)
	all := slices.Concat(ended, waiting)
	left := 1.0
	for _, at := range slices.Compact(slices.Clone(ended)) {
		ends, risk := 0.0, 0.0
		for _, e := range ended {
			if e == at {
				ends++
			}
		}
		for _, w := range all {
			if w >= at {
				risk++
			}
		}
		if left *= 1 - ends/risk; left <= 0.5+1e-9 {
			return value{at, len(all)}
		}
	}
	return value{math.NaN(), len(all)}
}

// engine gives the measures of a store with teams red, blue, and core, which runs
// the platform.
func engine(t fataler, s *store.Store) *measure.Engine {
	o := &measure.Org{
		Teams:    []*measure.Team{{Name: "blue"}, {Name: "core", Platform: true}, {Name: "red", Segment: "web"}},
		Services: map[int64]string{}, CapabilityNames: map[int64]string{},
		Names: map[measure.Dimension][]string{measure.ByService: {"shop", "mail"}, measure.ByCapability: {"logs", "deploy"}},
	}
	number := func(kind event.DimKind, name string) (id int64, named bool) {
		err := s.QueryRow(context.Background(), "SELECT id FROM dim WHERE kind = $1 AND name = $2", kind, name).Scan(&id)
		if err != nil && !errors.Is(err, sql.ErrNoRows) { // else no event has named it
			t.Fatal(err)
		}
		return id, err == nil
	}
	for _, team := range o.Teams {
		if id, named := number(event.DimTeam, team.Name); named {
			team.IDs = []int64{id}
		}
	}
	for _, name := range o.Names[measure.ByService] {
		if id, named := number(event.DimService, name); named {
			o.Services[id] = name
		}
	}
	for _, name := range o.Names[measure.ByCapability] {
		if id, named := number(event.DimCapability, name); named {
			o.CapabilityNames[id] = name
		}
	}
	o.Index()
	users := func(_ context.Context, v *measure.View, since int64) (map[measure.Key]measure.Users, error) {
		return given(v, func(group string, b measure.Bucket) measure.Users {
			return measure.Users{People: people(group, b), PersonDays: personDays(group, b, since)}
		}), nil
	}
	daysOfUse := func(_ context.Context, v *measure.View) (map[measure.Key]int, error) { return given(v, used), nil }
	e, err := measure.NewEngine(s, teams{o}, support.Measures(users, daysOfUse)...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// given is what another room says of each group and bucket.
func given[N any](v *measure.View, n func(string, measure.Bucket) N) map[measure.Key]N {
	all := map[measure.Key]N{}
	for _, group := range map[measure.Dimension][]string{"": {""}, measure.ByTeam: {"red", "blue", "none"}, measure.BySegment: {"web", "none"}, measure.ByCapability: {"logs", "deploy", "none"}}[v.By] {
		for i, b := range v.Buckets() {
			all[measure.Key{Group: group, Bucket: i}] = n(group, b)
		}
	}
	return all
}

type fataler interface{ Fatal(...any) }

type teams struct{ org *measure.Org }

func (o teams) Org(context.Context) (*measure.Org, error) { return o.org, nil }

// fresh gives a store with nothing in the tables and nothing in memory.
func fresh(t fataler, url string) *store.Store {
	reopen := func() *store.Store {
		// What is open yet has waited until the last event came: at one time, so that
		// two ledgers say the same.
		s, err := store.Open(context.Background(), url, store.Options{Clock: func() time.Time { return start.AddDate(0, 9, 0) }})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := reopen()
	err := s.Write(context.Background(), poster, func(ctx context.Context, tx *store.Tx) error {
		for _, q := range []string{"DELETE FROM events", "DELETE FROM event_key", "DELETE FROM event_payload", "DELETE FROM dim", "DELETE FROM persons",
			"DELETE FROM projections", "DELETE FROM tickets", "UPDATE ledger_head SET seq = 0, dims = 0"} {
			if _, err := tx.Exec(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	return reopen()
}

// arrive appends events in pieces, each of which is projected before the next comes.
func arrive(t *rapid.T, s *store.Store, events []event.Event) {
	for rest := events; len(rest) > 0; {
		n := rapid.IntRange(1, len(rest)).Draw(t, "appended")
		if _, err := s.AppendEvents(context.Background(), poster, rest[:n], nil); err != nil {
			t.Fatal(err)
		}
		if err := event.NewRunner(s, support.Projectors(), event.RunnerOptions{Batch: rapid.IntRange(1, 20).Draw(t, "batch")}).CatchUp(context.Background()); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
}

func drawScope(t *rapid.T) measure.Scope {
	s := measure.Scope{From: measure.Day(start) + rapid.Int64Range(-20, 90).Draw(t, "from"),
		By:   rapid.SampledFrom([]measure.Dimension{"", measure.ByTeam, measure.BySegment, measure.ByService, measure.ByCapability}).Draw(t, "by"),
		Step: rapid.SampledFrom([]measure.Step{measure.Whole, measure.Whole, measure.Weekly, measure.Monthly, measure.Daily}).Draw(t, "step")}
	s.To = s.From + rapid.Int64Range(1, 100).Draw(t, "days")
	switch rapid.IntRange(0, 5).Draw(t, "narrowed") {
	case 0:
		s.Only = map[measure.Dimension][]string{measure.ByService: {"shop"}}
	case 1:
		s.Only = map[measure.Dimension][]string{measure.ByCapability: {"logs", "none"}}
	}
	return s
}

// TestMeasuresAreWhatTheEventsSay compares every measure of random scopes.
func TestMeasuresAreWhatTheEventsSay(t *testing.T) {
	compared := map[string]int{} // by measure, and by measure and cut
	for name, url := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "stoa.db"), "postgres": ""} {
		t.Run(name, func(t *testing.T) {
			if url == "" {
				url = testenv.Postgres(t)
			}
			rapid.Check(t, func(t *rapid.T) {
				s := fresh(t, url)
				defer s.Close()
				events := drawTickets(t)
				arrive(t, s, events)
				e, all := engine(t, s), recount(events)
				for range 10 {
					compare(t, e, all, drawScope(t), compared)
				}
			})
		})
	}
	for _, m := range support.Measures(nil, nil) {
		for _, cut := range append(m.Cuts, "") {
			if cut != measure.ByWave && compared[m.Name+" by "+string(cut)] == 0 {
				t.Errorf("%s by %q was compared without a value only", m.Name, cut)
			}
		}
	}
}

// compare counts every measure that has the cut of a scope.
func compare(t *rapid.T, e *measure.Engine, all map[string]*counted, scope measure.Scope, compared map[string]int) {
	for _, d := range e.Definitions() {
		if _, ok := d.Allows(scope); !ok {
			continue
		}
		answer, err := e.Ask(context.Background(), d.Name, scope)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range answer.Points {
			want := directly(d.Name, all, scope, p.Group, measure.Bucket{From: dayOf(p.From), To: dayOf(p.To)})
			if p.Value == nil { // where nothing was told there is no number
				if !math.IsNaN(want.is) && want.is != 0 {
					t.Errorf("%s of %+v in %q from %s to %s: nothing (%s), want %+v", d.Name, scope, p.Group, p.From, p.To, p.Note, want)
				}
				continue
			}
			compared[d.Name+" by "+string(scope.By)]++
			if math.IsNaN(want.is) || math.Abs(*p.Value-want.is) > 1e-9*max(1, math.Abs(want.is)) || p.N != int64(want.n) {
				t.Errorf("%s of %+v in %q from %s to %s: %v of %d, want %+v", d.Name, scope, p.Group, p.From, p.To, *p.Value, p.N, want)
			}
		}
	}
}

func dayOf(date string) int64 {
	at, _ := time.Parse(time.DateOnly, date) // which the engine wrote
	return measure.Day(at)
}

// everything is what all measures say of a scope.
func everything(t *rapid.T, s *store.Store, scope measure.Scope) string {
	e := engine(t, s)
	var all strings.Builder
	for _, d := range e.Definitions() {
		if _, ok := d.Allows(scope); !ok {
			continue
		}
		answer, err := e.Ask(context.Background(), d.Name, scope)
		if err != nil {
			t.Fatal(err)
		}
		said, err := json.Marshal(answer.Points)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s: %s\n", d.Name, said)
	}
	return all.String()
}

// TestOrderChangesNothing: whatever comes late, in another order, in other pieces,
// twice, or is about something else, no measure says anything else.
func TestOrderChangesNothing(t *testing.T) {
	for name, url := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "stoa.db"), "postgres": ""} {
		t.Run(name, func(t *testing.T) {
			if url == "" {
				url = testenv.Postgres(t)
			}
			rapid.Check(t, func(t *rapid.T) {
				events, scope := drawTickets(t), drawScope(t)
				s := fresh(t, url)
				arrive(t, s, events)
				want := everything(t, s, scope)
				arrive(t, s, events)
				if got := everything(t, s, scope); got != want {
					t.Errorf("twice:\n%swant\n%s", got, want)
				}
				arrive(t, s, []event.Event{unrelated(t)})
				if got := everything(t, s, scope); got != want {
					t.Errorf("with an unrelated event:\n%swant\n%s", got, want)
				}
				_ = s.Close()

				s = fresh(t, url)
				defer s.Close()
				arrive(t, s, rapid.Permutation(events).Draw(t, "order"))
				if got := everything(t, s, scope); got != want {
					t.Errorf("in another order:\n%swant\n%s", got, want)
				}
			})
		})
	}
}

// TestSplittingAddsUp: what is counted in two times side by side is what is
// counted in both.
func TestSplittingAddsUp(t *testing.T) {
	url := filepath.Join(t.TempDir(), "stoa.db")
	rapid.Check(t, func(t *rapid.T) {
		s := fresh(t, url)
		defer s.Close()
		arrive(t, s, drawTickets(t))
		e := engine(t, s)
		from := measure.Day(start) + rapid.Int64Range(-20, 80).Draw(t, "from")
		middle := from + rapid.Int64Range(1, 60).Draw(t, "middle")
		to := middle + rapid.Int64Range(1, 60).Draw(t, "to")
		for name, parts := range map[string][]string{
			"tickets-opened": {"question", "bug", "access", "other", "unsaid"}, "tickets-per-100-users": {"tickets"}, "tickets-per-100-daily-users": {"tickets"}, "feature-requests": {"requests"},
		} {
			said := func(from, to int64) map[string]float64 {
				answer, err := e.Ask(context.Background(), name, measure.Scope{From: from, To: to})
				if err != nil {
					t.Fatal(err)
				}
				all := map[string]float64{}
				for _, part := range parts {
					all[part] = answer.Points[0].Parts[part]
				}
				return all
			}
			a, b, whole := said(from, middle), said(middle, to), said(from, to)
			for part, n := range whole {
				if a[part]+b[part] != n {
					t.Errorf("%s of %s: %v and %v are not %v", part, name, a[part], b[part], n)
				}
			}
		}
	})
}
