package stat_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// oneTo is 1, 2, …, n, so that a value is its own rank.
func oneTo(n int) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = float64(i + 1)
	}
	return xs
}

// The ranks for a median of Campbell and Gardner (1988), table in their appendix
// II, and for the ends of the table what follows from 2·½ⁿ ≤ 5 %.
func TestMedianRanks(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		n         int
		low, high float64
	}{
		{1, -inf, inf}, {5, -inf, inf}, {6, 1, 6}, {7, 1, 7}, {8, 1, 8}, {9, 2, 8}, {10, 2, 9},
		{15, 4, 12}, {20, 6, 15}, {25, 8, 18}, {30, 10, 21}, {50, 18, 33}, {100, 40, 61},
		{1000, 469, 532}, {100_000, 49690, 50311},
	} {
		m, ok := stat.Median(oneTo(c.n))
		if want := (stat.Estimate{Value: float64(c.n+1) / 2, N: c.n, Interval: stat.Interval{Low: c.low, High: c.high}}); !ok || m != want {
			t.Errorf("median of 1…%d: %+v, want %+v", c.n, m, want)
		}
	}
}

// The example of Conover, Practical Nonparametric Statistics §3.2: the upper
// quartile of the life of 16 radio tubes. Definition 7 puts it at rank 12.25.
func TestUpperQuartileOfConover(t *testing.T) {
	tubes := []float64{63.3, 73.3, 46.9, 67.1, 59.2, 47.2, 63.4, 64.1, 49.1, 63.7, 56.5, 67.7, 56.8, 78.5, 63.2, 59.9}
	before := slices.Clone(tubes)
	q, ok := stat.Quantile(tubes, 0.75)
	if !ok || !near(q.Value, 64.1+0.25*(67.1-64.1), 9) || !slices.Equal(tubes, before) {
		t.Errorf("%+v", q)
	}
	// P(Y ≤ 7) = 0.0075 and P(Y ≤ 8) = 0.0271 of 16 at ¾, so 8 is the low rank;
	// P(Y ≤ 14) = 0.9365 and P(Y ≤ 15) = 0.9900, so 16 is the high one.
	checkInterval(t, "quartile", q.Interval, 63.2, 78.5, 9)
}

func TestQuantileEndsThatAreNotBounded(t *testing.T) {
	// Two of 35 tail orders: 0.9³⁵ = 0.0250 leaves no room above, 0.9³⁶ does.
	for n, bounded := range map[int]bool{35: false, 36: true} {
		q, _ := stat.Quantile(oneTo(n), 0.9)
		if math.IsInf(q.Interval.High, 1) == bounded || q.Interval.Bounded() != bounded || math.IsInf(q.Interval.Low, -1) {
			t.Errorf("0.9 quantile of %d: %+v", n, q)
		}
	}
	// As near to 1 and to 0 as can be.
	if q, ok := stat.Quantile(oneTo(3), math.Nextafter(1, 0)); !ok || !near(q.Value, 3, 12) {
		t.Errorf("greatest quantile: %+v", q)
	}
	if q, ok := stat.Quantile(oneTo(3), math.SmallestNonzeroFloat64); !ok || q.Value != 1 {
		t.Errorf("least quantile: %+v", q)
	}
}

func TestQuantilesThatAreNone(t *testing.T) {
	for _, q := range []float64{0, 1, -1, 2, math.NaN(), math.Inf(1)} {
		if e, ok := stat.Quantile(oneTo(9), q); ok || e != (stat.Estimate{}) {
			t.Errorf("Quantile(…, %v) = %v", q, e)
		}
	}
	for _, xs := range [][]float64{nil, {}, {1, math.NaN()}, {math.Inf(-1), 1}} {
		if e, ok := stat.Median(xs); ok || e != (stat.Estimate{}) {
			t.Errorf("Median(%v) = %v", xs, e)
		}
		if d, ok := stat.MedianDifference(xs, oneTo(9), 1); ok || d != (stat.Comparison{}) {
			t.Errorf("MedianDifference(%v, …) = %v", xs, d)
		}
		if _, ok := stat.MedianDifference(oneTo(9), xs, 1); ok {
			t.Errorf("MedianDifference(…, %v)", xs)
		}
	}
	far := []float64{-math.MaxFloat64, math.MaxFloat64}
	if _, ok := stat.MedianDifference(far, far, 1); ok {
		t.Error("too far apart for a difference")
	}
	if m, ok := stat.Median(far); !ok || m.Value != 0 {
		t.Errorf("median of the two farthest numbers: %v", m)
	}
}

// The bootstrap's distribution of a median of an odd number of values is known:
// the median of n resampled values is at most the j-th if at least half of n
// draws are, each with chance j/n (Maritz and Jarrett). Against a constant on
// the other side the interval must end where that distribution does.
func TestMedianDifferenceIsTheBootstrap(t *testing.T) {
	for _, n := range []int{7, 21, 101} {
		atMost := func(j int) float64 { return 1 - binomialAtMost((n-1)/2, n, float64(j)/float64(n)) }
		low, high := 1, 1
		for atMost(low) < 0.025 {
			low++
		}
		for atMost(high) < 0.975 {
			high++
		}
		d, ok := stat.MedianDifference(oneTo(n), make([]float64, n), 1)
		if !ok || d.Value != float64(n+1)/2 || !d.Clear {
			t.Errorf("n = %d: %+v", n, d)
		}
		// One rank is what 2,000 draws may miss where a step is close to the cut.
		if math.Abs(d.Interval.Low-float64(low)) > 1 || math.Abs(d.Interval.High-float64(high)) > 1 {
			t.Errorf("n = %d: %v, want [%d, %d]", n, d.Interval, low, high)
		}
	}
}

// Where resampling itself is cheap it gives the same ends as the direct draws,
// for even and odd numbers of values.
func TestMedianDifferenceAgainstResampling(t *testing.T) {
	draw := rand.New(rand.NewPCG(7, 7))
	for _, n := range [][2]int{{12, 9}, {30, 41}, {64, 64}} {
		a, b := logNormal(n[0], 1, 1, draw), logNormal(n[1], 0, 0.5, draw)
		d, _ := stat.MedianDifference(a, b, 1)
		plain := make([]float64, 8_000)
		for i := range plain {
			plain[i] = medianOf(resample(a, draw)) - medianOf(resample(b, draw))
		}
		slices.Sort(plain)
		want := stat.Interval{Low: plain[200], High: plain[7_799]}
		if slack := 0.1 * want.Width(); math.Abs(d.Interval.Low-want.Low) > slack || math.Abs(d.Interval.High-want.High) > slack {
			t.Errorf("%v: %v, by resampling %v", n, d.Interval, want)
		}
	}
}

func logNormal(n int, mu, sigma float64, draw *rand.Rand) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = math.Exp(mu + sigma*draw.NormFloat64())
	}
	return xs
}

func resample(xs []float64, draw *rand.Rand) []float64 {
	out := make([]float64, len(xs))
	for i := range out {
		out[i] = xs[draw.IntN(len(xs))]
	}
	return out
}

func medianOf(xs []float64) float64 {
	slices.Sort(xs)
	return (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2
}

// What the comment of MedianDifference claims: of times that differ by a factor
// and in spread, the interval holds the true difference about as often as it says.
func TestMedianDifferenceCovers(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 5))
	for _, c := range []struct {
		nA, nB     int
		mu, sA, sB float64
	}{{20, 20, 0, 1, 1}, {8, 30, math.Log(3), 1, 1}, {60, 100, 1, 1.5, 0.5}} {
		const rounds = 120
		hits := 0
		for range rounds {
			d, _ := stat.MedianDifference(logNormal(c.nA, c.mu, c.sA, draw), logNormal(c.nB, 0, c.sB, draw), 1)
			if d.Interval.Contains(math.Exp(c.mu) - 1) {
				hits++
			}
		}
		if share := float64(hits) / rounds; share < 0.88 {
			t.Errorf("%+v: %v of the intervals hold the difference", c, share)
		}
	}
}

func TestMedianDifferenceOfFew(t *testing.T) {
	for n, bounded := range map[int]bool{1: false, 5: false, 6: true} {
		d, ok := stat.MedianDifference(oneTo(n), oneTo(50), 1)
		if !ok || d.Interval.Bounded() != bounded || d.NA != n || d.NB != 50 || d.Value != float64(n+1)/2-25.5 {
			t.Errorf("%d against 50: %+v", n, d)
		}
		if !bounded && d.Clear {
			t.Errorf("%d against 50 may claim nothing: %+v", n, d)
		}
	}
}

// binomialAtMost adds up the chances one by one.
func binomialAtMost(k, n int, p float64) float64 {
	lg := func(x int) float64 { l, _ := math.Lgamma(float64(x + 1)); return l }
	sum := 0.0
	for i := 0; i <= k; i++ {
		sum += math.Exp(lg(n) - lg(i) - lg(n-i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}
