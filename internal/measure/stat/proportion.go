package stat

import "math"

// Proportion is k of n, between 0 and 1, with Wilson's score interval: right on
// average, never outside [0, 1], and useful at 0 of n, which it does not call
// impossible. For availability, adoption, failure rates.
// ok is false unless 0 ≤ k ≤ n and n ≥ 1.
//
// E. B. Wilson, Probable inference, the law of succession, and statistical
// inference, JASA 22 (1927); method 3 of R. G. Newcombe, Statistics in Medicine
// 17 (1998) 857–872.
func Proportion(k, n int) (Estimate, bool) {
	if !counts(k, n) || n == 0 || k > n {
		return Estimate{}, false
	}
	size := float64(n)
	p := float64(k) / size
	centre := p + z*z/(2*size)
	half := z * math.Sqrt(p*(1-p)/size+z*z/(4*size*size))
	scale := 1 + z*z/size
	interval := Interval{(centre - half) / scale, (centre + half) / scale}
	// At the edges the formula is exact on paper; rounding is not.
	if k == 0 {
		interval.Low = 0
	}
	if k == n {
		interval.High = 1
	}
	return Estimate{p, n, interval.including(p)}, true
}

// ProportionDifference is kA of nA less kB of nB, between −1 and 1, with
// Newcombe's hybrid score interval, of two groups that share no member.
// ok is false where either has no Proportion.
//
// Method 10 of R. G. Newcombe, Interval estimation for the difference between
// independent proportions, Statistics in Medicine 17 (1998) 873–890.
func ProportionDifference(kA, nA, kB, nB int) (Comparison, bool) {
	a, okA := Proportion(kA, nA)
	b, okB := Proportion(kB, nB)
	if !okA || !okB {
		return Comparison{}, false
	}
	interval := a.Less(b).within(-1, 1)
	return Comparison{a.Value - b.Value, nA, nB, interval, !interval.Contains(0)}, true
}
