package stat

import (
	"math"
	"testing"
)

// Where the two functions have a closed form they must give it, on both sides of
// the change of method.
func TestDistributionsInClosedForm(t *testing.T) {
	for _, x := range []float64{1e-12, 0.01, 0.3, 0.5, 0.7, 0.99, 1 - 1e-12} {
		for _, c := range []struct {
			what      string
			got, want float64
		}{
			{"I(1, 1)", first(betaCDF(x, 1, 1)), x},
			{"I(1, 30)", first(betaCDF(x, 1, 30)), -math.Expm1(30 * math.Log1p(-x))},
			{"I(30, 1)", first(betaCDF(x, 30, 1)), math.Pow(x, 30)},
			{"I(½, ½)", first(betaCDF(x, 0.5, 0.5)), arcSine(x)},
			{"I(2, 2)", first(betaCDF(x, 2, 2)), x * x * (3 - 2*x)},
			{"P(1)", first(gammaCDF(5*x, 1)), -math.Expm1(-5 * x)},
			{"P(½)", first(gammaCDF(5*x, 0.5)), math.Erf(math.Sqrt(5 * x))},
		} {
			if math.Abs(c.got-c.want) > 1e-13 {
				t.Errorf("%s at %v: %v, want %v", c.what, x, c.got, c.want)
			}
		}
	}
	for x, want := range map[float64]float64{-1: 0, 0: 0, 1: 1, 2: 1} {
		if p, density := betaCDF(x, 3, 4); p != want || density != 0 {
			t.Errorf("I at %v: %v, %v", x, p, density)
		}
	}
}

// arcSine is 2/π·asin √x, with its digits kept near 1.
func arcSine(x float64) float64 {
	if x > 0.5 {
		return 1 - arcSine(1-x)
	}
	return 2 / math.Pi * math.Asin(math.Sqrt(x))
}

func first(value, _ float64) float64 { return value }

// A quantile is where its distribution is, and the two ways to the quantile of a
// gamma meet where one takes over from the other.
func TestQuantilesInvert(t *testing.T) {
	for _, a := range []float64{0.5, 1, 2, 19.9, 20, 1000, 1e6, maxBeta} {
		for _, b := range []float64{0.5, 1, 7, 50_000, maxBeta} {
			for _, p := range []float64{0.025, 0.95, 0.975} {
				x := betaQuantile(p, a, b)
				if got, density := betaCDF(x, a, b); math.Abs(got-p) > 1e-8+4e-16*density*x {
					t.Errorf("I(%v, %v) at its %v quantile %v: %v", a, b, p, x, got)
				}
			}
		}
	}
	for _, a := range []float64{1, 2, 30, 5000, maxGamma} {
		for p, at := range map[float64]float64{0.025: -z, 0.975: z} {
			x := gammaQuantile(p, at, a)
			if got, _ := gammaCDF(x, a); math.Abs(got-p) > 1e-11 {
				t.Errorf("P(%v) at its %v quantile: %v", a, p, got)
			}
		}
	}
	for p, at := range map[float64]float64{0.025: -z, 0.975: z} {
		below, above := gammaQuantile(p, at, maxGamma), gammaQuantile(p, at, maxGamma+1e-6)
		if math.Abs(above/below-1) > 1e-8 {
			t.Errorf("at %v: %v, then %v", p, below, above)
		}
	}
}

func TestFractionsDoNotDivideByZero(t *testing.T) {
	// 1/(0 + 1/(2 + 0)) = 2, though its first denominator is nil.
	f := fraction(0, func(i int) (num, den float64) {
		if i == 1 {
			return 1, 2
		}
		return 0, 1
	})
	if math.Abs(f-2) > 1e-12 {
		t.Errorf("%v", f)
	}
}
