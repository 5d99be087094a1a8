package stat

import (
	"errors"
	"fmt"
	"math"
)

// Bass is the diffusion model of F. M. Bass, A new product growth for model
// consumer durables, Management Science 15 (1969) 215–227. Its time is in months
// from the start, before which nobody had adopted.
type Bass struct {
	P float64 // innovation: adopters a month, of those left, by their own choice
	Q float64 // imitation: the same, by the example of the others, once all have
	M float64 // market: how many will have adopted in the end
}

// Share is the share of the market that has adopted after a time,
// F(t) = (1−e^−(p+q)t) / (1+(q/p)·e^−(p+q)t), from 0 to 1; 0 before the start,
// and always 0 of a model that cannot be: P must be above 0, Q not below.
func (b Bass) Share(months float64) float64 {
	if !(months > 0) || !b.possible() {
		return 0
	}
	e := math.Exp(-(b.P + b.Q) * months)
	return -math.Expm1(-(b.P+b.Q)*months) * b.P / (b.P + b.Q*e)
}

func (b Bass) possible() bool { return finite(b.P, b.Q, b.P+b.Q) && b.P > 0 && b.Q >= 0 }

// Adopters is the number that has adopted after a time.
func (b Bass) Adopters(months float64) float64 { return b.M * b.Share(months) }

// PeakTime is when the most adopt, ln(q/p)/(p+q) months from the start; 0 if
// adoption falls from the first day, as it does unless Q is above P.
func (b Bass) PeakTime() float64 {
	if !b.possible() || b.Q <= b.P {
		return 0
	}
	return (math.Log(b.Q) - math.Log(b.P)) / (b.P + b.Q)
}

// MinMonths is the fewest months that a curve is fitted to.
const MinMonths = 6

// Why there is no fit. The errors of FitBass wrap one of them and give the
// numbers.
var (
	ErrTooFewMonths = errors.New("too few months for a forecast")
	ErrNotAdoption  = errors.New("not a count of adopters")
	ErrNoFit        = errors.New("the months fit no adoption curve")
)

// widestMarket is the most that a given market may be of those who have adopted:
// what is still slower than the least p leaves nothing to fit.
const widestMarket = 1e6

// BassFit is a model fitted to months of adoption.
type BassFit struct {
	Bass
	Months int // fitted to
	// Residual is the standard deviation of a month's adopters from the curve.
	Residual float64

	adopted    float64 // by the end of the last month
	known      bool    // the market was given
	noise      float64 // standard deviation of a month ÷ adopted
	covariance matrix  // of p, q and m ÷ adopted
	freedom    int     // months less what was estimated
}

// FitBass fits the model to how many had adopted by the end of month 1, 2, … ,
// where month 1 is the first in which anybody could. They are counted one by one,
// not in shares or thousands: how far chance goes depends on it.
//
// market is how many there can be, or 0 to estimate that as well. Give it where
// there is an imported organisation to count. Without it a few slow months look
// like the end of growth, and before the peak such a forecast is wrong more often
// than right; so there is none unless a market twice as large fits worse than
// chance explains, which commonly takes until well after the peak.
//
// It is least squares on the adopters of each month, not on their sums: the sums
// share their errors, which would make the interval too narrow. Levenberg's and
// Marquardt's steps, from the best of a grid of starts, within 10⁻⁶ ≤ p ≤ 1,
// 0 ≤ q ≤ 3, and a market between those who have adopted and a hundred times as
// many. Some milliseconds for two years.
//
// The error is ErrTooFewMonths under MinMonths; ErrNotAdoption if a number is
// negative or not finite, the count falls, nobody adopted, or more did than the
// market has; ErrNoFit if the months do not tell how large the market is, or it is
// over a million times those who adopted.
//
// V. Srinivasan, C. H. Mason, Nonlinear least squares estimation of new product
// diffusion models, Marketing Science 5 (1986) 169–178; D. W. Marquardt, SIAM
// Journal 11 (1963) 431–441; what an unknown market does: C. Van den Bulte, G. L.
// Lilien, Marketing Science 16 (1997) 338–353.
func FitBass(cumulative []float64, market float64) (BassFit, error) {
	n := len(cumulative)
	if n < MinMonths {
		return BassFit{}, fmt.Errorf("%w: %d, at least %d are needed", ErrTooFewMonths, n, MinMonths)
	}
	if err := checkAdoption(cumulative, market); err != nil {
		return BassFit{}, err
	}
	// In shares of those who have adopted, so that all parameters are of a size.
	adopted := cumulative[n-1]
	problem := bassProblem{monthly: make([]float64, n), market: market / adopted}
	before := 0.0
	for i, c := range cumulative {
		problem.monthly[i] = (c - before) / adopted
		before = c
	}
	at, cost := problem.fit()
	fit := BassFit{
		Bass:    Bass{at[0], at[1], at[2] * adopted},
		Months:  n,
		adopted: adopted,
		known:   market > 0,
		freedom: n - problem.parameters(),
	}
	if fit.known {
		fit.M = market // without rounding
	}
	variance := cost / float64(fit.freedom)
	fit.Residual = math.Sqrt(variance) * adopted
	// A few months may lie near the curve by chance: no count is surer than
	// Poisson's, whose variance is its mean.
	variance = max(variance, 1/(float64(n)*adopted))
	fit.noise = math.Sqrt(variance)
	inverse, ok := problem.certainty(at)
	for i, row := range inverse {
		for j := range row {
			fit.covariance[i][j] = inverse[i][j] * variance
		}
	}
	t := studentQuantile(fit.freedom)
	switch {
	case !ok || !fit.known && !problem.endInSight(at[2], cost+t*t*variance):
		return BassFit{}, fmt.Errorf("%w: they do not tell how large the market is; give its size if it is known", ErrNoFit)
	case !finite(fit.M, fit.Residual):
		return BassFit{}, fmt.Errorf("%w: their numbers are too large", ErrNoFit)
	}
	return fit, nil
}

func checkAdoption(cumulative []float64, market float64) error {
	before := 0.0
	for i, c := range cumulative {
		if !finite(c) || c < before {
			return fmt.Errorf("%w: month %d has %g after %g", ErrNotAdoption, i+1, c, before)
		}
		before = c
	}
	switch {
	case before < 1:
		return fmt.Errorf("%w: nobody adopted in %d months", ErrNotAdoption, len(cumulative))
	case !finite(market) || market < 0:
		return fmt.Errorf("%w: a market of %g", ErrNotAdoption, market)
	case market != 0 && market < before:
		return fmt.Errorf("%w: %g adopted of a market of %g", ErrNotAdoption, before, market)
	case market/before > widestMarket:
		return fmt.Errorf("%w: %g adopted of a market of %g", ErrNoFit, before, market)
	}
	return nil
}

// Forecast is how many will have adopted by a time after the months of the fit:
// those who have, and of the rest of the market as many as the curve says. N is
// the number of months fitted to. The interval is for what will be counted, not
// for the curve alone, with Student's t: by the delta method from the covariance
// of the parameters, plus the residual variance of a month for as many adopters
// as such a month had (more adopters scatter more, as counts do). It stays
// between those who have adopted and the market, if that was given. Of simulated
// teams that adopt by chance it holds 90 to 100 in 100, the least in the first
// months of a small market. What it cannot hold is a change of the world.
// ok is false for a time before the last month, or not finite.
//
// G. A. F. Seber, C. J. Wild, Nonlinear Regression, §5.1; the variance in
// proportion to the mean: P. McCullagh, J. A. Nelder, Generalized Linear Models,
// §6.2.
func (f BassFit) Forecast(months float64) (Estimate, bool) {
	last := float64(f.Months)
	if !finite(months) || months < last || f.Months == 0 {
		return Estimate{}, false
	}
	// left is the share of those who had not adopted that still will not have:
	// (1−F(t))/(1−F(n)), in a form that keeps its digits when both are near 0.
	then, now := bassTerms(f.P, f.Q, last), bassTerms(f.P, f.Q, months)
	ahead := months - last
	left := math.Exp(-(f.P+f.Q)*ahead) * then.den / now.den
	rest := f.M/f.adopted - 1
	gradient := vector{
		rest * left * (ahead - then.denP/then.den + now.denP/now.den),
		rest * left * (ahead - then.denQ/then.den + now.denQ/now.den),
		1 - left,
	}
	expected := rest * (1 - left) * last // against what a month of the fit had
	variance := gradient.dot(f.covariance.times(gradient)) + expected*f.noise*f.noise
	half := studentQuantile(f.freedom) * math.Sqrt(max(variance, 0)) * f.adopted
	value := f.adopted + (f.M-f.adopted)*(1-left)
	most := math.Inf(1)
	if f.known {
		most = f.M
	}
	interval := Interval{value - half, value + half}.within(f.adopted, most).including(value)
	return Estimate{value, f.Months, interval}, true
}
