package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const useIs = "A use is an event with a capability of the platform that a person caused: recorded usage, a deployment by the platform, and the use of kafka and of test runs. What failed runs, questions, refusals and tickets tell of is none, nor is what bots do, a CI of a team's own among them."

// useMeasures are about who uses the platform.
func (b *book) useMeasures() []asks {
	var months []window // windows of one month
	for _, w := range b.windows() {
		if w.name == lastMonth || w.name == monthBefore {
			months = append(months, w)
		}
	}
	teams, all := b.teamCuts(), b.windows()
	measures := []asks{
		{"adoption-rate", "ratio", "Teams with at least one use in the window, of all teams of the organisation; of one capability, of the teams that it is offered to. " + useIs, teams, all, b.adoptionOf("")},
	}
	for _, capability := range []string{"deploy", "logs", "portal", "catalog", "secrets", "audit", kafka, testRuns} {
		only := []cut{{name: "capability=" + capability, team: offered(capability)}}
		measures = append(measures, asks{"adoption-rate", "", "", only, all, b.adoptionOf(capability)})
	}
	for is, name := range personas {
		measures = append(measures, asks{"personas", "people", "Active people by what they do for a living.", b.personaCuts(name), all, func(w window, c cut) answer {
			return number(b.presentIf(w, func(m *member) bool { return m.person.persona == persona(is) && c.team(m.team) }))
		}})
	}
	return append(measures, []asks{
		{"active-teams", "teams", "Teams with at least one use in the window.", teams, all, func(w window, c cut) answer { return number(b.using(w, c, "")) }},
		{"active-users", "people", "Distinct people with at least one use in the window. " + useIs, teams, all, func(w window, c cut) answer {
			return number(b.present(w, c))
		}},
		{"dau", "people", "Distinct people with a use, mean over the days from Monday to Friday, UTC, of the window.", teams, months, b.dailyUsers},
		{"wau", "people", "Distinct people with a use in the last 7 days of the window.", teams, months, func(w window, c cut) answer {
			return number(b.present(b.lastDays(w, 7), c))
		}},
		{"mau", "people", "Distinct people with a use in the last 30 days of the window.", teams, months, func(w window, c cut) answer {
			return number(b.present(b.lastDays(w, 30), c))
		}},
		{"stickiness", "ratio", "dau of the last 30 days of the window over mau.", teams, months, func(w window, c cut) answer {
			last := b.lastDays(w, 30)
			daily, monthly := b.dailyUsers(last, c), b.present(last, c)
			if !daily.known || monthly == 0 {
				return answer{}
			}
			return answer{daily.value / float64(monthly), monthly, true}
		}},
		{"retention-3-months", "ratio", "Teams with a use in the third calendar month after that of their first one, of all teams for which the last day of that month lies in the window.", teams, all, b.stayed},
	}...)
}

// offered tells which teams a capability is for.
func offered(capability string) func(*team) bool {
	return func(t *team) bool { return capability != kafka || slices.Contains(kafkaSegments, t.segment.Name) }
}

// personaCuts are those of teams, of the people of one persona.
func (b *book) personaCuts(name string) []cut {
	cuts := b.teamCuts()
	for i, c := range cuts {
		cuts[i].name = strings.TrimSuffix("persona="+name+","+c.name, ",all")
	}
	return cuts
}

// adoptionOf is the share of teams that used a capability, "" for any.
func (b *book) adoptionOf(capability string) func(window, cut) answer {
	return func(w window, c cut) answer {
		all := 0
		for _, t := range b.teams {
			if c.team(t) {
				all++
			}
		}
		return ratio(b.using(w, c, capability), all)
	}
}

// using counts the teams that used a capability, "" for any.
func (b *book) using(w window, c cut, capability string) int {
	n := 0
	for _, t := range b.teams {
		if c.team(t) && b.usedIn(t, capability, w) {
			n++
		}
	}
	return n
}

func (b *book) usedIn(t *team, capability string, w window) bool {
	from, to := b.dates(w)
	for name, on := range b.adopted[t.index] {
		if capability == "" || name == capability {
			for n := from; n < to; n++ {
				if on.has(n) {
					return true
				}
			}
		}
	}
	return false
}

// lastDays are those before the end of a window, as far as there are any.
func (b *book) lastDays(w window, n ms) window { return window{"", max(b.start, w.to-n*day), w.to} }

// present counts distinct people with a use for a team of the cut.
func (b *book) present(w window, c cut) int {
	return b.presentIf(w, func(m *member) bool { return c.team(m.team) })
}

func (b *book) presentIf(w window, counts func(*member) bool) int {
	from, to := b.dates(w)
	n := 0
	for _, p := range b.people {
	person:
		for _, m := range p.members {
			if b.presence[m.id] == nil || !counts(m) {
				continue
			}
			for i := from; i < to; i++ {
				if days(b.presence[m.id]).has(i) {
					n++
					break person
				}
			}
		}
	}
	return n
}

func (b *book) dailyUsers(w window, c cut) answer {
	sum, working := 0, 0
	for t := w.from; t < w.to; t += day {
		if d := t.time().Weekday(); d != time.Saturday && d != time.Sunday {
			working++
			sum += b.present(window{"", t, t + day}, c)
		}
	}
	if working == 0 {
		return answer{}
	}
	return answer{float64(sum) / float64(working), working, true}
}

// adoptedAt is the month in which a team first used the platform; -1 for none.
func (b *book) adoptedAt(t *team, months []window) int {
	for i, m := range months {
		if b.usedIn(t, "", m) {
			return i
		}
	}
	return -1
}

// stayed is how many teams that began three months before still use the platform.
func (b *book) stayed(w window, c cut) answer {
	const later = 3
	months, still, all := b.months(), 0, 0
	for _, t := range b.teams {
		i := b.adoptedAt(t, months)
		if !c.team(t) || i < 0 || i+later >= len(months) {
			continue
		}
		m := months[i+later]
		first := m.from.time()
		if over := at(time.Date(first.Year(), first.Month()+1, 1, 0, 0, 0, 0, time.UTC)); over-day < w.from || over > w.to {
			continue
		}
		all++
		if b.usedIn(t, "", m) {
			still++
		}
	}
	return ratio(still, all)
}

// retention is how many of the teams that began in a month still use the
// platform so many months later.
func (b *book) retention() Measure {
	measure := Measure{Name: "retention", Unit: "ratio", Definition: "Teams whose first use lies in the month of the cohort (calendar month, UTC) and that have a use in the month so many months later, of all teams of the cohort."}
	months := b.months()
	for i := range months {
		cohort := []*team{}
		for _, t := range b.teams {
			if b.adoptedAt(t, months) == i {
				cohort = append(cohort, t)
			}
		}
		for later := i; later < len(months) && len(cohort) > 0; later++ {
			still := 0
			for _, t := range cohort {
				if b.usedIn(t, "", months[later]) {
					still++
				}
			}
			measure.Values = append(measure.Values, ratio(still, len(cohort)).in("month", fmt.Sprintf("cohort=%s,months=%d", months[i].name, later-i)))
		}
	}
	return measure
}

// monthly are the series by calendar month.
func (b *book) monthly() []Measure {
	months, every := b.months(), cut{name: everybody, team: everyTeam}
	begun := make([]int, len(months))
	for _, t := range b.teams {
		if i := b.adoptedAt(t, months); i >= 0 {
			begun[i]++
		}
	}
	series := func(name, unit, definition string, value func(i int, m window) answer) Measure {
		measure := Measure{Name: name, Unit: unit, Definition: definition}
		for i, m := range months {
			measure.Values = append(measure.Values, value(i, m).in("month", "month="+m.name))
		}
		return measure
	}
	return []Measure{
		series("new-teams", "teams", "Teams whose first use lies in the month. Their times of asking follow Bass' curve with parameters bassP and bassQ.", func(i int, _ window) answer {
			return number(begun[i])
		}),
		series("feature-requesters-by-month", "people", "Distinct people who requested a feature in the month.", func(_ int, m window) answer { return number(len(b.requesters(m, every))) }),
	}
}
