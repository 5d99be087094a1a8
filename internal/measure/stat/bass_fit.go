package stat

import "math"

// The parameters p, q and m stand in a vector in this order; m is a multiple of
// those who have adopted.
type vector [3]float64

type matrix [3]vector

func (v vector) dot(w vector) float64 { return v[0]*w[0] + v[1]*w[1] + v[2]*w[2] }

func (m matrix) times(v vector) vector { return vector{m[0].dot(v), m[1].dot(v), m[2].dot(v)} }

// inverse is by Gauss and Jordan on the matrix scaled to a diagonal of ones; ok
// is false if it is singular to working precision. It must be symmetric with a
// positive diagonal.
func (m matrix) inverse() (inverse matrix, ok bool) {
	var scale vector
	for i := range scale {
		scale[i] = math.Sqrt(m[i][i])
	}
	for i := range m {
		for j := range m[i] {
			m[i][j] /= scale[i] * scale[j]
		}
		inverse[i][i] = 1
	}
	for k := range m {
		pivot := m[k][k]
		if !(pivot > 1e-13) {
			return matrix{}, false
		}
		for j := range m[k] {
			m[k][j] /= pivot
			inverse[k][j] /= pivot
		}
		for i := range m {
			if f := m[i][k]; i != k {
				for j := range m[i] {
					m[i][j] -= f * m[k][j]
					inverse[i][j] -= f * inverse[k][j]
				}
			}
		}
	}
	for i := range inverse {
		for j := range inverse[i] {
			inverse[i][j] /= scale[i] * scale[j]
		}
	}
	return inverse, true
}

// terms are the parts of F(t) = num/den and their slopes by p and q; that of num
// is the same for both.
type terms struct{ num, den, numPQ, denP, denQ float64 }

func bassTerms(p, q, t float64) terms {
	e := math.Exp(-(p + q) * t)
	return terms{
		num:   -math.Expm1(-(p + q) * t),
		den:   1 + q/p*e,
		numPQ: t * e,
		denP:  -q / p * (e/p + t*e),
		denQ:  e/p - q/p*(t*e),
	}
}

func (t terms) share() float64  { return t.num / t.den }
func (t terms) slopeP() float64 { return (t.numPQ*t.den - t.num*t.denP) / (t.den * t.den) }
func (t terms) slopeQ() float64 { return (t.numPQ*t.den - t.num*t.denQ) / (t.den * t.den) }

// bassProblem is a fit to do: monthly adopters, and the market if known, else 0,
// both as multiples of those who have adopted.
type bassProblem struct {
	monthly []float64
	market  float64
}

// parameters is how many are estimated.
func (b bassProblem) parameters() int {
	if b.market > 0 {
		return 2
	}
	return 3
}

// maxMarket is the largest market looked for, as a multiple of the adopters.
const maxMarket = 100

func (b bassProblem) bounds() (low, high vector) {
	low, high = vector{1e-6, 0, 1}, vector{1, 3, maxMarket}
	if b.market > 0 {
		low[2], high[2] = b.market, b.market
	}
	return low, high
}

// cost is the sum of squares at a point.
func (b bassProblem) cost(at vector) float64 {
	sum, before := 0.0, 0.0
	for i, x := range b.monthly {
		share := bassTerms(at[0], at[1], float64(i+1)).share()
		r := x - at[2]*(share-before)
		sum += r * r
		before = share
	}
	return sum
}

// normal are the normal equations at a point: JᵀJ and Jᵀr.
func (b bassProblem) normal(at vector) (a matrix, g vector) {
	var before terms
	before.den = 1 // F(0) = 0, whatever p and q
	for i, x := range b.monthly {
		now := bassTerms(at[0], at[1], float64(i+1))
		slope := vector{
			at[2] * (now.slopeP() - before.slopeP()),
			at[2] * (now.slopeQ() - before.slopeQ()),
			now.share() - before.share(),
		}
		r := x - at[2]*slope[2]
		for j := range slope {
			g[j] += slope[j] * r
			for k := range slope {
				a[j][k] += slope[j] * slope[k]
			}
		}
		before = now
	}
	return a, g
}

// start is the best point of a grid over p and q. For each the market is linear
// in the data, so its best value is had at once.
func (b bassProblem) start() vector {
	low, high := b.bounds()
	var best vector
	least := math.Inf(1)
	for p := 1e-5; p < 1; p *= 2 {
		for _, q := range []float64{0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2} {
			var xy, xx, before float64
			for i, y := range b.monthly {
				share := bassTerms(p, q, float64(i+1)).share()
				xy += (share - before) * y
				xx += (share - before) * (share - before)
				before = share
			}
			at := vector{p, q, min(max(xy/xx, low[2]), high[2])}
			if c := b.cost(at); c < least {
				best, least = at, c
			}
		}
	}
	return best
}

// fit steps downhill from the start until none helps in the twelfth digit. A parameter at a bound
// that wants out stands still.
func (b bassProblem) fit() (at vector, cost float64) {
	low, high := b.bounds()
	at = b.start()
	cost = b.cost(at)
	damping := 1e-3
	for i := 0; i < 500 && damping < 1e12; i++ {
		a, g := b.normal(at)
		for j := range a {
			if at[j] <= low[j] && g[j] <= 0 || at[j] >= high[j] && g[j] >= 0 || a[j][j] == 0 {
				a.hold(j)
				g[j] = 0
			}
			a[j][j] *= 1 + damping
		}
		inverse, ok := a.inverse()
		next, better := at, false
		if ok {
			for j, step := range inverse.times(g) {
				next[j] = min(max(at[j]+step, low[j]), high[j])
			}
			better = b.cost(next) < cost
		}
		if !better {
			damping *= 10
			continue
		}
		before := cost
		at, cost = next, b.cost(next)
		if before-cost <= 1e-12*before {
			break
		}
		damping = max(damping/10, 1e-9)
	}
	return at, cost
}

// hold takes a parameter out of the equations.
func (m *matrix) hold(j int) {
	for k := range m {
		m[j][k], m[k][j] = 0, 0
	}
	m[j][j] = 1
}

// certainty is the inverse of JᵀJ at the fit, with nothing in it of parameters
// that stand at a bound. ok is false if the months do not tell the parameters
// apart.
func (b bassProblem) certainty(at vector) (matrix, bool) {
	low, high := b.bounds()
	a, _ := b.normal(at)
	var held [3]bool
	for j := range a {
		if held[j] = at[j] <= low[j] || at[j] >= high[j] || a[j][j] == 0; held[j] {
			a.hold(j)
		}
	}
	inverse, ok := a.inverse()
	for j := range held {
		if held[j] {
			inverse[j][j] = 0
		}
	}
	return inverse, ok
}

// endInSight says that no market twice as large fits as well as a cost.
func (b bassProblem) endInSight(market, cost float64) bool {
	b.market = 2 * market
	_, doubled := b.fit()
	return doubled > cost
}
