package dora

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Caution goes with every contrast.
const Caution = "This is a correlation. Teams chose the golden path themselves, and what made them choose it may also be what makes the difference."

// Contrast is a measure on the golden path and off it.
type Contrast struct {
	Measure string           `json:"measure"`
	On      measure.Estimate `json:"on"`
	Off     measure.Estimate `json:"off"`
	// Difference is on less off, within each segment and then averaged: a segment
	// weighs as much as its smaller side lets it. nil where no segment has both.
	Difference *float64          `json:"difference"`
	Interval   *measure.Interval `json:"interval,omitempty"`
	// Clear says that the interval leaves out 0. Without it nothing may be claimed.
	Clear bool `json:"clear"`
	// Segments were compared; LeftOut have data on one side only, or are the few that
	// have too little of it for an interval.
	Segments []string `json:"segments"`
	LeftOut  []string `json:"leftOut,omitempty"`
	Caution  string   `json:"caution"`
	// Note says what a reader must know of the comparison: what was left out, or
	// what it waits for.
	Note string `json:"note,omitempty"`
}

// ContrastFormula says how the comparison is made.
const ContrastFormula = "Deployments are compared one by one. A difference is made within each segment; the mean of the segments weighs each by n·m ÷ (n + m), " +
	"n and m being what is compared on either side. What one team does is alike, whatever it is on: the interval of a difference is wider by how much teams of one side differ. " +
	"Where no two teams of one side are of one segment nothing is known of that, and there is no interval. " +
	"A segment that has too little on a side for an interval, such as under six services or changes, is left out and named, unless all have.\n\n" +
	"Tickets are a team's and not a deployment's: a team is on the path in a month (UTC) if most of its deployments to production in the month were, and off it if most were not. " +
	"Its tickets (without requests for features) count there, for 100 daily users: teams that have only begun have as many people, who use the platform on fewer days. " +
	"They are compared within the same segment and month, for as time goes by people ask for less help on either side. " +
	"A month of a team without a deployment, or with as many on the path as off it, is left out and counted. n is the number of teams, and a person in two teams counts in each. " +
	"Where no two teams of one side have a segment and month in common there is no interval.\n\n" +
	"Cost waits for cost data."

// Contrasts compares what is on the golden path with what is off it. What other
// rooms measure is asked of others.
func Contrasts(ctx context.Context, v *measure.View, others Asker) ([]Contrast, error) {
	scope := v.Scope
	scope.Step, scope.By, scope.Only = measure.Whole, measure.BySegment, maps.Clone(scope.Only)
	delete(scope.Only, measure.ByPath)
	v = measure.NewView(v.DB, v.Org, scope)
	teams := newTeamMonths(v)
	// Both sides of every team by one reading: the group is the side, the team and the segment.
	read, err := reading{services: true, leads: true, waits: true, each: teams.deployed}.read(ctx, v, func(cell measure.Cell) (string, bool) {
		segment, ok := v.Group(cell)
		team := measure.Nobody
		if of := v.Org.TeamOf(cell.Team); of != nil {
			team = of.Name
		}
		return cell.Path + "/" + team + "/" + segment, ok
	})
	if err != nil {
		return nil, err
	}
	on, off := newSide(), newSide()
	for _, key := range slices.SortedFunc(maps.Keys(read), func(a, b measure.Key) int { return cmp.Compare(a.Group, b.Group) }) {
		path, rest, _ := strings.Cut(key.Group, "/")
		team, segment, _ := strings.Cut(rest, "/")
		if path == measure.OnPath {
			on.add(segment, team, read[key])
		} else {
			off.add(segment, team, read[key])
		}
	}
	all, compared := []Contrast{}, comparisons()
	for _, m := range ofDeployments() {
		c := Contrast{Measure: m.name, On: m.value(on.whole), Off: m.value(off.whole), Segments: []string{}, Caution: Caution}
		c.match(on, off, compared[m.name])
		all = append(all, c)
	}
	tickets, err := ticketContrast(ctx, v, others, teams)
	if err != nil {
		return nil, err
	}
	cost, err := waiting(others, CostPerService)
	return slices.Concat(all, tickets, cost), err
}

// waiting is the contrast of a measure that has no data on either side yet.
func waiting(others Asker, name string) ([]Contrast, error) {
	d, err := others.Find(name)
	if problem.Is(err, problem.NotFound) || err == nil && d.Waits == "" {
		return nil, nil
	}
	note := "waits for " + d.Waits
	return []Contrast{{Measure: name, On: measure.None(note), Off: measure.None(note), Segments: []string{}, Caution: Caution, Note: note}}, err
}

// side is what is on the golden path, or off it.
type side struct {
	whole    *tally
	segments map[string]*sideSegment
}

type sideSegment struct {
	whole *tally
	teams map[string]*tally
}

func newSide() *side { return &side{whole: &tally{}, segments: map[string]*sideSegment{}} }

func (s *side) add(segment, team string, t *tally) {
	of := s.segments[segment]
	if of == nil {
		of = &sideSegment{&tally{}, map[string]*tally{}}
		s.segments[segment] = of
	}
	s.whole.merge(t)
	of.whole.merge(t)
	of.teams[team] = t
}

// comparison compares two groups of deployments.
type comparison struct {
	// difference is theirs, with an interval so many times as long as that of
	// deployments that have nothing to do with each other.
	difference func(on, off *tally, wider float64) (stat.Comparison, bool)
	// share gives what says, of a part of a group, of how many things how many are so
	// or so: how its teams differ is seen by that.
	share func(group *tally) func(part *tally) (hits, of int)
}

// comparisons says for each measure how it is compared.
func comparisons() map[string]comparison {
	medians := func(values func(*tally) []float64) comparison {
		return comparison{
			func(on, off *tally, wider float64) (stat.Comparison, bool) {
				return stat.MedianDifference(values(on), values(off), wider)
			},
			func(group *tally) func(part *tally) (hits, of int) {
				median, _ := stat.Median(values(group))
				return func(part *tally) (hits, of int) {
					all := values(part)
					return above(median.Value, all), len(all)
				}
			},
		}
	}
	rates := func(hits func(*tally) int) comparison {
		return comparison{
			func(on, off *tally, wider float64) (stat.Comparison, bool) {
				return stat.ClusteredProportionDifference(hits(on), on.n, hits(off), off.n, wider)
			},
			func(*tally) func(part *tally) (int, int) {
				return func(part *tally) (int, int) { return hits(part), part.n }
			},
		}
	}
	return map[string]comparison{
		DeploymentFrequency: medians((*tally).aDay),
		DeploymentDays:      medians((*tally).daysAWeek),
		LeadTime:            medians(func(t *tally) []float64 { return t.leads }),
		ChangeFailureRate:   rates((*tally).failures),
		ReworkRate:          rates(func(t *tally) int { return t.rework }),
		RecoveryTime: {
			func(on, off *tally, wider float64) (stat.Comparison, bool) {
				return recoveryDifference(on.waits, off.waits, wider)
			},
			func(group *tally) func(part *tally) (int, int) {
				survival, _ := stat.KaplanMeier(group.waits)
				half, ok := survival.Median()
				return func(part *tally) (longer, of int) {
					if !ok || !half.Reached {
						return 0, 0
					}
					return lastedLonger(half.Time, part.waits)
				}
			},
		},
	}
}

func above(limit float64, values []float64) (n int) {
	for _, v := range values {
		if v > limit {
			n++
		}
	}
	return n
}

// lastedLonger counts the waits of which it is known whether they lasted longer.
func lastedLonger(than float64, waits []stat.Wait) (longer, known int) {
	for _, w := range waits {
		if w.Duration > than {
			longer++
		}
		if w.Duration > than || w.Event {
			known++
		}
	}
	return longer, known
}

// recoveryDifference is the difference of two medians of Kaplan and Meier, with
// the interval that follows from those of both, so many times as long.
func recoveryDifference(on, off []stat.Wait, wider float64) (stat.Comparison, bool) {
	a, okA := stat.KaplanMeier(on)
	b, okB := stat.KaplanMeier(off)
	if !okA || !okB {
		return stat.Comparison{}, false
	}
	medianA, _ := a.Median()
	medianB, _ := b.Median()
	if !medianA.Reached || !medianB.Reached {
		return stat.Comparison{}, false
	}
	difference := medianA.Time - medianB.Time
	interval := stat.Estimate{Value: medianA.Time, Interval: medianA.Interval}.Less(stat.Estimate{Value: medianB.Time, Interval: medianB.Interval}).Stretched(difference, wider)
	return stat.Comparison{Value: difference, NA: a.N, NB: b.N, Interval: interval, Clear: !interval.Contains(0)}, true
}

// match averages the differences within segments, each with the weight of
// Mantel and Haenszel, n·m/(n+m); the distances to the ends of their intervals
// add up as squares.
func (c *Contrast) match(on, off *side, m comparison) {
	both := map[string]bool{}
	var teams []stat.Exposed
	for _, s := range []*side{on, off} {
		for name, segment := range s.segments {
			both[name] = on.segments[name] != nil && off.segments[name] != nil
			teams = append(teams, segment.shares(name, s == on, m)...)
		}
	}
	wider, known := stat.Widening(teams)
	if !known {
		wider = 1
	}
	segments := map[string]stat.Comparison{}
	var few []string // segments with too few for an interval
	for _, name := range slices.Sorted(maps.Keys(both)) {
		var d stat.Comparison
		ok := both[name]
		if ok {
			d, ok = m.difference(on.segments[name].whole, off.segments[name].whole, wider)
		}
		if !ok {
			c.LeftOut = append(c.LeftOut, name)
			continue
		}
		segments[name] = d
		if !d.Interval.Bounded() {
			few = append(few, name)
		}
	}
	switch {
	case len(segments) == 0:
		return
	case !known:
		c.Note = tooFewTeams
	case len(few) == len(segments):
		c.Note = "too few for an interval: " + segmentsText(few)
	case len(few) > 0: // one of them would leave the whole without an interval
		c.Note = "left out, with too few for an interval: " + segmentsText(few)
		c.LeftOut = slices.Sorted(slices.Values(slices.Concat(c.LeftOut, few)))
		for _, name := range few {
			delete(segments, name)
		}
	}
	var weights, sum, low, high float64
	for _, name := range slices.Sorted(maps.Keys(segments)) {
		d := segments[name]
		c.Segments = append(c.Segments, name)
		w := float64(d.NA) * float64(d.NB) / float64(d.NA+d.NB)
		weights += w
		sum += w * d.Value
		low = math.Hypot(low, w*(d.Value-d.Interval.Low))
		high = math.Hypot(high, w*(d.Interval.High-d.Value))
	}
	average := sum / weights
	c.Difference = &average
	if interval := (stat.Interval{Low: average - low/weights, High: average + high/weights}); known && interval.Bounded() {
		c.Interval, c.Clear = &measure.Interval{Low: interval.Low, High: interval.High}, !interval.Contains(0)
	}
}

// tooFewTeams is said of a difference without an interval.
const tooFewTeams = "too few teams for an interval"

func segmentsText(names []string) string {
	texts := make([]string, len(names))
	for i, name := range names {
		if texts[i] = "segment " + name; name == measure.Nobody {
			texts[i] = "teams without a segment"
		}
	}
	return strings.Join(texts, ", ")
}

// shares are those of the segment's teams that have anything to compare.
func (s *sideSegment) shares(name string, on bool, m comparison) (all []stat.Exposed) {
	share := m.share(s.whole)
	for team, t := range s.teams {
		if hits, of := share(t); of > 0 {
			all = append(all, stat.Exposed{Block: name, Cluster: team, A: on, Events: hits, Exposure: float64(of)})
		}
	}
	return all
}
