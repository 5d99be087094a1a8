package adoption

import (
	"context"
	"fmt"
	"math"
	"math/bits"

	"github.com/stoa-platform/stoa/internal/adoption/journey"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Journeys says, of everybody first and then by persona, what people who are new in
// the scope's time come to use, in which order, and where they stop; nothing when
// nobody was active. The persona follows from what
// somebody did in the time, by journey.PersonaRules. Cells of few people
// are not shown. It may be narrowed to teams, and not to capabilities, since the
// persona and who is new follow from all that somebody did.
func Journeys(ctx context.Context, v *measure.View) ([]journey.Journey, error) {
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
	by := map[journey.Persona][]*journey.Traveller{}
	for _, t := range travellers {
		if persona, active := t.Persona(); active {
			by[persona] = append(by[persona], t)
		}
	}
	return journey.Of(by, v.From, end), nil
}

func readTravellers(ctx context.Context, v *measure.View) (map[int64]*journey.Traveller, error) {
	_, last := monthsOf(v.From, v.To)
	rows, err := readActorMonths(ctx, v.DB, math.MinInt64, last)
	if err != nil {
		return nil, err
	}
	rules, personas, travellers := journey.PersonaRules(), map[string]journey.Persona{}, map[int64]*journey.Traveller{}
	starts := map[int64]int64{}
	for _, r := range rows {
		month, actor, team, days := r.month, r.actor, r.team, r.days
		use := v.Org.Kinds[r.kind]
		if !use.Qualifies || v.Insider(actor, team) {
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
			t = &journey.Traveller{First: map[string]int64{}, Tells: map[journey.Tell]int64{}}
			travellers[actor] = t
		}
		first, final := start+int64(bits.TrailingZeros64(uint64(days))), start+int64(bits.Len64(uint64(days)))-1
		if known, ok := t.First[use.Capability]; !ok || first < known {
			t.First[use.Capability] = first
		}
		t.Last = max(t.Last, final)
		if inScope := days & mask(min(31, max(0, v.From-start)), 31); inScope != 0 {
			persona, known := personas[use.Capability]
			if !known {
				persona = journey.PersonaOf(rules, use.Capability)
				personas[use.Capability] = persona
			}
			t.Tells[journey.Tell{Month: month, Persona: persona}] |= inScope
		}
	}
	return travellers, nil
}
