package stat

import (
	"math"
	"testing"
)

func TestInverse(t *testing.T) {
	m := matrix{{4e-8, 1e-4, 0}, {1e-4, 9, 1e5}, {0, 1e5, 7e11}}
	inverse, ok := m.inverse()
	if !ok {
		t.Fatal("singular")
	}
	for i := range m {
		row := inverse.times(m[i])
		for j := range row {
			if want := map[bool]float64{true: 1}[i == j]; math.Abs(row[j]-want)*math.Sqrt(m[j][j]/m[i][i]) > 1e-12 {
				t.Errorf("row %d of the product: %v", i, row)
			}
		}
	}
	if inverse, ok := (matrix{{1, 1, 0}, {1, 1, 0}, {0, 0, 1}}).inverse(); ok || inverse != (matrix{}) {
		t.Errorf("of a singular one: %v", inverse)
	}
}

// The slopes that a fit goes by are those of the curve.
func TestSlopes(t *testing.T) {
	for _, c := range [][3]float64{{0.03, 0.38, 1}, {0.03, 0.38, 12}, {0.5, 0, 3}, {1e-6, 1.5, 9}} {
		p, q, at := c[0], c[1], c[2]
		share := func(p, q float64) float64 { return bassTerms(p, q, at).share() }
		hp, hq := p*1e-5, 1e-6
		if got, want := bassTerms(p, q, at).slopeP(), (share(p+hp, q)-share(p-hp, q))/(2*hp); math.Abs(got-want) > 1e-6*math.Abs(want) {
			t.Errorf("%v by p: %v, want %v", c, got, want)
		}
		if got, want := bassTerms(p, q, at).slopeQ(), (share(p, q+hq)-share(p, q-hq))/(2*hq); math.Abs(got-want) > 1e-5*math.Abs(want) {
			t.Errorf("%v by q: %v, want %v", c, got, want)
		}
	}
}
