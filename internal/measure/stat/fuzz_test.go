package stat_test

import (
	"encoding/binary"
	"math"
	"reflect"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// noNaN looks through all that can be seen of a result.
func noNaN(t *testing.T, what string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Float64:
		if math.IsNaN(v.Float()) {
			t.Errorf("%s is NaN", what)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				noNaN(t, what+"."+f.Name, v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			noNaN(t, what, v.Index(i))
		}
	}
}

// checkOutcome holds for every function: no NaN, and nothing at all without ok.
func checkOutcome[T any](t *testing.T, what string, result T, ok bool) {
	t.Helper()
	v := reflect.ValueOf(result)
	noNaN(t, what, v)
	if !ok && !v.IsZero() {
		t.Errorf("%s: not ok, and yet %+v", what, result)
	}
	if i := v.FieldByName("Interval"); i.IsValid() && i.Interface().(stat.Interval).Width() < 0 {
		t.Errorf("%s: interval upside down: %+v", what, result)
	}
}

// Bytes are read as numbers eight at a time, so that NaN, infinities and numbers
// without measure all come.
func FuzzAnyInput(f *testing.F) {
	bytesOf := func(xs ...float64) []byte {
		var b []byte
		for _, x := range xs {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
		return b
	}
	f.Add(bytesOf(1, 2, 3, 4, 5, 6, 7), 3, 10, 0.5, 2.0)
	f.Add(bytesOf(math.NaN(), math.Inf(1), -1), -1, math.MinInt, math.NaN(), math.Inf(-1))
	f.Add(bytesOf(math.MaxFloat64, -math.MaxFloat64, 5e-324, 0, 1, 1), math.MaxInt, 1<<53, 5e-324, math.MaxFloat64)
	f.Add(bytesOf(0, 1e-320, 1e-310, 1e-300, 1, 1e300), 1, 1_000_000_000, 1e308, 1e-308)
	f.Add(bytesOf(0, 0, 0, 0, 0, 1e-300, 1e300, 1e308), 7, 7, 1-1e-16, 1e300)
	f.Fuzz(func(t *testing.T, data []byte, k, n int, x, y float64) {
		values := make([]float64, min(len(data)/8, 500))
		ws := make([]stat.Wait, len(values))
		for i := range values {
			values[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
			ws[i] = stat.Wait{Duration: values[i], Event: data[8*i]%2 == 0}
		}
		half := len(values) / 2

		p, ok := stat.Proportion(k, n)
		checkOutcome(t, "Proportion", p, ok)
		d, ok := stat.ProportionDifference(k, n, n, k)
		checkOutcome(t, "ProportionDifference", d, ok)
		p, ok = stat.Rate(k, x)
		checkOutcome(t, "Rate", p, ok)
		exposed := make([]stat.Exposed, len(values))
		for i := range exposed {
			one := data[8*i]
			exposed[i] = stat.Exposed{Block: string('a' + rune(one%2)), Cluster: string('a' + rune(one/2%4)), A: one/8%2 == 0, Events: (k + n*i) >> (one / 4), Exposure: math.Abs(values[i])}
		}
		d, ok = stat.RateDifference(exposed)
		checkOutcome(t, "RateDifference", d, ok)
		s, ok := stat.NPS(stat.Answers{Promoters: k, Passives: n, Detractors: len(data)}, n)
		checkOutcome(t, "NPS", s, ok)
		a, ok := stat.CountAnswers([]int{k, n, len(data)})
		checkOutcome(t, "CountAnswers", a, ok)
		p, ok = stat.Quantile(values, x)
		checkOutcome(t, "Quantile", p, ok)
		d, ok = stat.MedianDifference(values[:half], values[half:], y)
		checkOutcome(t, "MedianDifference", d, ok)
		r, ok := stat.Retention([]stat.Kept{{Active: n, Of: n}, {Active: k, Of: n}, {Active: k, Of: n}})
		checkOutcome(t, "Retention", r, ok)

		c, ok := stat.KaplanMeier(ws)
		checkOutcome(t, "KaplanMeier", c, ok)
		step, ok := c.At(x)
		checkOutcome(t, "At", step, ok)
		arrival, ok := c.Quantile(y)
		checkOutcome(t, "Survival.Quantile", arrival, ok)

		for _, market := range []float64{0, x} {
			fit, err := stat.FitBass(values, market)
			checkOutcome(t, "FitBass", fit, err == nil)
			forecast, ok := fit.Forecast(y)
			checkOutcome(t, "Forecast", forecast, ok)
			// And of a run of numbers that may be adopters.
			rising := make([]float64, len(values))
			total := 0.0
			for i := range rising {
				total += math.Abs(float64(data[8*i])) * max(math.Abs(x), 1e-300)
				rising[i] = total
			}
			fit, err = stat.FitBass(rising, market*y)
			checkOutcome(t, "FitBass", fit, err == nil)
			forecast, ok = fit.Forecast(y)
			checkOutcome(t, "Forecast", forecast, ok)
		}
		b := stat.Bass{P: x, Q: y, M: 1}
		if share := b.Share(y); !(share >= 0 && share <= 1) {
			t.Errorf("%+v at %v: %v", b, y, share)
		}
		if peak := b.PeakTime(); !(peak >= 0) {
			t.Errorf("%+v peaks at %v", b, peak)
		}
	})
}
