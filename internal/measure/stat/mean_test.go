package stat_test

import (
	"math"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// Student's own example (Biometrika 6, 1908): ten patients, hours of sleep with
// one drug less with the other. R's t.test of the same data prints the interval.
func TestMeanOfStudentsSleep(t *testing.T) {
	first := []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2.0}
	second := []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
	differences := make([]float64, len(first))
	for i := range first {
		differences[i] = first[i] - second[i]
	}
	m, ok := stat.Mean(differences)
	if !ok || !near(m.Value, -1.58, 12) || m.N != 10 {
		t.Errorf("%+v", m)
	}
	checkInterval(t, "mean", m.Interval, -2.4598858, -0.7001142, 7)
}

// The table of t at 97.5 %: a mean of 0 with a standard error of 1 has an
// interval that ends there. ±c of equal number have the standard deviation
// c·√(n/(n−1)).
func TestMeanByTheTableOfT(t *testing.T) {
	for n, want := range map[int]float64{2: 12.706205, 4: 3.182446, 10: 2.262157, 30: 2.045230, 1000: 1.962341, 100_000: 1.959988} {
		xs := make([]float64, n)
		for i := range xs {
			xs[i] = math.Sqrt(float64(n - 1))
			if i%2 == 0 {
				xs[i] = -xs[i]
			}
		}
		m, _ := stat.Mean(xs)
		checkInterval(t, "t", m.Interval, -want, want, 5)
	}
}

func TestMeanKeepsItsDigits(t *testing.T) {
	m, _ := stat.Mean([]float64{1e15 + 2, 1e15 + 4, 1e15 + 6})
	if m.Value != 1e15+4 || !near(m.Interval.Width(), 2*4.302653*2/math.Sqrt(3), 0) {
		t.Errorf("%+v", m)
	}
	if m, ok := stat.Mean([]float64{1e100, 1, -1e100}); !ok || !near(m.Value, 1.0/3, 12) {
		t.Errorf("%+v", m)
	}
}

func TestMeanOfOne(t *testing.T) {
	m, ok := stat.Mean([]float64{7})
	if want := (stat.Estimate{Value: 7, N: 1, Interval: stat.Interval{Low: math.Inf(-1), High: math.Inf(1)}}); !ok || m != want {
		t.Errorf("%+v", m)
	}
}

func TestMeansThatAreNone(t *testing.T) {
	for _, xs := range [][]float64{nil, {1, math.NaN()}, {math.Inf(1)}, {math.MaxFloat64, math.MaxFloat64}, {1e200, -1e200}} {
		if m, ok := stat.Mean(xs); ok || m != (stat.Estimate{}) {
			t.Errorf("Mean(%v) = %v", xs, m)
		}
	}
}
