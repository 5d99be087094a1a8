package adoption_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// Here each measure is computed a second time, from the list of events and by
// nothing but loops, and compared on random histories.

// member is a team of the organisation that the histories are about: its names,
// old ones too, and what it is offered.
type member struct {
	name, segment string
	names         []string
}

func roster() []member {
	return []member{
		{"blue", "data", []string{"blue"}}, {"green", "", []string{"green"}},
		{"new", "web", []string{"new", "old", "older"}}, {"red", "web", []string{"red"}},
	}
}

// declareRoster declares that organisation. Kafka is offered to segment data only;
// green has an exception from logs.
func declareRoster(w *world) {
	w.user("root", catalog.UserSpec{Role: "platform-admin"})
	w.team("platform", catalog.TeamSpec{Platform: true, Owners: []string{"root"}}, nil)
	for _, m := range roster() {
		labels := map[string]string{}
		if m.segment != "" {
			labels["segment"] = m.segment
		}
		w.team(m.name, catalog.TeamSpec{Formerly: m.names[1:]}, labels)
	}
	w.capability("deploy", catalog.CapabilitySpec{QualifyingUse: `!use.type.startsWith("dev.cdevents.pipelinerun.")`})
	w.capability("logs", catalog.CapabilitySpec{QualifyingUse: `use.surface != "portal"`})
	w.capability("kafka", catalog.CapabilitySpec{Segments: []string{"data"}})
	w.exception("capability/logs", "team/green", time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
}

func offeredTo(m member, capability string) bool {
	switch capability {
	case "kafka":
		return m.segment == "data"
	case "logs":
		return m.name != "green"
	}
	return capability == "deploy"
}

// history is a list of events with what to look at.
type history struct {
	events []event.Event
	from   time.Time
	to     time.Time
	group  string
	by     measure.Dimension
}

// of gives the team that an event is about, and whether the scope has the event's team.
func (h history) of(e event.Event) (member, bool) {
	for _, m := range roster() {
		if slices.Contains(m.names, e.Team) {
			return m, h.has(m.name, m.segment) && h.about(e)
		}
	}
	return member{}, e.Team != "platform" && h.has("", "") && h.about(e)
}

// about reports whether an event is about what the scope is of, if that is a service or
// a capability.
func (h history) about(e event.Event) bool {
	switch h.by {
	case measure.ByService:
		return cmp.Or(e.Service, measure.Nobody) == h.group
	case measure.ByCapability:
		return cmp.Or(e.Capability, measure.Nobody) == h.group
	}
	return true
}

func (h history) has(team, segment string) bool {
	switch h.by {
	case measure.ByTeam:
		return cmp.Or(team, measure.Nobody) == h.group
	case measure.BySegment:
		return cmp.Or(segment, measure.Nobody) == h.group
	}
	return true
}

func (h history) members() []member {
	return slices.DeleteFunc(roster(), func(m member) bool { return !h.has(m.name, m.segment) })
}

func within(e event.Event, from, to time.Time) bool { return !e.Time.Before(from) && e.Time.Before(to) }

func qualifies(e event.Event) bool {
	if strings.HasPrefix(e.Type, "dev.stoa.") && e.Type != event.TypeUsage {
		return false
	}
	switch e.Capability {
	case "deploy":
		return !strings.Contains(e.Type, "pipelinerun")
	case "logs":
		return e.Type != event.TypeUsage || e.Extensions["surface"] != "portal"
	}
	return e.Capability == "kafka"
}

// first is the earliest event that some condition holds for.
func (h history) first(names []string, holds func(event.Event) bool) (time.Time, bool) {
	var best time.Time
	found := false
	for _, e := range h.events {
		if slices.Contains(names, e.Team) && holds(e) && (!found || e.Time.Before(best)) {
			best, found = e.Time, true
		}
	}
	return best, found
}

func isType(kinds ...string) func(event.Event) bool {
	return func(e event.Event) bool { return slices.Contains(kinds, e.Type) }
}

func deploys(e event.Event) bool {
	return strings.HasPrefix(e.Type, "dev.cdevents.service.deployed") || strings.HasPrefix(e.Type, "dev.cdevents.service.upgraded") ||
		strings.HasPrefix(e.Type, "dev.cdevents.service.rolledback")
}

// value is what a measure says: NaN is nothing.
type value struct {
	is float64
	n  int
}

func (h history) adoption() (using, could int) {
	for _, m := range h.members() {
		if seen, ok := h.first(m.names, func(event.Event) bool { return true }); !ok || !seen.Before(h.to) {
			continue
		}
		could++
		if slices.ContainsFunc(h.events, func(e event.Event) bool {
			return slices.Contains(m.names, e.Team) && within(e, h.from, h.to) && qualifies(e) && offeredTo(m, e.Capability)
		}) {
			using++
		}
	}
	return using, could
}

// active are the people who were, by day, in some days.
func (h history) active(from, to time.Time) map[string]map[string]bool {
	people := map[string]map[string]bool{}
	for _, e := range h.events {
		if _, in := h.of(e); !in || !within(e, from, to) || !qualifies(e) || e.Extensions["bot"] == "true" || strings.HasPrefix(e.Actor, "stoa/") || e.Actor == "user/root" {
			continue
		}
		if people[e.Actor] == nil {
			people[e.Actor] = map[string]bool{}
		}
		people[e.Actor][e.Time.Format(time.DateOnly)] = true
	}
	return people
}

// began is the day of the first use of all, of machines too.
func (h history) began() time.Time {
	first := h.to
	for _, e := range h.events {
		if e.Capability != "" && (e.Type == event.TypeUsage || !strings.HasPrefix(e.Type, "dev.stoa.")) && e.Time.Before(first) {
			first = e.Time
		}
	}
	return first.Truncate(24 * time.Hour)
}

func (h history) daily(from, to time.Time, all bool) float64 {
	if began := h.began(); began.After(from) {
		from = began
	}
	people, days, sum := h.active(from, to), 0, 0
	for at := from; at.Before(to); at = at.AddDate(0, 0, 1) {
		if weekday := at.Weekday(); !all && (weekday == time.Saturday || weekday == time.Sunday) {
			continue
		}
		days++
		for _, of := range people {
			if of[at.Format(time.DateOnly)] {
				sum++
			}
		}
	}
	if days == 0 && !all {
		return h.daily(from, to, true)
	}
	return float64(sum) / float64(days)
}

// median is Kaplan and Meier's, by the product over all times with an event.
func median(waits map[string]float64, there map[string]bool) value {
	v := value{math.NaN(), len(waits)}
	times := slices.Sorted(maps.Values(waits))
	left := 1.0
	for _, at := range slices.Compact(times) {
		risk, events := 0, 0
		for who, wait := range waits {
			if wait >= at {
				risk++
			}
			if wait == at && there[who] {
				events++
			}
		}
		left *= 1 - float64(events)/float64(risk)
		if left <= 0.5+1e-9 {
			return value{at, len(waits)}
		}
	}
	return v
}

func (h history) wait(reached ...func(event.Event) bool) value {
	waits, there := map[string]float64{}, map[string]bool{}
	for _, m := range h.members() {
		asked, isAsked := h.first(m.names, isType("dev.stoa.access.asked"))
		granted, isGranted := h.first(m.names, func(e event.Event) bool { return e.Type == "dev.stoa.access.granted" && e.Extensions["brought"] == "" })
		start := asked
		if isGranted && (!isAsked || granted.Before(asked)) {
			start = granted
		}
		if !isAsked && !isGranted || start.Before(h.from) || !start.Before(h.to) {
			continue
		}
		var last time.Time
		all := true
		for _, holds := range reached {
			at, ok := h.first(m.names, holds)
			all = all && ok
			if at.After(last) {
				last = at
			}
		}
		switch {
		case all && last.Before(h.to) && last.Before(start):
		case all && last.Before(h.to):
			waits[m.name], there[m.name] = last.Sub(start).Seconds(), true
		default:
			waits[m.name] = h.to.Sub(start).Seconds()
		}
	}
	return median(waits, there)
}

func (h history) access() value {
	waits, there := map[string]float64{}, map[string]bool{}
	open := map[string]map[string]event.Event{} // by team and person
	answer := func(asked event.Event, at time.Time) {
		if _, in := h.of(asked); in && within(asked, h.from, h.to) {
			waits[asked.ID] = min(at.Sub(asked.Time), h.to.Sub(asked.Time)).Seconds()
			there[asked.ID] = at.Before(h.to)
		}
	}
	for _, e := range slices.SortedStableFunc(slices.Values(h.events), func(a, b event.Event) int { return a.Time.Compare(b.Time) }) {
		m, _ := h.of(e)
		team := cmp.Or(m.name, "?"+e.Team)
		if e.Team == "" {
			continue
		}
		if open[team] == nil {
			open[team] = map[string]event.Event{}
		}
		switch e.Type {
		case "dev.stoa.access.asked":
			if _, waiting := open[team][e.Actor]; !waiting {
				open[team][e.Actor] = e
			}
		case "dev.stoa.access.granted":
			for person, asked := range open[team] {
				if len(e.Names) == 0 || slices.Contains(e.Names, person) {
					answer(asked, e.Time)
					delete(open[team], person)
				}
			}
		}
	}
	for _, waiting := range open {
		for _, asked := range waiting {
			answer(asked, h.to)
		}
	}
	return median(waits, there)
}

func (h history) newServices() (on, all int) {
	firsts := map[string]event.Event{}
	for _, e := range h.events {
		if known, ok := firsts[e.Service]; e.Service != "" && deploys(e) && (!ok || e.Time.Before(known.Time)) {
			firsts[e.Service] = e
		}
	}
	var begun time.Time
	for _, e := range firsts {
		if begun.IsZero() || e.Time.Before(begun) {
			begun = e.Time
		}
	}
	watched := begun.UTC().Truncate(24*time.Hour).AddDate(0, 0, 30)
	for _, e := range firsts {
		if _, in := h.of(e); in && within(e, h.from, h.to) && strings.HasPrefix(e.Type, "dev.cdevents.service.deployed") && !e.Time.Before(watched) {
			all++
			if e.Capability == "deploy" {
				on++
			}
		}
	}
	return on, all
}

func (h history) count(holds func(event.Event) int) int {
	n := 0
	for _, e := range h.events {
		if _, in := h.of(e); in && within(e, h.from, h.to) {
			n += holds(e)
		}
	}
	return n
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

func (h history) retention() (active, of int) {
	for _, m := range h.members() {
		start, ok := h.first(m.names, qualifies)
		if !ok || !start.Before(h.to) {
			continue
		}
		third := time.Date(start.Year(), start.Month()+3, 1, 0, 0, 0, 0, time.UTC)
		end := third.AddDate(0, 1, 0)
		if lastDay := end.AddDate(0, 0, -1); lastDay.Before(h.from) || !lastDay.Before(h.to) {
			continue
		}
		of++
		active += one(slices.ContainsFunc(h.events, func(e event.Event) bool {
			return slices.Contains(m.names, e.Team) && within(e, third, end) && qualifies(e)
		}))
	}
	return active, of
}

func (h history) forecast() value {
	over := time.Date(h.to.Year(), h.to.Month(), 1, 0, 0, 0, 0, time.UTC)
	var started []time.Time
	market := 0
	for _, m := range h.members() {
		start, ok := h.first(m.names, qualifies)
		seen, _ := h.first(m.names, func(event.Event) bool { return true })
		if ok && start.Before(over) {
			started = append(started, start)
		}
		if ok && start.Before(h.to) || !seen.IsZero() && seen.Before(h.to) {
			market++
		}
	}
	if len(started) == 0 {
		return value{math.NaN(), 0}
	}
	slices.SortFunc(started, time.Time.Compare)
	var cumulative []float64
	for month := time.Date(started[0].Year(), started[0].Month(), 1, 0, 0, 0, 0, time.UTC); month.Before(over); month = month.AddDate(0, 1, 0) {
		n := 0
		for _, at := range started {
			n += one(at.Before(month.AddDate(0, 1, 0)))
		}
		cumulative = append(cumulative, float64(n))
	}
	fit, err := stat.FitBass(cumulative, float64(market))
	if err != nil {
		return value{math.NaN(), 0}
	}
	e, _ := fit.Forecast(float64(len(cumulative) + 3))
	return value{e.Value / float64(market), len(cumulative)}
}

func ratio(k, n int) value {
	if n == 0 {
		return value{math.NaN(), n}
	}
	return value{float64(k) / float64(n), n}
}

// direct gives each measure of a history.
func direct() map[string]func(history) value {
	counted := func(n int) value { return value{float64(n), n} }
	log := func(e event.Event) bool { return e.Type == event.TypeUsage && e.Capability == "logs" }
	onPath := func(e event.Event) bool { return deploys(e) && e.Capability == "deploy" }
	alert := isType("dev.stoa.alert.received")
	return map[string]func(history) value{
		"adoption-rate": func(h history) value { return ratio(h.adoption()) },
		"active-teams": func(h history) value {
			using, could := h.adoption()
			return value{float64(using), could}
		},
		"mau": func(h history) value { return counted(len(h.active(h.to.AddDate(0, 0, -30), h.to))) },
		"wau": func(h history) value { return counted(len(h.active(h.to.AddDate(0, 0, -7), h.to))) },
		"dau": func(h history) value { return value{h.daily(h.from, h.to, false), len(h.active(h.from, h.to))} },
		"stickiness": func(h history) value {
			n := len(h.active(h.to.AddDate(0, 0, -30), h.to))
			if n == 0 {
				return value{math.NaN(), 0}
			}
			return value{h.daily(h.to.AddDate(0, 0, -30), h.to, false) / float64(n), n}
		},
		"time-to-first-deployment": func(h history) value { return h.wait(onPath) },
		"time-to-first-log-query":  func(h history) value { return h.wait(log) },
		"time-to-first-alert":      func(h history) value { return h.wait(alert) },
		"time-to-onboard":          func(h history) value { return h.wait(onPath, log, alert) },
		"time-to-access":           history.access,
		"new-services": func(h history) value {
			_, all := h.newServices()
			return counted(all)
		},
		"share-new-services-on-path": func(h history) value { return ratio(h.newServices()) },
		"refusals": func(h history) value {
			return counted(h.count(func(e event.Event) int {
				return one(e.Type == "dev.stoa.gate.refused") * (1 + strings.Count(e.Extensions["gate"], ","))
			}))
		},
		"input-friction": func(h history) value {
			asked := h.count(func(e event.Event) int {
				return one(e.Type == "dev.stoa.input.asked" && (e.Capability == "" || e.Capability == "deploy"))
			})
			runs := h.count(func(e event.Event) int { return one(onPath(e) && !strings.Contains(e.Type, "rolledback")) })
			if runs == 0 {
				return value{math.NaN(), 0}
			}
			return value{float64(asked) / float64(runs), runs}
		},
		"retention-3-months":         func(h history) value { return ratio(h.retention()) },
		"adoption-forecast-3-months": history.forecast,
	}
}

// drawHistory makes what happens to the organisation from January to July 2026.
func drawHistory(t *rapid.T) []event.Event {
	teams := rapid.SampledFrom([]string{"", "red", "red", "blue", "blue", "green", "green", "new", "old", "older", "platform", "nobody-knows"})
	types := rapid.SampledFrom([]string{event.TypeUsage, event.TypeUsage, event.TypeUsage, event.TypeUsage, "dev.stoa.access.asked", "dev.stoa.access.granted",
		"dev.stoa.team.created", "dev.stoa.alert.received", "dev.stoa.input.asked", "dev.stoa.gate.refused", "dev.cdevents.service.deployed.0.3.0", "dev.cdevents.service.upgraded.0.2.0",
		"dev.cdevents.service.rolledback.0.3.0", "dev.cdevents.service.removed.0.3.0", "dev.cdevents.pipelinerun.finished.0.3.0", "com.example.other"})
	actors := rapid.SampledFrom([]string{"user/ann", "user/bob", "user/cid", "user/root", "token/ci", "stoa/delivery"})
	events := make([]event.Event, rapid.IntRange(1, 250).Draw(t, "n"))
	for i := range events {
		e := event.Event{
			ID: strconv.Itoa(i), Source: "https://example.org/" + strconv.Itoa(i), Type: types.Draw(t, "type"), Team: teams.Draw(t, "team"), Actor: actors.Draw(t, "actor"),
			Capability: rapid.SampledFrom([]string{"", "deploy", "deploy", "logs", "kafka", "unheard-of"}).Draw(t, "capability"),
			Service:    rapid.SampledFrom([]string{"", "shop", "search", "etl", "mail"}).Draw(t, "service"),
			// No two at the same time: then their order would tell which is first.
			Time:       time.Date(2026, 1, 1, 0, 0, 0, i*1000, time.UTC).Add(time.Duration(rapid.IntRange(0, 200*24*30).Draw(t, "at")) * 2 * time.Minute),
			Extensions: map[string]string{},
		}
		switch e.Type {
		case event.TypeUsage:
			e.Extensions["surface"] = rapid.SampledFrom([]string{"cli", "portal", "api"}).Draw(t, "surface")
			if e.Actor == "token/ci" {
				e.Extensions["bot"] = "true"
			}
		case "dev.stoa.input.asked":
			e.Extensions["question"] = "team"
		case "dev.stoa.gate.refused":
			e.Extensions["gate"] = rapid.SampledFrom([]string{"quota/red", "quota/red,policy/node"}).Draw(t, "gate")
		case "dev.stoa.access.granted":
			e.Names = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"user/ann", "user/bob", "user/cid"}), 0, 2, rapid.ID[string]).Draw(t, "names")
			if rapid.IntRange(0, 4).Draw(t, "brought") == 0 {
				e.Extensions["brought"] = "true" // with a catalog from elsewhere: nobody set out by it
			}
		}
		if deploys(e) {
			e.Actor = "stoa/delivery"
			e.Capability = rapid.SampledFrom([]string{"", "deploy", "deploy"}).Draw(t, "path")
			// Many services with few deployments each, so that some come late and are new.
			if rapid.IntRange(0, 3).Draw(t, "new") > 0 {
				e.Service, e.Type = e.Service+"-"+strconv.Itoa(i), "dev.cdevents.service.deployed.0.3.0"
			}
		}
		events[i] = e
	}
	return events
}

// TestMeasuresAreWhatTheEventsSay compares every measure of random scopes.
func TestMeasuresAreWhatTheEventsSay(t *testing.T) {
	compared := map[string]int{}
	for name, url := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "stoa.db"), "postgres": ""} {
		t.Run(name, func(t *testing.T) {
			if url == "" {
				url = testenv.Postgres(t)
			}
			declareRoster(enter(t, open(t, url)))
			rapid.Check(t, func(t *rapid.T) {
				s := fresh(t, url)
				defer s.Close()
				w := enter(t, s)
				events := drawHistory(t)
				for rest := events; len(rest) > 0; {
					n := rapid.IntRange(1, len(rest)).Draw(t, "appended")
					w.add(rest[:n]...)
					rest = rest[n:]
				}
				for range 5 {
					from := time.Date(2026, 1, rapid.IntRange(-20, 160).Draw(t, "from"), 0, 0, 0, 0, time.UTC)
					scope := measure.Scope{From: measure.Day(from), By: rapid.SampledFrom([]measure.Dimension{"", measure.ByTeam, measure.BySegment}).Draw(t, "by"),
						Step: rapid.SampledFrom([]measure.Step{measure.Whole, measure.Whole, measure.Weekly, measure.Monthly, measure.Daily}).Draw(t, "step")}
					scope.To = scope.From + rapid.Int64Range(1, 160).Draw(t, "days") // the teams are declared in December
					var names []string
					for name := range direct() {
						if name == "adoption-forecast-3-months" && scope.By == measure.ByTeam {
							continue
						}
						names = append(names, name)
						compare(w, name, scope, events, compared)
					}
					together(w, names, scope)
					for name, dimensions := range cutsAbout() {
						about := scope
						about.By = rapid.SampledFrom(dimensions).Draw(t, "about")
						compare(w, name, about, events, compared)
					}
					compareUsers(w, scope, events, scope.From+rapid.Int64Range(-20, 100).Draw(t, "since"), compared)
				}
			})
		})
	}
	for name := range direct() {
		if compared[name] < 3 { // chance has few histories of some
			t.Errorf("%s had a value %d times only", name, compared[name])
		}
	}
	for name, dimensions := range cutsAbout() {
		for _, d := range dimensions {
			if key := name + " by " + string(d); compared[key] < 3 {
				t.Errorf("%s had a value %d times only", key, compared[key])
			}
		}
	}
}

// cutsAbout are the cuts of what is about a service or a capability.
func cutsAbout() map[string][]measure.Dimension {
	return map[string][]measure.Dimension{"refusals": {measure.ByService, measure.ByCapability}, "input-friction": {measure.ByService}}
}

// together: measures that share what they read say the same as each by itself.
func together(w *world, names []string, scope measure.Scope) {
	w.t.Helper()
	all, err := w.engine.AskAll(context.Background(), names, scope)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, name := range names {
		if alone, err := w.engine.Ask(context.Background(), name, scope); err != nil || !reflect.DeepEqual(alone, all[i]) {
			w.t.Errorf("%s of %+v alone: %+v (%v), with others: %+v", name, scope, alone.Points, err, all[i].Points)
		}
	}
}

func compare(w *world, name string, scope measure.Scope, events []event.Event, compared map[string]int) {
	w.t.Helper()
	answer, err := w.engine.Ask(context.Background(), name, scope)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range answer.Points {
		h := history{events: events, by: scope.By, group: p.Group}
		h.from, _ = time.Parse(time.DateOnly, p.From)
		h.to, _ = time.Parse(time.DateOnly, p.To)
		want := direct()[name](h)
		if p.Value == nil {
			// What was recorded nowhere is not there; an open median has no value.
			if !math.IsNaN(want.is) && want.is != 0 {
				w.t.Errorf("%s of %+v in %q from %s to %s: nothing (%s), want %+v", name, scope, p.Group, p.From, p.To, p.Note, want)
			}
			continue
		}
		compared[name]++
		compared[name+" by "+string(scope.By)]++
		if math.Abs(*p.Value-want.is) > 1e-9*max(1, math.Abs(want.is)) || math.IsNaN(want.is) || p.N != int64(want.n) {
			w.t.Errorf("%s of %+v in %q from %s to %s: %v of %d, want %+v of %v", name, scope, p.Group, p.From, p.To, *p.Value, p.N, want, fmt.Sprint(events))
		}
		if p.Interval != nil && (p.Interval.Low > *p.Value || p.Interval.High < *p.Value) {
			w.t.Errorf("%s: %v is not in its interval %v", name, *p.Value, *p.Interval)
		}
	}
}
