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

// Table I of Newcombe (1998), Statistics in Medicine 17, 857–872, method 3.
func TestProportionsOfNewcombe(t *testing.T) {
	for _, c := range []struct {
		k, n   int
		wilson stat.Interval
	}{
		{81, 263, stat.Interval{Low: 0.2553, High: 0.3662}},
		{15, 148, stat.Interval{Low: 0.0624, High: 0.1605}},
		{0, 20, stat.Interval{Low: 0, High: 0.1611}},
		{1, 29, stat.Interval{Low: 0.0061, High: 0.1718}},
	} {
		w, ok := stat.Proportion(c.k, c.n)
		if !ok || w.N != c.n || w.Value != float64(c.k)/float64(c.n) {
			t.Errorf("%d of %d: %v", c.k, c.n, w)
		}
		checkInterval(t, "Wilson", w.Interval, c.wilson.Low, c.wilson.High, 4)
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
		if d, ok := stat.ProportionDifference(c[0], c[1], 1, 2); ok || d != (stat.Comparison{}) {
			t.Errorf("ProportionDifference%v = %v", c, d)
		}
		if _, ok := stat.ProportionDifference(1, 2, c[0], c[1]); ok {
			t.Errorf("ProportionDifference to %v", c)
		}
	}
}
