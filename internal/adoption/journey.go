package adoption

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Fewest is how many people a number about people stands for at least; smaller
// ones are not shown, so that nobody is told by them.
const Fewest = 5

// Journey is the way of the newcomers of one persona.
type Journey struct {
	Persona Persona `json:"persona"`
	// People is how many of the persona were active in the scope's time, Newcomers
	// how many of them had never been before it; nil for fewer than Fewest.
	People    *int `json:"people"`
	Newcomers *int `json:"newcomers"`
	// Stops are the capabilities that newcomers came to, in the order of how many
	// did; empty when there are too few newcomers.
	Stops []Stop `json:"stops"`
	// Left is how many newcomers were not seen in the last 30 days of the time; nil
	// for fewer than Fewest, or all but so few.
	Left *int `json:"left"`
}

// Stop is a capability on the way.
type Stop struct {
	Capability string `json:"capability"`
	// Reached is how many newcomers used it, nil for all but fewer than Fewest; Share
	// which part of them, without a value then.
	Reached *int             `json:"reached"`
	Share   measure.Estimate `json:"share"`
	// Days is the median number of days from a newcomer's first day until this one.
	Days measure.Estimate `json:"days"`
	// Ended is how many used this as the last thing that was new to them before
	// they were not seen for 30 days; nil for fewer than Fewest, or all but so few.
	Ended *int `json:"ended"`
}

// Journeys says, by persona, what people who are new in the scope's time come to
// use, in which order, and where they stop. The persona follows from what
// somebody did in the time, by PersonaRules. Cells of fewer than Fewest people
// are not shown. It may be narrowed to teams, and not to capabilities, since the
// persona and who is new follow from all that somebody did.
func Journeys(ctx context.Context, v *measure.View) ([]Journey, error) {
	d := measure.Definition{Cuts: byTeams()}
	if dimension, ok := d.Allows(v.Scope); !ok {
		return nil, problem.New(problem.Invalid, "journeys cannot be narrowed by %s", dimension)
	}
	travellers, err := readTravellers(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("journeys: %w", err)
	}
	until, err := knownUntil(ctx, v.DB, Usage{}, measure.Micros(v.To))
	if err != nil {
		return nil, fmt.Errorf("journeys: %w", err)
	}
	end := measure.DayOf(until-1) + 1
	by := map[Persona][]*traveller{}
	for _, t := range travellers {
		if len(t.tells) > 0 {
			persona := likeliest(t.days())
			by[persona] = append(by[persona], t)
		}
	}
	all := []Journey{}
	for _, persona := range Personas() {
		if len(by[persona]) > 0 {
			all = append(all, journeyOf(persona, by[persona], v.From, end))
		}
	}
	return all, nil
}

// traveller is what one person did.
type traveller struct {
	// first is the first day of each capability, last the last day of anything.
	first map[string]int64
	last  int64
	// tells are the days of the scope, a bit each, on which something told of a
	// persona; one who was not active in it has none.
	tells map[tell]int64
}

// tell is what the days of a month told.
type tell struct {
	month   int64
	persona Persona
}

// days counts on how many days something told of each persona.
func (t *traveller) days() map[Persona]int {
	all := map[Persona]int{}
	for of, days := range t.tells {
		all[of.persona] += bits.OnesCount64(uint64(days))
	}
	return all
}

// began is the first day.
func (t *traveller) began() int64 { return slices.Min(slices.Collect(maps.Values(t.first))) }

// newest is the capability that was new last; of several the first by name.
func (t *traveller) newest() string {
	best := ""
	for _, c := range slices.Sorted(maps.Keys(t.first)) {
		if best == "" || t.first[c] > t.first[best] {
			best = c
		}
	}
	return best
}

func readTravellers(ctx context.Context, v *measure.View) (map[int64]*traveller, error) {
	_, last := monthsOf(v.From, v.To)
	rows, err := readActorMonths(ctx, v.DB, math.MinInt64, last)
	if err != nil {
		return nil, err
	}
	rules, personas, travellers := PersonaRules(), map[string]Persona{}, map[int64]*traveller{}
	starts := map[int64]int64{}
	for _, r := range rows {
		month, actor, team, days := r.month, r.actor, r.team, r.days
		use := v.Org.Kinds[r.kind]
		if !use.Qualifies || v.Org.Insiders[actor] {
			continue
		}
		if _, in := v.Group(measure.Cell{Team: team, Capability: use.CapabilityID}); !in {
			continue
		}
		start, known := starts[month]
		if !known {
			start = firstOf(month)
			starts[month] = start
		}
		if days &= mask(0, min(31, v.To-start)); days == 0 {
			continue
		}
		t := travellers[actor]
		if t == nil {
			t = &traveller{first: map[string]int64{}, tells: map[tell]int64{}}
			travellers[actor] = t
		}
		first, final := start+int64(bits.TrailingZeros64(uint64(days))), start+int64(bits.Len64(uint64(days)))-1
		if known, ok := t.first[use.Capability]; !ok || first < known {
			t.first[use.Capability] = first
		}
		t.last = max(t.last, final)
		if inScope := days & mask(min(31, max(0, v.From-start)), 31); inScope != 0 {
			persona, known := personas[use.Capability]
			if !known {
				persona = personaOf(rules, use.Capability)
				personas[use.Capability] = persona
			}
			t.tells[tell{month, persona}] |= inScope
		}
	}
	return travellers, nil
}

// journeyOf is the journey of the people of a persona; those who began since from
// are newcomers, end is the day after the last one that is known.
func journeyOf(persona Persona, people []*traveller, from, end int64) Journey {
	j := Journey{Persona: persona, People: enough(len(people)), Stops: []Stop{}}
	var newcomers []*traveller
	for _, t := range people {
		if t.began() >= from {
			newcomers = append(newcomers, t)
		}
	}
	n := len(newcomers)
	if n < Fewest {
		return j
	}
	j.Newcomers = enough(n)
	waits, reached, ended := map[string][]stat.Wait{}, map[string]int{}, map[string]int{}
	left := 0
	for _, t := range newcomers {
		for c := range t.first {
			reached[c]++
		}
		if t.last < end-month30 {
			left++
			ended[t.newest()]++
		}
	}
	for c := range reached {
		for _, t := range newcomers {
			if day, ok := t.first[c]; ok {
				waits[c] = append(waits[c], stat.Wait{Duration: float64(day - t.began()), Event: true})
			} else {
				waits[c] = append(waits[c], stat.Wait{Duration: float64(max(0, end-t.began()))})
			}
		}
	}
	j.Left = part(left, n)
	for c, k := range reached {
		if k < Fewest {
			continue
		}
		stop := Stop{Capability: c, Reached: part(k, n), Share: measure.Estimate{N: int64(n), Note: fmt.Sprintf("all but fewer than %d", Fewest)}, Ended: part(ended[c], k)}
		if share, ok := stat.Proportion(k, n); ok && stop.Reached != nil {
			stop.Share = measure.Of(share.Value, int64(n)).Within(share.Interval)
		}
		stop.Days = measure.Estimate{N: int64(n), Note: "fewer than half came to it"}
		if curve, ok := stat.KaplanMeier(waits[c]); ok {
			if median, _ := curve.Median(); median.Reached {
				stop.Days = measure.Of(median.Time, int64(n)).Within(median.Interval)
			}
		}
		j.Stops = append(j.Stops, stop)
	}
	slices.SortFunc(j.Stops, func(a, b Stop) int {
		return cmp.Or(cmp.Compare(reached[b.Capability], reached[a.Capability]), cmp.Compare(a.Capability, b.Capability))
	})
	return j
}

// enough gives a number of people if it may be shown.
func enough(n int) *int {
	if n < Fewest {
		return nil
	}
	return &n
}

// part gives how many of some people did something, if it may be shown: a part of
// 6 of 7 tells of the one who did not as plainly as a number of 1.
func part(k, of int) *int {
	if rest := of - k; rest > 0 && rest < Fewest {
		return nil
	}
	return enough(k)
}
