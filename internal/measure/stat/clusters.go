package stat

import (
	"math"
	"slices"
)

// Widening is how many times as long an interval has to be that takes what is
// compared for independent, while whole clusters of it are alike: the changes of
// one team are faster than those of another, whatever they do. Events of each row
// are those of its Exposure, a number of things, that are so or so: failed, or
// slower than the median of their group. It is never under 1. known is false where
// no two clusters of a group share a stratum, and where a row is none: more events
// than things, or no things.
//
// It is the root of the design effect of the share of events, by how much clusters
// of a group differ over what chance makes of a binomial count, times how much more
// Student's t takes than the normal distribution for so few of them: L. Kish, Survey
// Sampling, §5.4 and §8.2.
func Widening(all []Exposed) (times float64, known bool) {
	found, ok := strata(all)
	if !ok || slices.ContainsFunc(all, func(e Exposed) bool { return float64(e.Events) > e.Exposure }) {
		return 0, false
	}
	squared, known := widening(found, func(g *exposedGroup) float64 {
		return float64(g.events) * (1 - float64(g.events)/g.exposure)
	})
	return math.Sqrt(squared), known
}

// ClusteredProportionDifference is ProportionDifference of things of which whole
// clusters are alike, its interval so many times as long as Widening says. ok is false
// for less than 1 as well.
func ClusteredProportionDifference(kA, nA, kB, nB int, wider float64) (Comparison, bool) {
	c, ok := ProportionDifference(kA, nA, kB, nB)
	if !ok || !(wider >= 1) || !finite(wider) {
		return Comparison{}, false
	}
	c.Interval = c.Interval.Stretched(c.Value, wider).within(-1, 1)
	c.Clear = !c.Interval.Contains(0)
	return c, true
}

// widening is how much larger than by chance the variance is taken to be; known is
// false where no two clusters can be held against each other. Variance is what
// chance makes of the events of a group.
func widening(found []stratum, variance func(*exposedGroup) float64) (times float64, known bool) {
	type of struct {
		block, cluster string
		a              bool
	}
	// How much more came to each cluster, over all periods, than its exposure's
	// share of what came to its group; chance is what the sum of the squares is
	// where only chance is: shares of a known total are multinomial.
	more, chance := map[of]float64{}, 0.0
	groups := map[of]int{}
	for i := range found {
		s := &found[i]
		for _, g := range []*exposedGroup{&s.a, &s.b} {
			if g.rows[0].Cluster == g.rows[len(g.rows)-1].Cluster {
				continue // alone
			}
			for _, e := range g.rows {
				key := of{s.block, e.Cluster, e.A}
				if _, seen := more[key]; !seen {
					groups[of{block: s.block, a: e.A}]++
				}
				share := e.Exposure / g.exposure
				more[key] += float64(e.Events) - share*float64(g.events)
				chance += share * (1 - share) * variance(g)
			}
		}
	}
	freedom := 0
	for _, n := range groups {
		freedom += n - 1
	}
	if freedom == 0 {
		return 0, false
	}
	squares := make([]float64, 0, len(more))
	for _, n := range more {
		squares = append(squares, n*n)
	}
	slices.Sort(squares)
	times = 1
	if chance > 0 {
		times = max(1, sum(squares, func(x float64) float64 { return x })/chance)
	}
	student := studentQuantile(freedom) / z
	return times * student * student, true
}
