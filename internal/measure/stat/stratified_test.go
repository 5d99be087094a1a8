package stat_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// In March x and y have 10 events in 4, against 28 in 4 of u and v; in April x has
// 1 in 1 against 5 in 3 of u: -4.5 with the weight 2 and -2/3 with the weight 0.75
// make -3.4545. In March x is 1 under its half and y 1 over, u and v are 2: 10 in
// all, where chance makes 5 + 14, so the variance is that of Poisson counts, times
// (4.30265/1.95996)² for the 2 degrees of freedom. The limits are from quantiles of
// the gamma distribution computed elsewhere.
func TestRateDifferenceByHand(t *testing.T) {
	march := func(x, y, u, v int) []stat.Exposed {
		return []stat.Exposed{
			{Block: "web", Period: "March", Cluster: "x", A: true, Events: x, Exposure: 2}, {Block: "web", Period: "March", Cluster: "y", A: true, Events: y, Exposure: 2},
			{Block: "web", Period: "March", Cluster: "u", Events: u, Exposure: 2}, {Block: "web", Period: "March", Cluster: "v", Events: v, Exposure: 2},
		}
	}
	april := []stat.Exposed{
		{Block: "web", Period: "April", Cluster: "x", A: true, Events: 1, Exposure: 1}, {Block: "web", Period: "April", Cluster: "u", Events: 5, Exposure: 3},
	}
	alone := stat.Exposed{Block: "data", Period: "March", Cluster: "z", A: true, Events: 900, Exposure: 1}
	for name, c := range map[string]struct {
		rows      []stat.Exposed
		low, high float64
	}{
		"as chance has it":    {slices.Concat(march(4, 6, 12, 16), april), -9.8924576, 3.4140120},
		"and one by itself":   {append(slices.Concat(march(4, 6, 12, 16), april), alone), -9.8924576, 3.4140120},
		"in bursts, 320 ÷ 19": {slices.Concat(march(1, 9, 2, 26), april), -63.1644303, 79.7142695},
	} {
		d, ok := stat.RateDifference(c.rows)
		if !ok || !near(d.Value, -9.5/2.75, 12) || d.NA != 11 || d.NB != 33 || d.Clear {
			t.Errorf("%s: %+v, %v", name, d, ok)
		}
		checkInterval(t, name, d.Interval, c.low, c.high, 6)
	}
	// Nobody to hold x or u against.
	if d, ok := stat.RateDifference(april); !ok || !near(d.Value, -2.0/3, 12) || d.Interval.Bounded() || d.Clear {
		t.Errorf("one of each: %+v, %v", d, ok)
	}
	for name, rows := range map[string][]stat.Exposed{
		"nothing": nil, "one group": march(1, 2, 3, 4)[:2], "different strata": {march(1, 2, 3, 4)[0], april[1]},
		"no exposure": append(march(1, 2, 3, 4), stat.Exposed{Block: "web", Period: "May", Cluster: "x"}),
		"less than 0": append(march(1, 2, 3, 4), stat.Exposed{Block: "web", Period: "May", Cluster: "x", Events: -1, Exposure: 1}),
	} {
		if d, ok := stat.RateDifference(rows); ok {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestPropertiesOfRateDifferences(t *testing.T) {
	row := rapid.Custom(func(t *rapid.T) stat.Exposed {
		return stat.Exposed{
			Block: rapid.SampledFrom([]string{"web", "data"}).Draw(t, "block"), Period: fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "period")),
			Cluster: fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "cluster")), A: rapid.Bool().Draw(t, "A"),
			Events: rapid.IntRange(0, 40).Draw(t, "events"), Exposure: rapid.Float64Range(0.01, 50).Draw(t, "exposure"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(row, 1, 30).Draw(t, "rows")
		d, ok := stat.RateDifference(rows)
		if !ok {
			return
		}
		if !d.Interval.Contains(d.Value) || d.Clear == d.Interval.Contains(0) {
			t.Fatalf("%+v", d)
		}
		if other, _ := stat.RateDifference(shuffled(t, rows)); other != d {
			t.Fatalf("%+v, in another order %+v", d, other)
		}
		changed := func(change func(e *stat.Exposed)) stat.Comparison {
			all := slices.Clone(rows)
			for i := range all {
				change(&all[i])
			}
			c, _ := stat.RateDifference(all)
			return c
		}
		if back := changed(func(e *stat.Exposed) { e.A = !e.A }); !alike(back.Value, -d.Value) || !intervalsAlike(back.Interval, mirrored(d.Interval)) {
			t.Fatalf("%+v, turned round %+v", d, back)
		}
		if tenth := changed(func(e *stat.Exposed) { e.Exposure *= 10 }); math.Abs(10*tenth.Value-d.Value) > 1e-9 || math.Abs(10*tenth.Interval.Low-d.Interval.Low) > 1e-6*d.Interval.Width() {
			t.Fatalf("%+v, in ten times the exposure %+v", d, tenth)
		}
		alone := append(slices.Clone(rows), stat.Exposed{Block: "mobile", Cluster: "1", A: true, Events: 7, Exposure: 1})
		if same, _ := stat.RateDifference(alone); same != d {
			t.Fatalf("%+v, with one that nothing stands against %+v", d, same)
		}
	})
}

// The interval holds the difference at least as often as it says, whether teams
// are alike or some ask much more than others, in few teams and in many.
func TestRateDifferenceHoldsTheTruth(t *testing.T) {
	for _, months := range []int{1, 12} {
		for _, teams := range []int{2, 6} {
			for _, spread := range []float64{0, 0.3, 2} {
				const runs = 400
				if held := heldOf(months, teams, spread, runs); held < 0.93*runs {
					t.Errorf("%d months, %d teams a group in four segments, with the spread %g: held %d of %d times", months, teams, spread, held, runs)
				}
			}
		}
	}
}

// heldOf counts how often the interval holds a true difference of -5. The rates
// fall from month to month; those of teams are gamma-distributed about them.
func heldOf(months, teams int, spread float64, runs int) (held int) {
	draw := rand.New(rand.NewPCG(uint64(months), uint64(teams)))
	const difference = -5.0
	for range runs {
		var all []stat.Exposed
		for block := range 4 {
			for team := range 2 * teams {
				asks := drawnAbout1(draw, spread)
				for month := range months {
					e := stat.Exposed{Block: fmt.Sprint(block), Period: fmt.Sprint(month), Cluster: fmt.Sprint(team), A: team%2 == 0, Exposure: float64(2+draw.IntN(8)) / 100}
					rate := 8 + 40*math.Exp(-float64(month)/3)
					if e.A {
						rate += difference
					}
					e.Events = drawnPoisson(draw, rate*asks*e.Exposure)
					all = append(all, e)
				}
			}
		}
		if d, ok := stat.RateDifference(all); ok && d.Interval.Contains(difference) {
			held++
		}
	}
	return held
}

// drawnPoisson counts arrivals until the mean is used up.
func drawnPoisson(draw *rand.Rand, mean float64) int {
	n := 0
	for used := draw.ExpFloat64(); used < mean; used += draw.ExpFloat64() {
		n++
	}
	return n
}

// drawnAbout1 is a gamma-distributed number of mean 1 and that variance: the sum of
// exponential ones, the last in part (Jöhnk's method).
func drawnAbout1(draw *rand.Rand, variance float64) float64 {
	if variance == 0 {
		return 1
	}
	whole, part := math.Modf(1 / variance)
	total := 0.0
	for range int(whole) {
		total += draw.ExpFloat64()
	}
	for part > 0 {
		x, y := math.Pow(draw.Float64(), 1/part), math.Pow(draw.Float64(), 1/(1-part))
		if x+y <= 1 && x+y > 0 {
			total += draw.ExpFloat64() * x / (x + y)
			break
		}
	}
	return total * variance
}
