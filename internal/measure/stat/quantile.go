package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
)

// Median is the middle value, in the unit of the values. See Quantile.
func Median(values []float64) (Estimate, bool) { return Quantile(values, 0.5) }

// Quantile is the value below which the share q of the values lies, 0 < q < 1,
// between two values in proportion. The interval is made of two of the values
// themselves and supposes nothing of their distribution but that they are
// independent: at least 95 %. Where the values are too few for an end, as under
// six for a median or under 36 for the upper end at 0.9, that end is infinite.
// ok is false without values, with one that is not finite, or for another q.
// Costs a copy and a few passes over it: about 4 ms for 100,000 values.
//
// The value is definition 7 of R. J. Hyndman, Y. Fan, The American Statistician
// 50 (1996) 361–365; the interval is W. J. Conover, Practical Nonparametric
// Statistics, §3.2, with the ranks of M. J. Campbell, M. J. Gardner, BMJ 296
// (1988) 1454–1456.
func Quantile(values []float64, q float64) (Estimate, bool) {
	if !(q > 0 && q < 1) {
		return Estimate{}, false
	}
	if len(values) == 0 || !finite(values...) {
		return Estimate{}, false
	}
	n := len(values)
	low, high := ranks(n, q)
	sorted := slices.Clone(values)
	around := int(float64(n-1) * q)
	settle(sorted, max(min(low-1, around), 0), min(max(high, around+2), n))
	value := pointAt(sorted, q)
	interval := unbounded()
	if low >= 1 {
		interval.Low = sorted[low-1]
	}
	if high <= n {
		interval.High = sorted[high-1]
	}
	return Estimate{value, n, interval.including(value)}, true
}

// settle orders values so far that those from one rank, counted from 0, to before
// another are where they are in a sorted slice.
func settle(values []float64, from, to int) {
	_, settled := split(values, from)
	if to <= settled {
		return
	}
	rest := values[settled:]
	_, end := split(rest, to-1-settled)
	slices.Sort(rest[:end])
}

// split moves the value of a rank to its place: before first are only smaller ones,
// from last on only larger ones, and between them it alone, perhaps several times.
// C. A. R. Hoare, Communications of the ACM 4 (1961) 321.
func split(values []float64, rank int) (first, last int) {
	first, last = 0, len(values)
	for last-first > 1 {
		part := values[first:last]
		pivot := part[rand.IntN(len(part))]
		smaller, next, larger := 0, 0, len(part)
		for next < larger {
			switch v := part[next]; {
			case v < pivot:
				part[smaller], part[next] = v, part[smaller]
				smaller, next = smaller+1, next+1
			case v > pivot:
				larger--
				part[next], part[larger] = part[larger], v
			default:
				next++
			}
		}
		switch at := rank - first; {
		case at < smaller:
			last = first + smaller
		case at >= larger:
			first += larger
		default:
			return first + smaller, first + larger
		}
	}
	return first, last
}

// ordered is a sorted copy, if there are values and all are finite.
func ordered(values []float64) ([]float64, bool) {
	if len(values) == 0 || !finite(values...) {
		return nil, false
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return sorted, true
}

func pointAt(sorted []float64, q float64) float64 {
	whole, part := math.Modf(float64(len(sorted)-1) * q)
	i := int(whole)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return between(sorted[i], sorted[i+1], part)
}

// between is the point a share of the way from a to b, which may be as far
// apart as numbers go.
func between(a, b, share float64) float64 { return min(max((1-share)*a+share*b, a), b) }

// ranks are the two order statistics, from 1, that hold the quantile q between
// them with 95 %: the number of values below it is binomial. 0 and n+1 mean that
// there is none.
func ranks(n int, q float64) (low, high int) {
	// below is the chance that at most k of n values are.
	below := func(k int) float64 {
		p, _ := betaCDF(1-q, float64(n-k), float64(k+1))
		return p
	}
	low = sort.Search(n, func(k int) bool { return below(k) > tail })
	high = 1 + sort.Search(n, func(k int) bool { return below(k) >= 1-tail })
	return low, high
}

// resamples is how many resamples MedianDifference draws: its ends then lie
// within about ±0.35 % of the 2.5 % and 97.5 % points.
const resamples = 2_000

// MedianDifference is the median of a less the median of b, in their unit, with
// the percentile interval of a bootstrap. With fewer than six values on a side
// there is no interval, and its ends are infinite. Where whole clusters of values
// are alike, wider says how many times as long that makes an interval (Widening):
// so much as if there were fewer values by its square, one at the least. ok is false
// where either has no Median, they are so far apart that their difference is no
// number, or wider is less than 1.
//
// Why not Hodges and Lehmann's shift with the interval of Mann and Whitney's
// test: it is an interval of another number, the median of all pairwise
// differences, and that is the difference of the medians only if b is a shifted.
// Times to deploy or to repair differ by a factor rather than a shift. Of
// log-normal times that do, with 8 to 100 on a side, its 95 % held the difference
// of the medians as few as 81 times in 100; the bootstrap 91 to 97 times.
//
// Why not the interval of independent values made longer: where one team is fast and
// the other slow few values lie between them, and from the middle of the fast one's it
// would never reach the slow one's. Of two to ten teams a group, in one segment or in
// four, whose medians differ by a factor of up to e^±1, 95 % held the difference 91 to
// 100 times in 100; with wider 1, as of independent values, 25 to 97 times.
//
// The cost does not grow with resamples × values: the median of a resample is
// the value whose rank is that of the median of as many uniform numbers, and
// that is drawn directly, as a beta. So there is one sort of each side, and a
// fixed 2,000 draws: some 28 ms at 100,000 values a side, 1 ms at a hundred. The
// generator starts from a constant, so the same data give the same interval.
//
// B. Efron, Annals of Statistics 7 (1979) 1–26, §3, and J. S. Maritz, R. G.
// Jarrett, JASA 73 (1978) 194–196, for the rank of a resampled median; R. S.
// Woodruff, JASA 47 (1952) 635–646, for a median by the share below it.
func MedianDifference(a, b []float64, wider float64) (Comparison, bool) {
	as, okA := ordered(a)
	bs, okB := ordered(b)
	if !okA || !okB || !(wider >= 1) || !finite(as[len(as)-1]-bs[0], bs[len(bs)-1]-as[0]) {
		return Comparison{}, false
	}
	value := pointAt(as, 0.5) - pointAt(bs, 0.5)
	interval := unbounded()
	if low, _ := ranks(min(len(as), len(bs)), 0.5); low >= 1 {
		draw := rand.New(rand.NewPCG(1979, 194))
		differences := make([]float64, resamples)
		for i := range differences {
			differences[i] = resampledMedian(as, wider, draw) - resampledMedian(bs, wider, draw)
		}
		slices.Sort(differences)
		const cut = resamples * 25 / 1000
		interval = Interval{differences[cut], differences[resamples-1-cut]}.including(value)
	}
	return Comparison{value, len(as), len(bs), interval, !interval.Contains(0)}, true
}

// resampledMedian is the median of as many values drawn with replacement, or of fewer
// by the square of wider, of which one is left at the least.
func resampledMedian(sorted []float64, wider float64, draw *rand.Rand) float64 {
	n := len(sorted)
	at := func(u float64) float64 { return sorted[min(int(u*float64(n)), n-1)] }
	if wider > 1 {
		half := (max(1, float64(n)/(wider*wider)) + 1) / 2
		x, y := gammaDraw(half, draw), gammaDraw(half, draw)
		return at(x / (x + y))
	}
	r := (n + 1) / 2
	// u is the r-th smallest of n uniform numbers; the next one up is the least
	// of the n−r that lie above it.
	x, y := gammaDraw(float64(r), draw), gammaDraw(float64(n-r+1), draw)
	u := x / (x + y)
	if n%2 == 1 {
		return at(u)
	}
	next := 1 - (1-u)*math.Pow(1-draw.Float64(), 1/float64(n-r))
	return between(at(u), at(next), 0.5)
}

// gammaDraw is a gamma-distributed number of that shape, at least 1: G. Marsaglia,
// W. W. Tsang, ACM Transactions on Mathematical Software 26 (2000) 363–372.
func gammaDraw(shape float64, draw *rand.Rand) float64 {
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := draw.NormFloat64()
		v := 1 + c*x
		v = v * v * v
		if v > 0 && math.Log(1-draw.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}
