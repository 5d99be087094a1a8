package stat_test

import (
	"math"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// near says whether two numbers agree to so many decimals, as published tables do.
func near(got, want float64, decimals int) bool {
	return got == want || math.Abs(got-want) <= 0.51*math.Pow10(-decimals)
}

func checkInterval(t *testing.T, what string, got stat.Interval, low, high float64, decimals int) {
	t.Helper()
	if !near(got.Low, low, decimals) || !near(got.High, high, decimals) {
		t.Errorf("%s: interval %v, want [%v, %v]", what, got, low, high)
	}
}

// Table I of Newcombe (1998), Statistics in Medicine 17, 857–872: methods 3
// (Wilson) and 5 (Clopper and Pearson).
func TestProportionsOfNewcombe(t *testing.T) {
	for _, c := range []struct {
		k, n          int
		wilson, exact stat.Interval
	}{
		{81, 263, stat.Interval{Low: 0.2553, High: 0.3662}, stat.Interval{Low: 0.2527, High: 0.3676}},
		{15, 148, stat.Interval{Low: 0.0624, High: 0.1605}, stat.Interval{Low: 0.0578, High: 0.1617}},
		{0, 20, stat.Interval{Low: 0, High: 0.1611}, stat.Interval{Low: 0, High: 0.1684}},
		{1, 29, stat.Interval{Low: 0.0061, High: 0.1718}, stat.Interval{Low: 0.0009, High: 0.1776}},
	} {
		w, ok := stat.Proportion(c.k, c.n)
		e, okExact := stat.ExactProportion(c.k, c.n)
		if !ok || !okExact || w.N != c.n || w.Value != float64(c.k)/float64(c.n) || e.Value != w.Value || e.N != c.n {
			t.Errorf("%d of %d: %v and %v", c.k, c.n, w, e)
		}
		checkInterval(t, "Wilson", w.Interval, c.wilson.Low, c.wilson.High, 4)
		checkInterval(t, "exact", e.Interval, c.exact.Low, c.exact.High, 4)
	}
}

// The exact interval is what its definition says, whatever the size: seen from
// its ends, k or more (or k or fewer) of n have a chance of 2.5 %.
func TestExactProportionByItsDefinition(t *testing.T) {
	for _, c := range []struct{ k, n int }{{1, 1}, {1, 2}, {3, 10}, {10, 10}, {7, 300}, {299, 300}, {150, 300}, {900, 1000}} {
		e, _ := stat.ExactProportion(c.k, c.n)
		if c.k > 0 {
			if p := 1 - binomialAtMost(c.k-1, c.n, e.Interval.Low); math.Abs(p-0.025) > 1e-9 {
				t.Errorf("%d of %d: chance of as many at the low end %v", c.k, c.n, p)
			}
		}
		if c.k < c.n {
			if p := binomialAtMost(c.k, c.n, e.Interval.High); math.Abs(p-0.025) > 1e-9 {
				t.Errorf("%d of %d: chance of as few at the high end %v", c.k, c.n, p)
			}
		}
	}
}

// binomialAtMost adds up the chances one by one.
func binomialAtMost(k, n int, p float64) float64 {
	lg := func(x int) float64 { l, _ := math.Lgamma(float64(x + 1)); return l }
	sum := 0.0
	for i := 0; i <= k; i++ {
		sum += math.Exp(lg(n) - lg(i) - lg(n-i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

func TestExactProportionOfMany(t *testing.T) {
	// With a billion the exact interval and Wilson's agree to a
	// thousandth of their width, and it is found in no time worth naming.
	for _, k := range []int{200_000_000, 500_000_000, 999_000_000} {
		e, ok := stat.ExactProportion(k, 1_000_000_000)
		w, _ := stat.Proportion(k, 1_000_000_000)
		if !ok || math.Abs(e.Interval.Low-w.Interval.Low) > 1e-3*w.Interval.Width() || math.Abs(e.Interval.High-w.Interval.High) > 1e-3*w.Interval.Width() {
			t.Errorf("%d of a billion: exact %v, Wilson %v", k, e.Interval, w.Interval)
		}
	}
	// One in a billion is one event of a Poisson count.
	e, _ := stat.ExactProportion(1, 1_000_000_000)
	checkInterval(t, "one in a billion", stat.Interval{Low: e.Interval.Low * 1e9, High: e.Interval.High * 1e9}, 0.0253178, 5.5716434, 7)
	if _, ok := stat.ExactProportion(1, 1_000_000_001); ok {
		t.Error("more than a billion has no exact interval")
	}
}

// Table II of Newcombe (1998), Statistics in Medicine 17, 873–890, method 10.
func TestProportionDifferencesOfNewcombe(t *testing.T) {
	for _, c := range []struct {
		kA, nA, kB, nB   int
		value, low, high float64
		clear            bool
	}{
		{56, 70, 48, 80, 0.2000, 0.0524, 0.3339, true},
		{9, 10, 3, 10, 0.6000, 0.1705, 0.8090, true},
		{6, 7, 2, 7, 0.5714, 0.0582, 0.8062, true},
		{5, 56, 0, 29, 0.0893, -0.0381, 0.1926, false},
		{0, 10, 0, 20, 0, -0.1611, 0.2775, false},
		{0, 10, 0, 10, 0, -0.2775, 0.2775, false},
		{10, 10, 0, 20, 1, 0.6791, 1, true},
		{10, 10, 0, 10, 1, 0.6075, 1, true},
	} {
		d, ok := stat.ProportionDifference(c.kA, c.nA, c.kB, c.nB)
		if !ok || !near(d.Value, c.value, 4) || d.Clear != c.clear || d.NA != c.nA || d.NB != c.nB {
			t.Errorf("%d/%d − %d/%d: %+v", c.kA, c.nA, c.kB, c.nB, d)
		}
		checkInterval(t, "difference", d.Interval, c.low, c.high, 4)
	}
}

func TestProportionsThatAreNone(t *testing.T) {
	for _, c := range [][2]int{{0, 0}, {-1, 5}, {6, 5}, {1, -5}, {1, math.MaxInt}} {
		if e, ok := stat.Proportion(c[0], c[1]); ok || e != (stat.Estimate{}) {
			t.Errorf("Proportion%v = %v", c, e)
		}
		if e, ok := stat.ExactProportion(c[0], c[1]); ok || e != (stat.Estimate{}) {
			t.Errorf("ExactProportion%v = %v", c, e)
		}
		if d, ok := stat.ProportionDifference(c[0], c[1], 1, 2); ok || d != (stat.Comparison{}) {
			t.Errorf("ProportionDifference%v = %v", c, d)
		}
		if _, ok := stat.ProportionDifference(1, 2, c[0], c[1]); ok {
			t.Errorf("ProportionDifference to %v", c)
		}
	}
}
