package simulate

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// dice is a stream of random numbers. Every team, person and concern has its
// own, so that what one does changes nothing for another.
type dice struct{ *rand.Rand }

func newDice(seed uint64, purpose string, n int) dice {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%s/%d", seed, purpose, n))
	return dice{rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])))}
}

func (d dice) chance(p float64) bool { return d.Float64() < p }

// between is uniform in [from, to).
func (d dice) between(from, to ms) ms {
	if to <= from {
		return from
	}
	return from + ms(d.Int64N(int64(to-from)))
}

// logNormal has the given median; sigma is the deviation of its logarithm. It
// is at least one second.
func (d dice) logNormal(medianHours, sigma float64) ms {
	return max(second, hours(medianHours*math.Exp(sigma*d.NormFloat64())))
}

func (d dice) exponential(meanHours float64) ms { return hours(meanHours * d.ExpFloat64()) }

// poisson is Knuth's method; a large mean is the sum of smaller ones.
func (d dice) poisson(mean float64) int {
	n := 0
	for ; mean > 20; mean -= 20 {
		n += d.poisson(20)
	}
	limit, product := math.Exp(-mean), d.Float64()
	for ; product > limit; n++ {
		product *= d.Float64()
	}
	return n
}

// pick gives an index with the probability of its weight; -1 if all are 0.
func (d dice) pick(weights []int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	if sum == 0 {
		return -1
	}
	n := d.IntN(sum)
	for i, w := range weights {
		if n -= w; n < 0 {
			return i
		}
	}
	return -1
}

// bassTime gives the time in months at which the share u of all that ever
// come has come, by the model of Bass: the inverse of
// F(t) = (1 - e^-(p+q)t) / (1 + (q/p) e^-(p+q)t).
func bassTime(u, p, q float64) float64 {
	return -math.Log((1-u)/(1+u*q/p)) / (p + q)
}

// decay is what remains of something after a while, a third after each span.
func decay(elapsed, span float64) float64 { return math.Exp(-elapsed / span) }
