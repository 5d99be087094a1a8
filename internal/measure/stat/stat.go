// Package stat holds the statistics that measures stand on: an estimate, how
// sure one can be of it, and what may be said of the difference of two.
//
// All functions are pure: the same data in any order give the same answer,
// nothing is read or written, and the arguments stay as they were. Each says
// which published formula it computes.
//
// Three things hold throughout:
//
//   - Intervals are two-sided at 95 %. An end that the data do not bound is
//     infinite: a median of five values has no interval, and says so.
//   - ok is false for what has no answer: no data, a count below zero, a part
//     larger than its whole, a number that is NaN or infinite. What to drop is
//     for the measure to decide and to tell; nothing is dropped here. Then the
//     other result is zero. No result holds a NaN, and nothing panics.
//   - Counts go up to 2⁵³, where float64 stops to count by ones, unless a
//     function says less.
package stat

import "math"

// Interval is a 95 % confidence interval, both ends included; Low ≤ High. An
// end that the data do not bound is infinite, which JSON cannot hold: ask
// Bounded before writing one.
type Interval struct{ Low, High float64 }

// Contains says whether x is in the interval.
func (i Interval) Contains(x float64) bool { return i.Low <= x && x <= i.High }

// Width is High − Low, infinite where an end is.
func (i Interval) Width() float64 { return i.High - i.Low }

// Bounded says whether both ends are finite.
func (i Interval) Bounded() bool { return finite(i.Low, i.High) }

// unbounded is the interval of an estimate with too little data for one.
func unbounded() Interval { return Interval{math.Inf(-1), math.Inf(1)} }

// within cuts an interval to values that can be at all.
func (i Interval) within(low, high float64) Interval {
	return Interval{min(max(i.Low, low), high), max(min(i.High, high), low)}
}

// including widens an interval just so far that x is in it.
func (i Interval) including(x float64) Interval {
	return Interval{min(i.Low, x), max(i.High, x)}
}

// Stretched is so many times as long on either side of a point in it.
func (i Interval) Stretched(about, times float64) Interval {
	return Interval{about - times*(about-i.Low), about + times*(i.High-about)}
}

// Estimate is a number, how many observations it stands on, and its interval,
// which holds the number.
type Estimate struct {
	Value    float64
	N        int
	Interval Interval
}

// Less is the interval of an estimate's value less another's, independent of it: the
// distances to the ends of both intervals are joined as variances are.
//
// R. G. Newcombe, Statistics in Medicine 17 (1998) 873–890, for proportions; G. Y.
// Zou, A. Donner, Statistics in Medicine 27 (2008) 1693–1702, for anything.
func (e Estimate) Less(than Estimate) Interval {
	d := e.Value - than.Value
	return Interval{
		d - math.Hypot(e.Value-e.Interval.Low, than.Interval.High-than.Value),
		d + math.Hypot(e.Interval.High-e.Value, than.Value-than.Interval.Low),
	}
}

// Comparison is what A differs from B by.
type Comparison struct {
	Value    float64 // A − B, or A ÷ B for a ratio
	NA, NB   int     // the observations on each side
	Interval Interval
	// Clear says that the interval leaves out "no difference": 0, or 1 for a
	// ratio. Without it no change may be claimed. It says nothing of the cause.
	Clear bool
}

// z is the 97.5 % point of the standard normal distribution.
const z = 1.959963984540054

// tail is the probability left out on each side of an interval.
const tail = 0.025

const maxCount = 1 << 53

func counts(ks ...int) bool {
	for _, k := range ks {
		if k < 0 || int64(k) > maxCount {
			return false
		}
	}
	return true
}

func finite(xs ...float64) bool {
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
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
