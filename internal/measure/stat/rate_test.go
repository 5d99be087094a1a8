package stat_test

import (
	"math"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// Garwood's limits for a count, as in K. Ulm, American Journal of Epidemiology
// 131 (1990) 373–375; the last rows are from quantiles computed elsewhere.
func TestRateLimitsOfGarwood(t *testing.T) {
	for _, c := range []struct {
		events    int
		low, high float64
		decimals  int
	}{
		{0, 0, 3.6889, 4},
		{1, 0.0253, 5.5716, 4},
		{2, 0.2422, 7.2247, 4},
		{3, 0.6187, 8.7673, 4},
		{5, 1.6235, 11.6683, 4},
		{10, 4.7954, 18.3904, 4},
		{20, 12.2165, 30.8884, 4},
		{50, 37.1110, 65.9188, 4},
		{100, 81.3640, 121.6268, 4},
		{1000, 938.97302, 1063.95214, 5},
		{100_000, 99381.15266, 100621.74474, 3},
		{1_000_000, 998040.983340, 1001961.911945, 3},
		{10_000_000, 9993802.996884, 10006199.897731, 3},
	} {
		r, ok := stat.Rate(c.events, 1)
		if !ok || r.Value != float64(c.events) || r.N != c.events {
			t.Errorf("%d events: %v", c.events, r)
		}
		checkInterval(t, "Garwood", r.Interval, c.low, c.high, c.decimals)
	}
}

// The worked example of R's poisson.test: 137 events in 24.19893 units.
func TestRatePerExposure(t *testing.T) {
	r, ok := stat.Rate(137, 24.19893)
	if !ok || !near(r.Value, 5.661407, 6) {
		t.Errorf("%v", r)
	}
	checkInterval(t, "rate", r.Interval, 4.753125, 6.692709, 6)
}

// The other worked example of R's poisson.test: 11 events in 800 person-years
// against 21 in 3011.
func TestRateRatio(t *testing.T) {
	r, ok := stat.RateRatio(11, 800, 6+8+7, 1083+1050+878)
	if !ok || !near(r.Value, 1.971488, 6) || r.Clear || r.NA != 11 || r.NB != 21 {
		t.Errorf("%+v", r)
	}
	checkInterval(t, "ratio", r.Interval, 0.8584264, 4.2772659, 6)

	fewer, _ := stat.RateRatio(30, 1000, 100, 1000)
	if !fewer.Clear || fewer.Interval.High >= 1 || !near(fewer.Value, 0.3, 9) {
		t.Errorf("30 against 100: %+v", fewer)
	}
	none, ok := stat.RateRatio(0, 1, 9, 1)
	if !ok || none.Value != 0 || none.Interval.Low != 0 || !none.Clear {
		t.Errorf("none against nine: %+v", none)
	}
	// Seen from the other side it is the reciprocal, also where A has nearly all.
	a, _ := stat.RateRatio(999_999_999, 2, 1, 1)
	b, _ := stat.RateRatio(1, 1, 999_999_999, 2)
	if math.Abs(a.Interval.Low*b.Interval.High-1) > 1e-9 || math.Abs(a.Interval.High*b.Interval.Low-1) > 1e-9 {
		t.Errorf("not reciprocal: %v and %v", a.Interval, b.Interval)
	}
}

func TestRatesThatAreNone(t *testing.T) {
	for _, c := range []struct {
		events   int
		exposure float64
	}{{-1, 1}, {1, 0}, {1, -1}, {1, math.NaN()}, {1, math.Inf(1)}, {1, 5e-324}, {math.MaxInt, 1}} {
		if r, ok := stat.Rate(c.events, c.exposure); ok || r != (stat.Estimate{}) {
			t.Errorf("Rate(%v) = %v", c, r)
		}
		if r, ok := stat.RateRatio(c.events, c.exposure, 1, 1); ok || r != (stat.Comparison{}) {
			t.Errorf("RateRatio(%v, …) = %v", c, r)
		}
		if _, ok := stat.RateRatio(1, 1, c.events, c.exposure); ok {
			t.Errorf("RateRatio(…, %v)", c)
		}
	}
	for what, r := range map[string]func() (stat.Comparison, bool){
		"nothing to divide by": func() (stat.Comparison, bool) { return stat.RateRatio(5, 1, 0, 1) },
		"too many":             func() (stat.Comparison, bool) { return stat.RateRatio(1_000_000_000, 1, 1, 1) },
		"too far apart":        func() (stat.Comparison, bool) { return stat.RateRatio(5, 1e-300, 1, 1e300) },
	} {
		if c, ok := r(); ok || c != (stat.Comparison{}) {
			t.Errorf("%s: %v", what, c)
		}
	}
}
