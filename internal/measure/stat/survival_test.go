package stat_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// waits reads weeks; a negative one was still in remission then.
func waits(weeks ...float64) []stat.Wait {
	ws := make([]stat.Wait, len(weeks))
	for i, w := range weeks {
		ws[i] = stat.Wait{Duration: math.Abs(w), Event: w > 0}
	}
	return ws
}

// The trial of E. J. Freireich et al., Blood 21 (1963) 699–716, weeks in
// remission of acute leukaemia with 6-mercaptopurine and with a placebo, as every
// textbook has it since E. A. Gehan, Biometrika 52 (1965).
var (
	mercaptopurine = []float64{6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35}
	placebo        = []float64{1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23}
)

func steps(s stat.Survival) []string {
	var out []string
	for _, p := range s.Steps {
		out = append(out, fmt.Sprintf("%g %d %d %d %.4f [%.4f %.4f]", p.Time, p.AtRisk, p.Events, p.Censored, p.Waiting, p.Interval.Low, p.Interval.High))
	}
	return out
}

// Collett, Modelling Survival Data in Medical Research, and Kleinbaum and Klein,
// Survival Analysis, §2.II, have this table; its intervals, on the scale
// log(−log), and the quantiles were computed apart, by Python's lifelines.
func TestKaplanMeierOfLeukaemia(t *testing.T) {
	s, ok := stat.KaplanMeier(waits(mercaptopurine...))
	if !ok || s.N != 21 || s.Events != 9 || s.Censored != 12 || s.Longest != 35 || s.AllCensored() {
		t.Fatalf("%+v", s)
	}
	want := []string{
		"0 21 0 0 1.0000 [1.0000 1.0000]",
		"6 21 3 1 0.8571 [0.6197 0.9516]",
		"7 17 1 1 0.8067 [0.5631 0.9228]",
		"10 15 1 2 0.7529 [0.5032 0.8894]",
		"13 12 1 0 0.6902 [0.4316 0.8491]",
		"16 11 1 3 0.6275 [0.3675 0.8049]",
		"22 7 1 0 0.5378 [0.2678 0.7468]",
		"23 6 1 5 0.4482 [0.1881 0.6801]",
	}
	if got := steps(s); !slices.Equal(got, want) {
		t.Errorf("6-MP:\n%v\nwant\n%v", got, want)
	}
	for _, c := range []struct {
		q, time, low, high float64
		reached            bool
	}{
		{0.25, 13, 6, 22, true},
		{0.5, 23, 13, math.Inf(1), true},
		{0.75, 35, 23, math.Inf(1), false},
	} {
		a, ok := s.Quantile(c.q)
		if want := (stat.Arrival{Time: c.time, Reached: c.reached, Interval: stat.Interval{Low: c.low, High: c.high}}); !ok || a != want {
			t.Errorf("6-MP quantile %v: %+v, want %+v", c.q, a, want)
		}
	}
}

func TestKaplanMeierOfPlacebo(t *testing.T) {
	s, _ := stat.KaplanMeier(waits(placebo...))
	if s.N != 21 || s.Events != 21 || s.Censored != 0 {
		t.Fatalf("%+v", s)
	}
	want := []string{
		"0 21 0 0 1.0000 [1.0000 1.0000]",
		"1 21 2 0 0.9048 [0.6700 0.9753]",
		"2 19 2 0 0.8095 [0.5689 0.9239]",
		"3 17 1 0 0.7619 [0.5194 0.8933]",
		"4 16 2 0 0.6667 [0.4254 0.8250]",
		"5 14 2 0 0.5714 [0.3380 0.7492]",
		"8 12 4 0 0.3810 [0.1831 0.5778]",
		"11 8 2 0 0.2857 [0.1166 0.4818]",
		"12 6 2 0 0.1905 [0.0595 0.3774]",
		"15 4 1 0 0.1429 [0.0357 0.3212]",
		"17 3 1 0 0.0952 [0.0163 0.2612]",
		"22 2 1 0 0.0476 [0.0033 0.1970]",
		"23 1 1 0 0.0000 [0.0000 0.1921]", // 0.1970 · (1 − 0.025)
	}
	if got := steps(s); !slices.Equal(got, want) {
		t.Errorf("placebo:\n%v\nwant\n%v", got, want)
	}
	m, ok := s.Median()
	if want := (stat.Arrival{Time: 8, Reached: true, Interval: stat.Interval{Low: 4, High: 11}}); !ok || m != want {
		t.Errorf("placebo median: %+v", m)
	}
}

func TestSurvivalAt(t *testing.T) {
	s, _ := stat.KaplanMeier(waits(mercaptopurine...))
	for time, want := range map[float64]float64{0: 1, 5.9: 1, 6: 0.8571, 9.9: 0.8067, 23: 0.4482, 35: 0.4482} {
		if p, ok := s.At(time); !ok || !near(p.Waiting, want, 4) {
			t.Errorf("at %v: %+v", time, p)
		}
	}
	for _, time := range []float64{-1, 35.1, math.NaN(), math.Inf(1), math.Inf(-1)} {
		if p, ok := s.At(time); ok || p != (stat.Step{}) {
			t.Errorf("at %v: %+v", time, p)
		}
	}
	done, _ := stat.KaplanMeier(waits(placebo...))
	if p, ok := done.At(1000); !ok || p.Waiting != 0 {
		t.Errorf("after all got there: %+v", p)
	}
}

func TestAllCensoredSaysSo(t *testing.T) {
	s, ok := stat.KaplanMeier(waits(-3, -5, -4))
	if !ok || !s.AllCensored() || s.Censored != 3 || len(s.Steps) != 1 || s.Steps[0].Censored != 3 {
		t.Fatalf("%+v", s)
	}
	m, ok := s.Median()
	if want := (stat.Arrival{Time: 5, Interval: stat.Interval{Low: 0, High: math.Inf(1)}}); !ok || m != want {
		t.Errorf("%+v, want %+v: later than 5, and no more is known", m, want)
	}
}

// One censored together with events was still waiting: it counts at that time
// and no more after it.
func TestTiesWithCensored(t *testing.T) {
	s, _ := stat.KaplanMeier(waits(-2, 2, 2, 5))
	if want := []string{"0 4 0 0 1.0000 [1.0000 1.0000]", "2 4 2 1 0.5000", "5 1 1 0 0.0000"}; len(s.Steps) != 3 || steps(s)[0] != want[0] ||
		steps(s)[1][:len(want[1])] != want[1] || steps(s)[2][:len(want[2])] != want[2] {
		t.Errorf("%v", steps(s))
	}
	// ½ is reached at 2, whatever rounding does to the product.
	if m, _ := s.Median(); m.Time != 2 || !m.Reached {
		t.Errorf("%+v", m)
	}
}

func TestEventsAtTimeZero(t *testing.T) {
	s, _ := stat.KaplanMeier([]stat.Wait{{0, true}, {0, false}, {0, true}, {4, true}, {5, false}})
	if len(s.Steps) != 2 || s.Steps[0].Time != 0 || s.Steps[0].Events != 2 || s.Steps[0].Censored != 1 || !near(s.Steps[0].Waiting, 0.6, 12) {
		t.Errorf("%v", steps(s))
	}
}

// Six that all got there at once are enough to say so; five are not, as with the
// plain median.
func TestAllAtOnce(t *testing.T) {
	for n, bounded := range map[int]bool{1: false, 5: false, 6: true, 1000: true} {
		ws := slices.Repeat(waits(7), n)
		s, _ := stat.KaplanMeier(ws)
		m, _ := s.Median()
		if m.Time != 7 || m.Interval.Bounded() != bounded {
			t.Errorf("%d at once: %+v", n, m)
		}
	}
}

func TestSurvivalsThatAreNone(t *testing.T) {
	for _, ws := range [][]stat.Wait{nil, {{-1, true}}, {{1, true}, {math.NaN(), false}}, {{math.Inf(1), false}}} {
		s, ok := stat.KaplanMeier(ws)
		if ok || s.N != 0 {
			t.Errorf("KaplanMeier(%v) = %+v", ws, s)
		}
		if _, ok := s.Median(); ok {
			t.Error("no curve has no median")
		}
		if _, ok := s.At(0); ok {
			t.Error("no curve has no step")
		}
	}
	s, _ := stat.KaplanMeier(waits(placebo...))
	for _, q := range []float64{0, 1, -0.5, math.NaN()} {
		if a, ok := s.Quantile(q); ok || a != (stat.Arrival{}) {
			t.Errorf("quantile %v: %+v", q, a)
		}
	}
}

// Five waits may all be longer than the median of those they stand for, with one
// chance of 32, which is more than an interval leaves out on a side; six may not.
func TestAFewWaitsBoundNoMedian(t *testing.T) {
	for n, low := range map[int]float64{1: 0, 5: 0, 6: 1} {
		var waits []stat.Wait
		for i := range n {
			waits = append(waits, stat.Wait{Duration: float64(i + 1), Event: true})
		}
		curve, _ := stat.KaplanMeier(waits)
		if median, _ := curve.Median(); median.Interval.Low != low {
			t.Errorf("of %d waits the median is over %g, want %g", n, median.Interval.Low, low)
		}
	}
}
