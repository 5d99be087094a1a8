package simulate

import (
	"cmp"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/simulate/naming"
)

// Truth is what measures of the simulated events should say: not what the
// events were read back as, but what the generator decided.
type Truth struct {
	Simulated    bool              `json:"simulated"` // always true
	Name         string            `json:"name"`      // of the organisation
	Teams        int               `json:"teams"`
	Months       int               `json:"months"`
	Seed         uint64            `json:"seed"`
	Activity     float64           `json:"activity"`
	From         time.Time         `json:"from"`
	To           time.Time         `json:"to"` // half-open
	Windows      map[string]Window `json:"windows"`
	Parameters   Model             `json:"parameters"`
	Organisation Population        `json:"organisation"`
	Counts       Counts            `json:"counts"`
	Measures     []Measure         `json:"measures"`
}

// Window is a time, half-open.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Population tells who there is, also of what no event tells.
type Population struct {
	Teams    int                 `json:"teams"`
	People   int                 `json:"people"`
	Services int                 `json:"services"` // born before the end
	Personas map[string]int      `json:"personas"`
	Segments map[string]int      `json:"segments"` // teams
	Waves    map[string]int      `json:"waves"`    // teams
	OwnCI    []string            `json:"ownCI"`    // teams that deploy, or did, by a CI of their own
	Renamed  map[string]string   `json:"renamed"`  // new name by old name
	Churned  []string            `json:"churned"`  // teams that use the platform no more
	Stuck    map[string][]string `json:"stuck"`    // teams that never take a step, by that step
}

// Measure is what one measure should say, in several windows and cuts.
type Measure struct {
	Name       string  `json:"measure"`
	Unit       string  `json:"unit"`
	Definition string  `json:"definition"`
	Values     []Value `json:"values"`
}

// Value is one true value.
type Value struct {
	// Window is a key of Truth.Windows, or "month" where the cut names one.
	Window string `json:"window"`
	// Cut is "all", or names of dimensions with their values: "segment=web".
	Cut string `json:"cut"`
	// Value is absent where there is none: nothing happened, or a median that
	// fewer than half have reached.
	Value *float64 `json:"value"`
	// N is how many things the value is of.
	N int `json:"n"`
}

// window is a time with the name that it has in the truth.
type window struct {
	name     string
	from, to ms
}

const (
	lastMonth   = "last-30-days"
	monthBefore = "previous-30-days"
	quarter     = "last-90-days"
	whole       = "whole"
)

func (b *book) windows() []window {
	all := []window{{whole, b.start, b.end}}
	for _, w := range []window{{quarter, b.end - 90*day, b.end}, {lastMonth, b.end - 30*day, b.end}, {monthBefore, b.end - 60*day, b.end - 30*day}} {
		if w.from >= b.start {
			all = append(all, w)
		}
	}
	return all
}

// months are the calendar months, UTC, that the simulated time touches.
func (b *book) months() []window { return monthsOf(window{"", b.start, b.end}) }

// monthsOf are those that a window touches, as far as it does.
func monthsOf(w window) []window {
	var all []window
	for t := w.from.time(); at(t) < w.to; {
		first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
		next := first.AddDate(0, 1, 0)
		all = append(all, window{first.Format("2006-01"), max(w.from, at(first)), min(w.to, at(next))})
		t = next
	}
	return all
}

func (w window) has(t ms) bool { return t >= w.from && t < w.to }

// dates are the days of the window, counted from the start.
func (b *book) dates(w window) (from, to int) {
	return int((w.from - b.start) / day), int((w.to - b.start + day - 1) / day)
}

// cut is a part of the organisation.
type cut struct {
	name string
	team func(*team) bool
	path *bool // nil for both
	// about is the name of what it is about: "none" for nothing, "" for anything.
	about string
}

// everybody is the cut that leaves no team out.
const everybody = "all"

func everyTeam(*team) bool { return true }

// ofEverybody gives the one of some cuts that is of everybody, if one is.
func ofEverybody(cuts []cut) (cut, bool) {
	i := slices.IndexFunc(cuts, func(c cut) bool { return c.name == everybody })
	if i < 0 {
		return cut{}, false
	}
	return cuts[i], true
}

func (b *book) teamCuts() []cut {
	cuts := []cut{{name: everybody, team: everyTeam}}
	for i := range naming.Segments {
		cuts = append(cuts, cut{name: "segment=" + naming.Segments[i].Name, team: func(t *team) bool { return t.segment == &naming.Segments[i] }})
	}
	for _, w := range waves {
		cuts = append(cuts, cut{name: "wave=" + w, team: func(t *team) bool { return t.wave == w }})
	}
	return cuts
}

func (b *book) pathCuts() []cut {
	on, off := true, false
	return append(b.teamCuts(), cut{name: "path=on", team: everyTeam, path: &on}, cut{name: "path=off", team: everyTeam, path: &off})
}

// cutsAbout adds those of what is about one of some names of a dimension, or about none.
func cutsAbout(cuts []cut, dimension string, names ...string) []cut {
	for _, name := range append(names, "none") {
		cuts = append(cuts, cut{name: dimension + "=" + name, team: everyTeam, about: name})
	}
	return cuts
}

// serviceCuts are those of teams, and of what is about each service.
func (b *book) serviceCuts() []cut {
	names := make([]string, len(b.services))
	for i, s := range b.services {
		names[i] = s.name
	}
	return cutsAbout(b.teamCuts(), "service", names...)
}

// isAbout reports whether what is about something, or "" for nothing, is in the cut.
func (c cut) isAbout(name string) bool { return c.about == "" || c.about == cmp.Or(name, "none") }

func (c cut) has(t *team, path bool) bool { return c.team(t) && (c.path == nil || *c.path == path) }

// answer is a value of n things; without one it is unknown.
type answer struct {
	value float64
	n     int
	known bool
}

func ratio(part, all int) answer {
	if all == 0 {
		return answer{}
	}
	return answer{float64(part) / float64(all), all, true}
}

func number(n int) answer { return answer{float64(n), n, true} }

func (a answer) in(window, cut string) Value {
	v := Value{Window: window, Cut: cut, N: a.n}
	if a.known {
		v.Value = &a.value
	}
	return v
}

// asks is one measure with how it is answered.
type asks struct {
	name, unit, definition string
	cuts                   []cut
	windows                []window
	answer                 func(window, cut) answer
}

func (b *book) truth(counts Counts) Truth {
	o := b.options
	t := Truth{
		Simulated: true, Name: o.Name(), Teams: o.Teams, Months: o.Months, Seed: o.Seed, Activity: o.Activity,
		From: b.start.time(), To: b.end.time(), Parameters: b.model, Counts: counts, Organisation: b.population(), Windows: map[string]Window{},
	}
	for _, w := range b.windows() {
		t.Windows[w.name] = Window{w.from.time(), w.to.time()}
	}
	var all []asks
	months := b.months()
	for _, some := range [][]asks{b.useMeasures(), b.onboardingMeasures(), b.deliveryMeasures(), b.incidentMeasures(), b.supportMeasures()} {
		all = append(all, some...)
	}
	for _, m := range all {
		last := len(t.Measures) - 1
		if last < 0 || t.Measures[last].Name != m.name { // those that are cut by something of their own come one after the other
			t.Measures, last = append(t.Measures, Measure{Name: m.name, Unit: m.unit, Definition: m.definition}), last+1
		}
		for _, w := range m.windows {
			for _, c := range m.cuts {
				t.Measures[last].Values = append(t.Measures[last].Values, m.answer(w, c).in(w.name, c.name))
			}
		}
		if every, ok := ofEverybody(m.cuts); ok {
			for _, w := range months {
				t.Measures[last].Values = append(t.Measures[last].Values, m.answer(w, every).in("month", "month="+w.name))
			}
		}
	}
	t.Measures = append(t.Measures, b.monthly()...)
	t.Measures = append(t.Measures, b.retention())
	return t
}

// population counts who there is.
func (b *book) population() Population {
	p := Population{Teams: len(b.teams), People: len(b.people), Services: len(b.services), Personas: map[string]int{}, Segments: map[string]int{}, Waves: map[string]int{},
		OwnCI: []string{}, Renamed: map[string]string{}, Churned: []string{}, Stuck: map[string][]string{}}
	for _, one := range b.people {
		p.Personas[personas[one.persona]]++
	}
	for _, t := range b.teams {
		p.Segments[t.segment.Name]++
		p.Waves[t.wave]++
		if t.ownCI {
			p.OwnCI = append(p.OwnCI, t.name)
		}
		if t.former != "" {
			p.Renamed[t.former] = t.name
		}
		if t.leaves < b.end {
			p.Churned = append(p.Churned, t.name)
		}
		taken := [...]ms{t.asked, t.granted, t.deployed, t.queried, t.alerted}
		for step := 1; step < len(taken); step++ {
			if taken[step-1] < b.end && taken[step] >= never {
				p.Stuck[stepNames[step]] = append(p.Stuck[stepNames[step]], t.name)
			}
		}
	}
	return p
}

var stepNames = []string{"access-asked", "access-granted", "first-deployment", "first-log-query", "first-alert"}
