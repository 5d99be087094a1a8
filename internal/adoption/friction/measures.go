package friction

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// Names of parts: how often each question was asked, and each gate refused.
const (
	PartQuestion = "question:"
	PartGate     = "gate:"
)

// Measures are those of friction, which read what heard is the record of.
func Measures(heard *measure.Record) []measure.Measure {
	cuts := []measure.Dimension{measure.ByTeam, measure.BySegment, measure.ByWave}
	read := func(query string, keep func(*measure.View, int64) bool) func(context.Context, *measure.View) (map[measure.Key]hindrance, error) {
		return func(ctx context.Context, v *measure.View) (map[measure.Key]hindrance, error) {
			found, err := readHindrances(ctx, v, query, keep)
			if err != nil {
				return nil, err
			}
			return found, measure.Fill(ctx, v, heard, found)
		}
	}
	questions := read("SELECT day, question, capability, team, service, n FROM question_day WHERE day >= $1 AND day < $2", aboutRelease)
	input := measure.Definition{
		Name: "input-friction", Title: "Questions per golden-path run", Question: "How often must Stoa ask somebody what it could know?",
		Formula: "Questions that Stoa asked about releases ÷ deployments on the golden path, without rollbacks. The parts say which question was asked how often.",
		Unit:    measure.PerRun, Better: measure.Lower, Version: 1, Cuts: append(slices.Clone(cuts), measure.ByService),
	}
	refusals := measure.Definition{
		Name: "refusals", Title: "Refusals", Question: "What stands in people's way?",
		Formula: "Changes that a gate refused; one that several gates refuse counts for each. The parts say which gate refused how often.",
		Unit:    measure.Count, Better: measure.Lower, Version: 1, Cuts: append(slices.Clone(cuts), measure.ByService, measure.ByCapability),
	}
	anything := func(*measure.View, int64) bool { return true }
	return heard.Of(
		measure.New(input, func(ctx context.Context, v *measure.View) (map[measure.Key]hindrance, error) {
			found, err := questions(ctx, v)
			if err != nil {
				return nil, err
			}
			return found, addRuns(ctx, v, found)
		}, inputEstimate, eventsOf(input.Name, TypeInputAsked, aboutRelease)),
		measure.New(refusals, read("SELECT day, gate, capability, team, service, n FROM gate_day WHERE day >= $1 AND day < $2", anything), func(d hindrance) measure.Estimate {
			e := measure.Of(float64(d.n), d.n)
			for gate, n := range d.of {
				e = e.With(PartGate+gate, float64(n))
			}
			return e.Without(d.own)
		}, eventsOf(refusals.Name, TypeGateRefused, anything)),
	)
}

// hindrance is how often something stood in somebody's way, in all and by what it
// was, and how many runs reached their end. Own is how often it stood in the
// platform team's own way, which is not in n, and ownRuns how many runs were its
// own, which are not in runs.
type hindrance struct {
	n, runs, own, ownRuns int64
	of                    map[string]int64
}

// aboutRelease reports whether a question of a capability is about a release:
// one that names none is too.
func aboutRelease(v *measure.View, capability int64) bool {
	return capability == 0 || v.Org.CapabilityNames[capability] == event.CapabilityDeploy
}

// readHindrances adds up the rows of which keep holds for their capability.
func readHindrances(ctx context.Context, v *measure.View, query string, keep func(*measure.View, int64) bool) (map[measure.Key]hindrance, error) {
	rows, err := v.DB.Query(ctx, query, v.From, v.To)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[measure.Key]hindrance{}
	for rows.Next() {
		var cell measure.Cell
		var what string
		var n int64
		if err := rows.Scan(&cell.Day, &what, &cell.Capability, &cell.Team, &cell.Service, &n); err != nil {
			return nil, err
		}
		if !keep(v, cell.Capability) {
			continue
		}
		if key, own := v.Own(cell); own {
			d := found[key]
			d.own += n
			found[key] = d
		}
		key, in := v.Key(cell)
		if !in {
			continue
		}
		d := found[key]
		if d.of == nil {
			d.of = map[string]int64{}
		}
		d.n += n
		d.of[what] += n
		found[key] = d
	}
	return found, rows.Err()
}

// addRuns adds the deployments on the golden path that put nothing back. Those of
// services have many more rows than those of teams, and are read only when asked for.
func addRuns(ctx context.Context, v *measure.View, found map[measure.Key]hindrance) error {
	if v.By == measure.ByService || v.Only[measure.ByService] != nil {
		return addRunsBy(ctx, v, found, "SELECT day, team, service, n FROM run_day WHERE day >= $1 AND day < $2")
	}
	for _, kind := range slices.Sorted(maps.Keys(v.Org.Kinds)) {
		use := v.Org.Kinds[kind]
		if !isRun(use.Type, use.Capability) {
			continue
		}
		query := "SELECT day, team, 0, n FROM usage_day WHERE day >= $1 AND day < $2 AND kind = $3"
		if v.Step == measure.Whole { // no matter which day: a year of teams is summed up where it lies
			query = "SELECT min(day), team, 0, CAST(sum(n) AS BIGINT) FROM usage_day WHERE day >= $1 AND day < $2 AND kind = $3 GROUP BY team"
		}
		if err := addRunsBy(ctx, v, found, query, kind); err != nil {
			return err
		}
	}
	return nil
}

// addRunsBy adds the runs that a query gives for the view's days and more arguments.
func addRunsBy(ctx context.Context, v *measure.View, found map[measure.Key]hindrance, query string, more ...any) error {
	rows, err := v.DB.Query(ctx, query, append([]any{v.From, v.To}, more...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var cell measure.Cell
		var n int64
		if err := rows.Scan(&cell.Day, &cell.Team, &cell.Service, &n); err != nil {
			return err
		}
		if key, own := v.Own(cell); own {
			d := found[key]
			d.ownRuns += n
			found[key] = d
		}
		if key, in := v.Key(cell); in {
			d := found[key]
			d.runs += n
			found[key] = d
		}
	}
	return rows.Err()
}

func inputEstimate(d hindrance) measure.Estimate {
	why := "nothing was deployed on the golden path in this time"
	if d.ownRuns > 0 {
		why = fmt.Sprintf("of the teams that the platform is for, none deployed on the golden path in this time; the platform's own team did %d times", d.ownRuns)
	}
	e := measure.None(why)
	if rate, ok := stat.Rate(int(d.n), float64(d.runs)); ok {
		e = measure.Of(rate.Value, d.runs).Within(rate.Interval)
	}
	e = e.With("questions", float64(d.n)).With("runs", float64(d.runs))
	for question, n := range d.of {
		e = e.With(PartQuestion+question, float64(n))
	}
	return e.Without(d.own)
}

// eventsOf finds the events of one type in the scope as evidence.
func eventsOf(name, eventType string, keep func(v *measure.View, capability int64) bool) func(context.Context, *measure.View, int64, int) ([]int64, error) {
	return func(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
		number, known := v.Org.Types[eventType]
		if !known {
			return nil, nil
		}
		found, err := v.Events(ctx, measure.Sought{Types: []int64{number}, From: v.From, To: v.To, After: after, Limit: limit, Keep: func(r *event.Record) bool {
			_, in := v.Key(measure.Cell{Day: measure.Day(r.Time), Team: r.IDs.Team, Service: r.IDs.Service, Capability: r.IDs.Capability})
			return in && keep(v, r.IDs.Capability)
		}})
		if err != nil {
			return nil, fmt.Errorf("evidence of %s: %w", name, err)
		}
		return found, nil
	}
}
