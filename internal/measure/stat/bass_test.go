package stat_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

func cumulated(monthly ...float64) []float64 {
	total := 0.0
	for i := range monthly {
		total += monthly[i]
		monthly[i] = total
	}
	return monthly
}

func follow(b stat.Bass, months int) []float64 {
	out := make([]float64, months)
	for i := range out {
		out[i] = b.Adopters(float64(i + 1))
	}
	return out
}

// The time of the peak, by hand, from the p and q that Bass (1969) found for three
// goods.
func TestPeakTimesOfBass(t *testing.T) {
	for what, c := range map[string]struct{ p, q, peak float64 }{
		"electric refrigerators": {0.0026167, 0.21566, 20.2},
		"room air conditioners":  {0.010399, 0.41861, 8.6},
		"television":             {0.027877, 0.25105, 7.9},
	} {
		b := stat.Bass{P: c.p, Q: c.q, M: 1000}
		if got := b.PeakTime(); !near(got, c.peak, 1) {
			t.Errorf("%s: peak at %v, want %v", what, got, c.peak)
		}
		// At the peak ½ − p/2q have adopted, as follows from his equations.
		if got := b.Share(b.PeakTime()); !near(got, 0.5-c.p/(2*c.q), 12) {
			t.Errorf("%s: share at the peak %v", what, got)
		}
	}
	for _, b := range []stat.Bass{{P: 0.3, Q: 0.1}, {P: 0.1, Q: 0.1}, {P: 0.1}, {}, {Q: 1}, {P: math.NaN(), Q: 1}, {P: 1, Q: math.Inf(1)}} {
		if got := b.PeakTime(); got != 0 {
			t.Errorf("%+v: peak at %v", b, got)
		}
	}
}

func TestBassShare(t *testing.T) {
	b := stat.Bass{P: 0.03, Q: 0.38, M: 1000}
	for months, want := range map[float64]float64{
		-1: 0, 0: 0,
		// (1−e^−0.41)/(1+12.667·e^−0.41) and so on, by hand.
		1: 0.035758, 6: 0.439235, 12: 0.908688, 1e300: 1,
	} {
		if got := b.Share(months); !near(got, want, 6) || b.Adopters(months) != 1000*got {
			t.Errorf("after %v months: %v, want %v", months, got, want)
		}
	}
	for _, bad := range []stat.Bass{{}, {P: -1, Q: 1}, {P: 1, Q: -1}, {P: math.Inf(1)}, {P: math.MaxFloat64, Q: math.MaxFloat64}} {
		if got := bad.Share(3); got != 0 {
			t.Errorf("%+v: %v", bad, got)
		}
	}
	if got := b.Share(math.NaN()); got != 0 {
		t.Errorf("NaN: %v", got)
	}
}

// Sales of room air conditioners in thousands, 1949 to 1961. Srinivasan and Mason
// (1986) report p = 0.0094, q = 0.3748 and m = 18.7 million. Forecasts and their
// intervals were computed apart, with numeric slopes, by scipy.
func TestFitBassOfSrinivasanAndMason(t *testing.T) {
	fit, err := stat.FitBass(airConditioners(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if !near(fit.P, 0.009442, 6) || !near(fit.Q, 0.374763, 6) || !near(fit.M, 18712.7, 1) || !near(fit.Residual, 184.789, 3) || fit.Months != 13 {
		t.Errorf("%+v", fit)
	}
	for months, want := range map[float64][3]float64{
		14: {15576.03, 14835.46, 16316.60},
		16: {17126.44, 15397.34, 18855.55},
		20: {18349.26, 15564.79, 21133.72},
	} {
		f, ok := fit.Forecast(months)
		if !ok || f.N != 13 || math.Abs(f.Value-want[0]) > 0.05 {
			t.Errorf("by %v: %+v, want %v", months, f, want)
		}
		checkInterval(t, "forecast", f.Interval, want[1], want[2], 0)
	}
}

func airConditioners() []float64 {
	return cumulated(96, 195, 238, 380, 1045, 1230, 1267, 1828, 1586, 1673, 1800, 1580, 1500)
}

// Video recorders, thousands, 1980 to 1989, with a known market.
func TestFitBassOfAKnownMarket(t *testing.T) {
	fit, err := stat.FitBass(cumulated(840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890), 70_000)
	if err != nil {
		t.Fatal(err)
	}
	if !near(fit.P, 0.0095995, 7) || !near(fit.Q, 0.6200584, 7) || fit.M != 70_000 || !near(fit.Residual, 704.134, 3) {
		t.Errorf("%+v", fit)
	}
	for months, want := range map[float64][3]float64{
		12: {67124.13, 65397.38, 68850.87},
		20: {69980.70, 67965.43, 70_000}, // no more than the market
	} {
		f, _ := fit.Forecast(months)
		if math.Abs(f.Value-want[0]) > 0.05 {
			t.Errorf("by %v: %+v, want %v", months, f, want)
		}
		checkInterval(t, "forecast", f.Interval, want[1], want[2], 0)
	}
}

func TestFitBassRecoversWhatItWasGiven(t *testing.T) {
	for _, truth := range []stat.Bass{
		{P: 0.03, Q: 0.38, M: 1000},
		{P: 0.03, Q: 0.38, M: 7e12},
		{P: 0.002, Q: 0.25, M: 140_000},
		{P: 0.2, Q: 0.05, M: 5000},
		{P: 0.1, Q: 0, M: 50_000},
		{P: 1, Q: 3, M: 500},
	} {
		for _, market := range []float64{0, truth.M} {
			fit, err := stat.FitBass(follow(truth, 24), market)
			if err != nil || math.Abs(fit.P/truth.P-1) > 1e-4 || math.Abs(fit.Q-truth.Q) > 1e-4 || math.Abs(fit.M/truth.M-1) > 1e-4 || fit.Residual > 1e-5*truth.M {
				t.Errorf("%+v, market %v: %+v, %v", truth, market, fit, err)
				continue
			}
			f, ok := fit.Forecast(30)
			if want := truth.Adopters(30); !ok || math.Abs(f.Value/want-1) > 1e-4 || !f.Interval.Contains(want) {
				t.Errorf("%+v, market %v: forecast %+v, want %v", truth, market, f, want)
			}
		}
	}
}

func TestFitBassThroughNoise(t *testing.T) {
	truth := stat.Bass{P: 0.03, Q: 0.38, M: 1000}
	draw := rand.New(rand.NewPCG(1969, 215))
	months := follow(truth, 18)
	for i := len(months) - 1; i > 0; i-- {
		months[i] -= months[i-1]
		months[i] = max(0, months[i]+5*draw.NormFloat64())
	}
	fit, err := stat.FitBass(cumulated(months...), 0)
	if err != nil || math.Abs(fit.P-0.03) > 0.006 || math.Abs(fit.Q-0.38) > 0.05 || math.Abs(fit.M-1000) > 60 || fit.Residual < 2 || fit.Residual > 9 {
		t.Errorf("%+v, %v", fit, err)
	}
}

// adopt is how many of the market have adopted by the end of each month, if
// each does by chance as the model says.
func adopt(b stat.Bass, months int, draw *rand.Rand) []float64 {
	out := make([]float64, months)
	adopted := 0
	for i := range out {
		before := b.Share(float64(i))
		chance := (b.Share(float64(i+1)) - before) / (1 - before)
		for range int(b.M) - adopted {
			if draw.Float64() < chance {
				adopted++
			}
		}
		out[i] = float64(adopted)
	}
	return out
}

// What matters of a forecast: its interval holds the number that comes. Before
// the peak, at it, and after.
func TestForecastsCover(t *testing.T) {
	draw := rand.New(rand.NewPCG(11, 13))
	truth := stat.Bass{P: 0.02, Q: 0.25, M: 150}
	for _, c := range []struct{ seen, ahead int }{{6, 6}, {9, 4}, {15, 6}} {
		const rounds = 200
		hits := 0
		for range rounds {
			months := adopt(truth, c.seen+c.ahead, draw)
			fit, err := stat.FitBass(months[:c.seen], truth.M)
			if err != nil {
				t.Fatal(err)
			}
			if f, _ := fit.Forecast(float64(c.seen + c.ahead)); f.Interval.Contains(months[len(months)-1]) && f.Interval.Width() < 0.8*truth.M {
				hits++
			}
		}
		if share := float64(hits) / rounds; share < 0.9 {
			t.Errorf("%+v: %v of the intervals hold what came", c, share)
		}
	}
}

// Without the size of the market there is no forecast before the months tell it,
// save for one in twenty that chance makes look so; and there is one after.
func TestForecastsOfAnUnknownMarketWait(t *testing.T) {
	draw := rand.New(rand.NewPCG(17, 19))
	truth := stat.Bass{P: 0.01, Q: 0.3, M: 150} // peaks in month 11
	given := func(seen int) (share float64) {
		const rounds = 80
		for range rounds {
			if _, err := stat.FitBass(adopt(truth, seen, draw), 0); err == nil {
				share += 1.0 / rounds
			} else if !errors.Is(err, stat.ErrNoFit) {
				t.Fatal(err)
			}
		}
		return share
	}
	if early, late := given(7), given(20); early > 0.05 || late < 0.95 {
		t.Errorf("given after 7 months %v, after 20 %v", early, late)
	}
}

func TestForecastBounds(t *testing.T) {
	fit, err := stat.FitBass(cumulated(2, 5, 9, 11, 20, 17, 21, 12), 120)
	if err != nil {
		t.Fatal(err)
	}
	now, ok := fit.Forecast(8)
	if want := (stat.Estimate{Value: 97, N: 8, Interval: stat.Interval{Low: 97, High: 97}}); !ok || now != want {
		t.Errorf("now: %+v", now)
	}
	before := now
	for _, months := range []float64{8.5, 9, 12, 24, 240, 1e9, 1e300} {
		f, ok := fit.Forecast(months)
		if !ok || f.Value < before.Value || f.Interval.Low < 97 || f.Interval.High > 120 || !f.Interval.Contains(f.Value) {
			t.Errorf("by %v: %+v", months, f)
		}
		before = f
	}
	if before.Value != 120 {
		t.Errorf("in the end all have adopted: %+v", before)
	}
	for _, months := range []float64{7.9, 0, -1, math.NaN(), math.Inf(1)} {
		if f, ok := fit.Forecast(months); ok || f != (stat.Estimate{}) {
			t.Errorf("by %v: %+v", months, f)
		}
	}
	if _, ok := (stat.BassFit{}).Forecast(3); ok {
		t.Error("no fit has no forecast")
	}
}

func TestFitsThatAreNone(t *testing.T) {
	growing := []float64{1, 2, 4, 8, 16, 32, 64, 128}
	// Its market would be 3·10³⁰⁸, which is no number.
	vast := follow(stat.Bass{P: 0.03, Q: 0.38, M: 1000}, 6)
	for i := range vast {
		vast[i] *= 3e305
	}
	for what, c := range map[string]struct {
		months []float64
		market float64
		want   error
	}{
		"none":            {nil, 0, stat.ErrTooFewMonths},
		"five":            {growing[:5], 200, stat.ErrTooFewMonths},
		"falls":           {[]float64{1, 2, 3, 2, 4, 5}, 0, stat.ErrNotAdoption},
		"negative":        {[]float64{-1, 2, 3, 4, 4, 5}, 0, stat.ErrNotAdoption},
		"NaN":             {[]float64{1, 2, math.NaN(), 4, 4, 5}, 0, stat.ErrNotAdoption},
		"infinite":        {[]float64{1, 2, 3, 4, 4, math.Inf(1)}, 0, stat.ErrNotAdoption},
		"nobody":          {make([]float64, 12), 50, stat.ErrNotAdoption},
		"market too few":  {growing, 127, stat.ErrNotAdoption},
		"market negative": {growing, -1, stat.ErrNotAdoption},
		"market NaN":      {growing, math.NaN(), stat.ErrNotAdoption},
		"market infinite": {growing, math.Inf(1), stat.ErrNotAdoption},
		"market too wide": {growing, 1e9, stat.ErrNoFit},
		"no end in sight": {growing, 0, stat.ErrNoFit},
		"all in one":      {[]float64{5, 5, 5, 5, 5, 5}, 0, nil},
		"all of them":     {slices.Repeat([]float64{9}, 7), 9, nil},
		"not one":         {[]float64{0.1, 0.2, 0.4, 0.7, 0.8, 0.9}, 10, stat.ErrNotAdoption},
		"too large":       {vast, 0, stat.ErrNoFit},
		"hardly begun":    {follow(stat.Bass{P: 1e-5, Q: 0.5, M: 1e6}, 8), 0, stat.ErrNoFit},
		"with a market":   {growing, 200, nil},
	} {
		fit, err := stat.FitBass(c.months, c.market)
		if !errors.Is(err, c.want) || err != nil && fit != (stat.BassFit{}) {
			t.Errorf("%s: %+v, error %v, want %v", what, fit, err, c.want)
		}
		if f, ok := fit.Forecast(24); ok != (err == nil) || !(f.Value >= 0) {
			t.Errorf("%s: forecast %+v", what, f)
		}
	}
	if _, err := stat.FitBass(growing[:5], 0); err == nil || err.Error() != "too few months for a forecast: 5, at least 6 are needed" {
		t.Errorf("what is said: %v", err)
	}
}
