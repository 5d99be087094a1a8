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

// Of 10 things each x has 2 and y 8, u and v have 5. x is 3 under its half of 10 and
// y 3 over: 18, where chance makes of a binomial count of 10 in 20, twice over (½·½·5
// each of four), 5. So the variance is 18 ÷ 5 of that of independent things, and 2
// degrees of freedom take 4.30265 for 1.95996.
func TestWideningByHand(t *testing.T) {
	rows := []stat.Exposed{
		{Cluster: "x", A: true, Events: 2, Exposure: 10}, {Cluster: "y", A: true, Events: 8, Exposure: 10},
		{Cluster: "u", Events: 5, Exposure: 10}, {Cluster: "v", Events: 5, Exposure: 10},
	}
	times, known := stat.Widening(rows)
	if want := math.Sqrt(18.0/5) * 4.3026527299 / 1.9599639845; !known || !near(times, want, 8) {
		t.Errorf("%v, %v, want %v", times, known, want)
	}
	rows[0].Events, rows[1].Events = 5, 5
	if times, known := stat.Widening(rows); !known || !near(times, 4.3026527299/1.9599639845, 8) {
		t.Errorf("all alike: %v, %v", times, known)
	}
	for name, none := range map[string][]stat.Exposed{
		"nothing": nil, "one group": rows[:2], "one of each": {rows[0], rows[2]},
		"more than there are": append(slices.Clone(rows), stat.Exposed{Cluster: "z", Events: 11, Exposure: 10}),
	} {
		if times, known := stat.Widening(none); known {
			t.Errorf("%s: %v", name, times)
		}
	}
}

func TestPropertiesOfWidening(t *testing.T) {
	row := rapid.Custom(func(t *rapid.T) stat.Exposed {
		n := rapid.IntRange(1, 50).Draw(t, "n")
		return stat.Exposed{
			Block: rapid.SampledFrom([]string{"web", "data"}).Draw(t, "block"), Cluster: fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "cluster")),
			A: rapid.Bool().Draw(t, "A"), Events: rapid.IntRange(0, n).Draw(t, "events"), Exposure: float64(n),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(row, 1, 30).Draw(t, "rows")
		times, known := stat.Widening(rows)
		if known && !(times >= 1) {
			t.Fatalf("%v", times)
		}
		if other, also := stat.Widening(shuffled(t, rows)); other != times || also != known {
			t.Fatalf("%v, in another order %v", times, other)
		}
		for i := range rows {
			rows[i].Events = int(rows[i].Exposure) - rows[i].Events
		}
		if other, _ := stat.Widening(rows); !alike(other, times) {
			t.Fatalf("%v, of those that are not %v", times, other)
		}
	})
}

// The interval of a difference of medians of clusters holds it at least as often as it
// says, whether teams are alike or not; without the widening it does not.
func TestClusteredMediansHoldTheTruth(t *testing.T) {
	const runs = 200
	for _, segments := range []int{1, 4} {
		for _, teams := range []int{2, 5} {
			for _, spread := range []float64{0, 1} {
				t.Run(fmt.Sprintf("%d segments, %d teams a group, spread %g", segments, teams, spread), func(t *testing.T) {
					draw := rand.New(rand.NewPCG(uint64(teams), 7))
					bare, held := 0, 0
					for range runs {
						all := make([]drawnSegment, segments)
						var rows []stat.Exposed
						for k := range all {
							all[k] = drawnTeams(draw, teams, spread)
							for _, row := range all[k].rows {
								row.Block = fmt.Sprint(k)
								rows = append(rows, row)
							}
						}
						times, known := stat.Widening(rows)
						if !known {
							t.Fatal("no widening")
						}
						const truth = 10 - 15
						if averaged(all, 1).Contains(truth) {
							bare++
						}
						if averaged(all, times).Contains(truth) {
							held++
						}
					}
					t.Logf("%d bare, %d widened, of %d", bare, held, runs)
					if held < 0.91*runs || spread > 0 && bare > 0.4*runs {
						t.Errorf("%d bare, %d widened, of %d", bare, held, runs)
					}
				})
			}
		}
	}
}

// averaged is the interval of the mean difference within segments.
func averaged(all []drawnSegment, wider float64) stat.Interval {
	var weights, sum, low, high float64
	for _, s := range all {
		d, _ := stat.MedianDifference(s.a, s.b, wider)
		w := float64(d.NA) * float64(d.NB) / float64(d.NA+d.NB)
		weights, sum = weights+w, sum+w*d.Value
		low, high = math.Hypot(low, w*(d.Value-d.Interval.Low)), math.Hypot(high, w*(d.Interval.High-d.Value))
	}
	return stat.Interval{Low: (sum - low) / weights, High: (sum + high) / weights}
}

func TestMedianDifferenceOfClusters(t *testing.T) {
	a, b := oneTo(99), oneTo(9)
	if d, ok := stat.MedianDifference(a, a, 2); !ok || d.NA != 99 || d.Interval.Width() < 1.5*mustWidth(t, a, a) {
		t.Errorf("twice as long: %+v, %v, of independent values %v", d, ok, mustWidth(t, a, a))
	}
	if d, ok := stat.MedianDifference(a, b[:5], 1.4); !ok || d.Interval.Bounded() || d.Clear {
		t.Errorf("of five values: %+v, %v", d, ok)
	}
	for _, wrong := range []float64{0, 0.9, -1, math.NaN()} {
		if d, ok := stat.MedianDifference(a, b, wrong); ok {
			t.Errorf("%v times: %+v", wrong, d)
		}
	}
	if d, ok := stat.MedianDifference(a, b, math.Inf(1)); !ok || d.Clear || d.Interval.Width() < 90 {
		t.Errorf("as much as of one value: %+v", d)
	}
	// Three of four values of a are near 1, the others near 30, and all of b are near
	// 31: of so few teams a may as well be near 30, 1.5 below.
	fast := slices.Concat(oneTo(30), []float64{30, 30, 30, 30, 30, 30, 30, 30, 30, 30})
	for i := range 30 {
		fast[i] = 1 + fast[i]/1000
	}
	late := make([]float64, 40)
	for i := range late {
		late[i] = 31 + float64(i)/1000
	}
	if d, ok := stat.MedianDifference(fast, late, 2.5); !ok || !d.Interval.Contains(-1.5) {
		t.Errorf("between a fast team and a slow one: %+v, %v", d, ok)
	}
}

func TestClusteredProportionDifference(t *testing.T) {
	plain, _ := stat.ProportionDifference(40, 100, 10, 100)
	if d, ok := stat.ClusteredProportionDifference(40, 100, 10, 100, 3); !ok || d.Value != plain.Value || !near(d.Interval.Width(), 3*plain.Interval.Width(), 9) || !plain.Clear || d.Clear {
		t.Errorf("%+v, three times as long %+v", plain, d)
	}
	if d, ok := stat.ClusteredProportionDifference(4, 4, 0, 4, 9); !ok || d.Interval.High != 1 || d.Interval.Low < -1 {
		t.Errorf("more than all and nothing: %+v", d)
	}
	for _, wrong := range []float64{0.9, math.NaN(), math.Inf(1)} {
		if d, ok := stat.ClusteredProportionDifference(40, 100, 10, 100, wrong); ok {
			t.Errorf("%v times: %+v", wrong, d)
		}
	}
}

func mustWidth(t *testing.T, a, b []float64) float64 {
	d, ok := stat.MedianDifference(a, b, 1)
	if !ok {
		t.Fatal("no difference")
	}
	return d.Interval.Width()
}

type drawnSegment struct {
	a, b []float64
	rows []stat.Exposed
}

// drawnTeams are the values of two groups of teams with the medians 10 and 15. Values
// are log-normal about a team's own median, and that is about the group's.
func drawnTeams(draw *rand.Rand, teams int, spread float64) (s drawnSegment) {
	type team struct {
		a      bool
		values []float64
	}
	var all []team
	for i := range 2 * teams {
		one := team{a: i%2 == 0}
		median := 15.0
		if one.a {
			median = 10
		}
		median *= math.Exp(spread * draw.NormFloat64())
		for range 10 + draw.IntN(60) {
			one.values = append(one.values, median*math.Exp(0.8*draw.NormFloat64()))
		}
		if all = append(all, one); one.a {
			s.a = append(s.a, one.values...)
		} else {
			s.b = append(s.b, one.values...)
		}
	}
	medianA, _ := stat.Median(s.a)
	medianB, _ := stat.Median(s.b)
	for i, one := range all {
		median := medianB.Value
		if one.a {
			median = medianA.Value
		}
		e := stat.Exposed{Cluster: fmt.Sprint(i), A: one.a, Exposure: float64(len(one.values))}
		for _, v := range one.values {
			if v > median {
				e.Events++
			}
		}
		s.rows = append(s.rows, e)
	}
	return s
}
