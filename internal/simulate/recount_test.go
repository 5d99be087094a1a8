package simulate

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
)

// told is an event as anybody reads it.
type told struct {
	ID, Source, Type, Subject, Actor, Team, Service, Capability, Environment string
	Simulated, Bot, Question, Count, Surface                                 string
	Time                                                                     time.Time
	Data                                                                     struct {
		Subject struct {
			ID      string
			Content struct {
				Environment, Service struct{ ID string }
				Outcome, TicketType  string
			}
		}
		CustomData struct {
			Release, Cause, Previous, Commit, Fixes, Deployment string
			CommitTime                                          time.Time
			Changes                                             []struct {
				Commit string
				Time   time.Time
			}
		}
	}
}

// recount reads a stream of events by itself: none of the generator's own
// numbers is used but who is in which segment and of which persona.
type recount struct {
	events     []told
	lines      int
	duplicates int
	segment    map[string]string // by team, under all its names
	team       map[string]string // its name now
	persona    map[string]string // by principal
}

// tester is what the tests of the standard library and of rapid share.
type tester interface {
	Helper()
	Context() context.Context
	Fatalf(format string, args ...any)
}

// each visits the events of an organisation as anybody reads them.
func each(t tester, o Options, visit func(e told, line []byte)) (*world, Truth) {
	t.Helper()
	w, err := newWorld(o, DefaultModel())
	if err != nil {
		t.Fatalf("%v", err)
	}
	truth, err := w.generator(func(line []byte) error {
		var e told
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("%w: %s", err, line)
		}
		visit(e, line)
		return nil
	}).live(t.Context(), nil)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return w, truth
}

// simulated is an organisation with its events and its truth.
func simulated(t tester, o Options) (*recount, Truth) {
	t.Helper()
	r := &recount{segment: map[string]string{}, team: map[string]string{}, persona: map[string]string{}}
	seen := map[string]string{}
	w, truth := each(t, o, func(e told, line []byte) {
		r.lines++
		if before, ok := seen[e.Source+" "+e.ID]; ok {
			if before != string(line) {
				t.Fatalf("two events under one id:\n%s\n%s", before, line)
			}
			r.duplicates++
			return
		}
		seen[e.Source+" "+e.ID] = string(line)
		r.events = append(r.events, e)
	})
	for _, one := range w.teams {
		for _, name := range []string{one.name, one.firstName()} {
			r.segment[name], r.team[name] = one.segment.Name, one.name
		}
	}
	for _, one := range w.people {
		r.persona[one.principal()] = personas[one.persona]
	}
	return r, truth
}

// used reports whether an event is a person's use of the platform.
func (e told) used() bool {
	tells := e.Type == typeUsage || (!strings.HasPrefix(e.Type, "dev.stoa.") && e.Type != typePipelineFinished && !strings.Contains(e.Type, ".ticket."))
	return tells && e.Capability != "" && e.Bot == "" && strings.HasPrefix(e.Actor, "user/")
}

func (r *recount) in(w Window, segment string, keep func(told) bool) []told {
	var found []told
	for _, e := range r.events {
		if !e.Time.Before(w.From) && e.Time.Before(w.To) && (segment == "" || r.segment[e.Team] == segment) && keep(e) {
			found = append(found, e)
		}
	}
	return found
}

func distinct(events []told, key func(told) string) int {
	seen := map[string]bool{}
	for _, e := range events {
		seen[key(e)] = true
	}
	return len(seen)
}

// served is a deployment to production with what became of it.
type served struct {
	told
	on     bool
	failed bool
	broke  time.Time
	mended time.Time // zero: not yet
}

// delivery reads deployments and incidents, and finds out by the rules which
// deployments failed.
func (r *recount) delivery() (deployments []*served, incidents map[string]*served) {
	byService, byName := map[string][]*served{}, map[string]*served{}
	incidents = map[string]*served{}
	sort.SliceStable(r.events, func(i, j int) bool { return r.events[i].Time.Before(r.events[j].Time) })
	for _, e := range r.events {
		if strings.HasPrefix(e.Type, "dev.cdevents.service.") && e.Environment == production {
			d := &served{told: e, on: e.Capability == "deploy"}
			deployments = append(deployments, d)
			byService[e.Service] = append(byService[e.Service], d)
			byName[e.ID], byName[e.Data.CustomData.Release] = d, d
		}
		if strings.HasPrefix(e.Type, "dev.cdevents.incident.") {
			id := e.Data.Subject.ID
			if strings.Contains(e.Type, ".resolved.") {
				incidents[id].mended = e.Time
			} else {
				incidents[id] = &served{told: e, broke: e.Time}
			}
		}
	}
	before := func(service string, t time.Time) *served {
		var last *served
		for _, d := range byService[service] {
			if d.Time.Before(t) {
				last = d
			}
		}
		return last
	}
	fail := func(d *served, broke, mended time.Time) {
		if !d.failed || broke.Before(d.broke) {
			d.failed, d.broke, d.mended = true, broke, mended
		}
	}
	caused := map[*served]*served{}
	for _, i := range incidents {
		if name := i.Data.CustomData.Deployment; name != "" {
			fail(byName[name], i.broke, i.mended)
			caused[i] = byName[name]
		}
	}
	for _, d := range deployments {
		switch custom := d.Data.CustomData; custom.Cause {
		case "rollback":
			fail(byName[custom.Previous], byName[custom.Previous].Time, d.Time)
		case "hotfix":
			bad := byName[custom.Fixes]
			if custom.Fixes == "" {
				bad = before(d.Service, d.Time)
			}
			if incidents[custom.Fixes] == nil { // else the incident shows it
				fail(bad, bad.Time, d.Time)
			}
		}
	}
	for _, i := range incidents {
		d := before(i.Service, i.Time)
		if caused[i] == nil && d != nil && i.Time.Sub(d.Time) < 24*time.Hour {
			fail(d, i.broke, i.mended)
			caused[i] = d
		}
		if i.failed = caused[i] != nil; i.failed {
			d = caused[i]
		}
		i.on = d != nil && d.on
	}
	return deployments, incidents
}

// halfway is the median of Kaplan and Meier, written down as its definition:
// the first time up to which the product of (1 - ended/at risk) is at most a half.
func halfway(spans map[time.Duration]int, open []time.Duration) (float64, bool) {
	times := make([]time.Duration, 0, len(spans))
	for t := range spans {
		times = append(times, t)
	}
	slices.Sort(times)
	for _, until := range times {
		product := 1.0
		for _, t := range times {
			if t > until {
				break
			}
			risk := 0
			for other, n := range spans {
				if other >= t {
					risk += n
				}
			}
			for _, o := range open {
				if o >= t {
					risk++
				}
			}
			product *= 1 - float64(spans[t])/float64(risk)
		}
		if product <= 0.5+1e-12 {
			return until.Seconds(), true
		}
	}
	return 0, false
}

func middleOf(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// value finds a value of the truth.
func (t Truth) value(tb testing.TB, measure, window, cut string) *float64 {
	tb.Helper()
	for _, m := range t.Measures {
		if m.Name != measure {
			continue
		}
		for _, v := range m.Values {
			if v.Window == window && v.Cut == cut {
				return v.Value
			}
		}
	}
	tb.Fatalf("the truth has no %s in %s of %s", measure, window, cut)
	return nil
}

// agrees compares a value of the truth with what was counted; known false is none.
func (t Truth) agrees(tb testing.TB, measure, window, cut string, counted float64, known bool) {
	tb.Helper()
	switch v := t.value(tb, measure, window, cut); {
	case v == nil && known:
		tb.Errorf("%s in %s of %s: the truth has none, counted %g", measure, window, cut, counted)
	case v != nil && !known:
		tb.Errorf("%s in %s of %s: the truth is %g, counted none", measure, window, cut, *v)
	case v != nil && math.Abs(*v-counted) > 1e-6*max(1, math.Abs(counted)):
		tb.Errorf("%s in %s of %s: the truth is %g, counted %g", measure, window, cut, *v, counted)
	}
}
