package stat

import "math"

// minAnswers is the fewest people of whom may be told what they said.
const minAnswers = 5

// maxHalfWidth is the half-width, in points, above which a score is a direction
// and not a number.
const maxHalfWidth = 15

// Answers counts what was answered to "how likely would you recommend it, 0 to
// 10?". A survey that was dismissed is no answer.
type Answers struct {
	Promoters  int // 9 and 10
	Passives   int // 7 and 8
	Detractors int // 0 to 6
}

// CountAnswers sorts ratings into the three. ok is false if one is not between 0
// and 10.
func CountAnswers(ratings []int) (Answers, bool) {
	var a Answers
	for _, r := range ratings {
		switch {
		case r < 0 || r > 10:
			return Answers{}, false
		case r >= 9:
			a.Promoters++
		case r >= 7:
			a.Passives++
		default:
			a.Detractors++
		}
	}
	return a, true
}

// NetPromoter is a net promoter score, in points from −100 to 100.
type NetPromoter struct {
	Estimate
	// HalfWidth is what the formula puts on either side, in points, before the
	// interval is cut to −100 and 100.
	HalfWidth float64
	// Suppressed: fewer than five answered. All of the above but N is 0, so that
	// nothing can be told by mistake.
	Suppressed bool
	// Directional: HalfWidth is over 15 points, so the score shows a direction
	// at best.
	Directional bool
}

// NPS is the net promoter score of the answers, with the adjusted-Wald interval
// corrected for a finite population: 100·(P−D)/n, and with n′ = n+3,
// p = (P+¾)/n′, d = (D+¾)/n′ the interval 100·(p−d ± 1.96·√((p+d−(p−d)²)/n′)),
// its half-width times √((N−n)/(N−1)) where the population N was asked. As it
// is centred on p−d, a population that nearly all answered could leave the score
// itself outside; the interval then reaches just to it.
//
// population 0 means not known, or without end. ok is false if a count is below
// 0 or the population smaller than those who answered.
//
// J. Sauro, J. R. Lewis, Quantifying the User Experience, and B. Rocks, Interval
// estimation for the net promoter score, The American Statistician 70 (2016)
// 365–372; the correction is Cochran's, Sampling Techniques, §2.6.
func NPS(a Answers, population int) (NetPromoter, bool) {
	if !counts(a.Promoters, a.Passives, a.Detractors, population) {
		return NetPromoter{}, false
	}
	n := a.Promoters + a.Passives + a.Detractors
	if !counts(n) || population != 0 && population < n {
		return NetPromoter{}, false
	}
	if n < minAnswers {
		return NetPromoter{Estimate: Estimate{N: n}, Suppressed: true}, true
	}
	size := float64(n)
	score := 100 * float64(a.Promoters-a.Detractors) / size
	p := (float64(a.Promoters) + 0.75) / (size + 3)
	d := (float64(a.Detractors) + 0.75) / (size + 3)
	half := 100 * 1.96 * math.Sqrt((p+d-(p-d)*(p-d))/(size+3))
	if population != 0 {
		half *= math.Sqrt(float64(population-n) / float64(population-1))
	}
	centre := 100 * (p - d)
	return NetPromoter{
		Estimate:    Estimate{score, n, Interval{centre - half, centre + half}.within(-100, 100).including(score)},
		HalfWidth:   half,
		Directional: half > maxHalfWidth,
	}, true
}
