package stat

import "math"

// Mean is the arithmetic mean, in the unit of the values, with Student's t
// interval. One value has no interval: its ends are infinite. Of values with a
// long tail, such as times, take the Median: the t interval supposes that the
// mean is roughly normal. ok is false without values, with one that is not
// finite, or when they are so large that their sum is not.
//
// Student, The probable error of a mean, Biometrika 6 (1908) 1–25; the sum of
// squares in two passes, T. F. Chan, G. H. Golub, R. J. LeVeque, The American
// Statistician 37 (1983) 242–247.
func Mean(values []float64) (Estimate, bool) {
	n := len(values)
	if n == 0 || !finite(values...) {
		return Estimate{}, false
	}
	size := float64(n)
	mean := sum(values, func(x float64) float64 { return x }) / size
	if n == 1 {
		return Estimate{mean, 1, unbounded()}, true
	}
	squares := sum(values, func(x float64) float64 { return (x - mean) * (x - mean) })
	half := studentQuantile(n-1) * math.Sqrt(squares/(size-1)/size)
	if !finite(mean-half, mean+half) {
		return Estimate{}, false
	}
	return Estimate{mean, n, Interval{mean - half, mean + half}}, true
}

// sum adds with the lost digits carried along, so that the order hardly
// matters: A. Neumaier, ZAMM 54 (1974) 39–51.
func sum(values []float64, of func(float64) float64) float64 {
	var total, lost float64
	for _, v := range values {
		x := of(v)
		next := total + x
		if math.Abs(total) >= math.Abs(x) {
			lost += total - next + x
		} else {
			lost += x - next + total
		}
		total = next
	}
	return total + lost
}
