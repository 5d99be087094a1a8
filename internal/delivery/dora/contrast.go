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
	// Segments were compared; LeftOut have data on one side only.
	Segments []string `json:"segments"`
	LeftOut  []string `json:"leftOut,omitempty"`
	Caution  string   `json:"caution"`
	// Note says what a reader must know of the comparison: what was left out, or
	// what it waits for.
	Note string `json:"note,omitempty"`
}

// ContrastFormula says how the comparison is made.
const ContrastFormula = "Deployments are compared one by one. A difference is made within each segment; the mean of the segments weighs each by n·m ÷ (n + m), " +
	"n and m being what is compared on either side.\n\n" +
	"Tickets are a team's and not a deployment's: a team is on the path in a month (UTC) if most of its deployments to production in the month were, and off it if most were not. " +
	"Its tickets (without requests for features) count there, for 100 daily users: teams that have only begun have as many people, who use the platform on fewer days. " +
	"They are compared within the same segment and month, for as time goes by people ask for less help on either side. " +
	"A month of a team without a deployment, or with as many on the path as off it, is left out and counted. n is the number of teams, and a person in two teams counts in each. " +
	"The interval of the difference is wider by how much teams of one side differ; where no two of one side have a segment and month in common there is none.\n\n" +
	"Cost waits for cost data."

// Contrasts compares what is on the golden path with what is off it. What other
// rooms measure is asked of others.
func Contrasts(ctx context.Context, v *measure.View, others Asker) ([]Contrast, error) {
	scope := v.Scope
	scope.Step, scope.By, scope.Only = measure.Whole, measure.BySegment, maps.Clone(scope.Only)
	delete(scope.Only, measure.ByPath)
	v = measure.NewView(v.DB, v.Org, scope)
	teams := newTeamMonths(v)
	// Both sides of every segment by one reading: the group is the side and the segment.
	read, err := reading{services: true, leads: true, waits: true, each: teams.deployed}.read(ctx, v, func(cell measure.Cell) (string, bool) {
		segment, ok := v.Group(cell)
		return cell.Path + "/" + segment, ok
	})
	if err != nil {
		return nil, err
	}
	bySegment, whole := map[string]map[measure.Key]*tally{}, map[string]*tally{}
	for _, path := range []string{measure.OnPath, measure.OffPath} {
		bySegment[path], whole[path] = map[measure.Key]*tally{}, &tally{}
	}
	for _, key := range slices.SortedFunc(maps.Keys(read), func(a, b measure.Key) int { return cmp.Compare(a.Group, b.Group) }) {
		path, segment, _ := strings.Cut(key.Group, "/")
		bySegment[path][measure.Key{Group: segment}] = read[key]
		whole[path].merge(read[key])
	}
	all := []Contrast{}
	for _, m := range ofDeployments() {
		c := Contrast{Measure: m.name, On: m.value(whole[measure.OnPath]), Off: m.value(whole[measure.OffPath]), Segments: []string{}, Caution: Caution}
		c.match(bySegment[measure.OnPath], bySegment[measure.OffPath], differences()[m.name])
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

// differences compares two groups of deployments for each measure.
func differences() map[string]func(on, off *tally) (stat.Comparison, bool) {
	medians := func(values func(*tally) []float64) func(on, off *tally) (stat.Comparison, bool) {
		return func(on, off *tally) (stat.Comparison, bool) { return stat.MedianDifference(values(on), values(off)) }
	}
	return map[string]func(on, off *tally) (stat.Comparison, bool){
		DeploymentFrequency: medians((*tally).aDay),
		DeploymentDays:      medians((*tally).daysAWeek),
		LeadTime:            medians(func(t *tally) []float64 { return t.leads }),
		ChangeFailureRate: func(on, off *tally) (stat.Comparison, bool) {
			return stat.ProportionDifference(on.failures(), on.n, off.failures(), off.n)
		},
		ReworkRate: func(on, off *tally) (stat.Comparison, bool) {
			return stat.ProportionDifference(on.rework, on.n, off.rework, off.n)
		},
		RecoveryTime: func(on, off *tally) (stat.Comparison, bool) { return recoveryDifference(on.waits, off.waits) },
	}
}

// recoveryDifference is the difference of two medians of Kaplan and Meier, with
// the interval that follows from those of both.
func recoveryDifference(on, off []stat.Wait) (stat.Comparison, bool) {
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
	interval := stat.Estimate{Value: medianA.Time, Interval: medianA.Interval}.Less(stat.Estimate{Value: medianB.Time, Interval: medianB.Interval})
	return stat.Comparison{Value: medianA.Time - medianB.Time, NA: a.N, NB: b.N, Interval: interval, Clear: !interval.Contains(0)}, true
}

// match averages the differences within segments, each with the weight of
// Mantel and Haenszel, n·m/(n+m); the distances to the ends of their intervals
// add up as squares.
func (c *Contrast) match(on, off map[measure.Key]*tally, difference func(on, off *tally) (stat.Comparison, bool)) {
	names := map[string]bool{}
	for _, side := range []map[measure.Key]*tally{on, off} {
		for key := range side {
			names[key.Group] = true
		}
	}
	var weights, sum, low, high float64
	for _, segment := range slices.Sorted(maps.Keys(names)) {
		a, b := on[measure.Key{Group: segment}], off[measure.Key{Group: segment}]
		var d stat.Comparison
		ok := a != nil && b != nil
		if ok {
			d, ok = difference(a, b)
		}
		if !ok {
			c.LeftOut = append(c.LeftOut, segment)
			continue
		}
		c.Segments = append(c.Segments, segment)
		w := float64(d.NA) * float64(d.NB) / float64(d.NA+d.NB)
		weights += w
		sum += w * d.Value
		low = math.Hypot(low, w*(d.Value-d.Interval.Low))
		high = math.Hypot(high, w*(d.Interval.High-d.Value))
	}
	if weights == 0 {
		return
	}
	average := sum / weights
	c.Difference = &average
	if interval := (stat.Interval{Low: average - low/weights, High: average + high/weights}); interval.Bounded() {
		c.Interval, c.Clear = &measure.Interval{Low: interval.Low, High: interval.High}, !interval.Contains(0)
	}
}
