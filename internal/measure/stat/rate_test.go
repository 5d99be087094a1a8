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

func TestRatesThatAreNone(t *testing.T) {
	for _, c := range []struct {
		events   int
		exposure float64
	}{{-1, 1}, {1, 0}, {1, -1}, {1, math.NaN()}, {1, math.Inf(1)}, {1, 5e-324}, {math.MaxInt, 1}} {
		if r, ok := stat.Rate(c.events, c.exposure); ok || r != (stat.Estimate{}) {
			t.Errorf("Rate(%v) = %v", c, r)
		}
	}
}
