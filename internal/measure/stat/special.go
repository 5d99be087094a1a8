package stat

import "math"

// Above these the continued fractions and series below would take too long.
const (
	maxBeta  = 1_000_000_000
	maxGamma = 100_000
)

// maxTerms bounds every series and fraction: they need some multiple of the
// root of the largest parameter, and none is larger than maxBeta.
const maxTerms = 1_000_000

// tiny stands in for a zero denominator of a continued fraction.
const tiny = 1e-300

// betaCDF is the regularised incomplete beta function Iₓ(a, b), 0 ≤ x ≤ 1,
// with the density beside it: the continued fraction of DLMF §8.17.22, by
// Lentz's method as modified by Thompson and Barnett (1986).
func betaCDF(x, a, b float64) (p, density float64) {
	if x <= 0 || x >= 1 {
		return max(0, min(x, 1)), 0
	}
	// xᵃ(1−x)ᵇ/B(a, b), about its greatest value and not as a difference of large
	// logarithms: C. Loader, Fast and accurate computation of binomial
	// probabilities (2000).
	y, mode, other := 1-x, a/(a+b), b/(a+b)
	off := x - mode
	if x > 0.5 {
		off = other - y // the same, with the digits that 1 swallows
	}
	front := math.Sqrt(a/(2*math.Pi)*other) * math.Exp(a*logRatio(x, mode, off)+b*logRatio(y, other, -off)+
		beyondStirling(a+b)-beyondStirling(a)-beyondStirling(b))
	density = front / (x * y)
	if x < (a+1)/(a+b+2) {
		return min(front*betaFraction(x, a, b)/a, 1), density
	}
	return max(1-front*betaFraction(y, b, a)/b, 0), density
}

// logRatio is ln(x/of), where off = x − of may be known better than both.
func logRatio(x, of, off float64) float64 {
	if math.Abs(off) < of/2 {
		return math.Log1p(off / of)
	}
	return math.Log(x / of)
}

func betaFraction(x, a, b float64) float64 {
	return fraction(1, func(i int) (num, den float64) {
		m := float64(i / 2)
		if i%2 == 0 {
			return m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m)), 1
		}
		return -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1)), 1
	})
}

// fraction is 1 / (first + num(1) / (den(1) + num(2) / (den(2) + …))).
func fraction(first float64, term func(i int) (num, den float64)) float64 {
	d := 1 / nonZero(first)
	c, f := 1/tiny, d
	for i := 1; i < maxTerms; i++ {
		num, den := term(i)
		c = nonZero(den + num/c)
		d = 1 / nonZero(den+num*d)
		f *= c * d
		if math.Abs(c*d-1) < 1e-15 {
			break
		}
	}
	return f
}

func nonZero(x float64) float64 {
	if math.Abs(x) < tiny {
		return tiny
	}
	return x
}

// beyondStirling is ln Γ(x) less (x−½)·ln x − x + ½·ln 2π: DLMF §5.11.1.
func beyondStirling(x float64) float64 {
	if x < 20 {
		l, _ := math.Lgamma(x)
		return l - (x-0.5)*math.Log(x) + x - 0.5*math.Log(2*math.Pi)
	}
	s := x * x
	return (1.0/12 - (1.0/360-(1.0/1260-1/(1680*s))/s)/s) / x
}

// gammaCDF is the regularised incomplete gamma function P(a, x), x > 0, with
// the density beside it: the series of DLMF §8.11.4 below a + 1, the continued
// fraction of §8.9.2 (in its even part) above.
func gammaCDF(x, a float64) (p, density float64) {
	front := math.Sqrt(a/(2*math.Pi)) * math.Exp(a*logRatio(x, a, x-a)-(x-a)-beyondStirling(a))
	density = front / x
	if x < a+1 {
		term := 1 / a
		sum := term
		for i := 1; i < maxTerms && term > sum*1e-16; i++ {
			term *= x / (a + float64(i))
			sum += term
		}
		return min(front*sum, 1), density
	}
	upper := fraction(x+1-a, func(i int) (num, den float64) {
		n := float64(i)
		return n * (a - n), x + 2*n + 1 - a
	})
	return max(1-front*upper, 0), density
}

// betaQuantile is the x with Iₓ(a, b) = p, for a, b up to maxBeta.
func betaQuantile(p, a, b float64) float64 {
	return solve(p, 0, 1, a/(a+b), func(x float64) (float64, float64) { return betaCDF(x, a, b) })
}

// gammaQuantile is the x with P(a, x) = p, where p is the normal distribution
// at z: the estimate of Wilson and Hilferty (1931), which is what is left above
// maxGamma (there it is right to nine digits) and where the search starts below;
// for a small a it may lie under 0, and then the search starts where the first
// term of the series is p.
func gammaQuantile(p, z, a float64) float64 {
	root := 1 - 1/(9*a) + z/(3*math.Sqrt(a))
	start := a * root * root * root
	if a > maxGamma {
		return start
	}
	if start <= 0 {
		l, _ := math.Lgamma(a + 1)
		start = math.Exp((math.Log(p) + l) / a)
	}
	return solve(p, 0, 10*a+20, start, func(x float64) (float64, float64) { return gammaCDF(x, a) })
}

// studentQuantile is the t that a Student-distributed number with that many
// degrees of freedom stays within, either way, with probability 95 %: of
// y = t²/(ν+t²) one knows I_y(½, ν/2) = 0.95 (DLMF §8.17, Abramowitz and
// Stegun 26.5.27).
func studentQuantile(freedom int) float64 {
	v := float64(freedom)
	y := betaQuantile(1-2*tail, 0.5, v/2)
	return math.Sqrt(v * y / (1 - y))
}

// solve finds the x in [low, high] where a distribution function is p: Newton's
// steps, and a halving of the bracket where one would leave it.
func solve(p, low, high, x float64, cdf func(x float64) (value, density float64)) float64 {
	for range 200 { // some ten steps; bisection alone would take under 120
		value, density := cdf(x)
		if value < p {
			low = x
		} else {
			high = x
		}
		last := x
		x -= (value - p) / density
		if !(x > low && x < high) { // also when the density is nil
			x = low + (high-low)/2
		}
		if math.Abs(x-last) <= 2e-16*x {
			break
		}
	}
	return x
}
