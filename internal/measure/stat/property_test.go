package stat_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// shuffled is a copy in another order.
func shuffled[T any](t *rapid.T, xs []T) []T {
	out := slices.Clone(xs)
	draw := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0))
	draw.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func mirrored(i stat.Interval) stat.Interval { return stat.Interval{Low: -i.High, High: -i.Low} }

func alike(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-9*max(1e-300, math.Abs(a), math.Abs(b))
}

func intervalsAlike(a, b stat.Interval) bool { return alike(a.Low, b.Low) && alike(a.High, b.High) }

func holds(t *rapid.T, what string, e stat.Estimate) {
	if !e.Interval.Contains(e.Value) {
		t.Fatalf("%s: %+v", what, e)
	}
}

var someValues = rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-1e6, 1e6), rapid.Map(rapid.IntRange(0, 9), func(i int) float64 { return float64(i) })), 1, 60)

func TestPropertiesOfProportions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 100_000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		times := rapid.IntRange(2, 50).Draw(t, "times")
		e, _ := stat.Proportion(k, n)
		holds(t, "Wilson", e)
		if e.Interval != (stat.Interval{Low: max(e.Interval.Low, 0), High: min(e.Interval.High, 1)}) {
			t.Fatalf("outside 0 to 1: %+v", e)
		}
		if more, _ := stat.Proportion(k*times, n*times); more.Interval.Width() >= e.Interval.Width() {
			t.Fatalf("%d times as many are no surer: %+v, %+v", times, e, more)
		}
		if rest, _ := stat.Proportion(n-k, n); !alike(1-rest.Interval.Low, e.Interval.High) || math.Abs(1-rest.Interval.High-e.Interval.Low) > 1e-12 {
			t.Fatalf("%+v, and of the rest %+v", e, rest)
		}
	})
}

func TestPropertiesOfProportionDifferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nA, nB := rapid.IntRange(1, 5000).Draw(t, "nA"), rapid.IntRange(1, 5000).Draw(t, "nB")
		kA, kB := rapid.IntRange(0, nA).Draw(t, "kA"), rapid.IntRange(0, nB).Draw(t, "kB")
		d, _ := stat.ProportionDifference(kA, nA, kB, nB)
		back, _ := stat.ProportionDifference(kB, nB, kA, nA)
		if back.Value != -d.Value || !intervalsAlike(back.Interval, mirrored(d.Interval)) || back.Clear != d.Clear {
			t.Fatalf("%+v, from the other side %+v", d, back)
		}
		if !d.Interval.Contains(d.Value) || d.Interval.Low < -1 || d.Interval.High > 1 || d.Clear == d.Interval.Contains(0) {
			t.Fatalf("%+v", d)
		}
	})
}

func TestPropertiesOfNPS(t *testing.T) {
	answers := rapid.Custom(func(t *rapid.T) stat.Answers {
		one := rapid.IntRange(0, 300)
		return stat.Answers{Promoters: one.Draw(t, "promoters"), Passives: one.Draw(t, "passives"), Detractors: 5 + one.Draw(t, "detractors")}
	})
	times := func(a stat.Answers, n int) stat.Answers {
		return stat.Answers{Promoters: a.Promoters * n, Passives: a.Passives * n, Detractors: a.Detractors * n}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := answers.Draw(t, "a"), answers.Draw(t, "b")
		s, _ := stat.NPS(a, 0)
		holds(t, "NPS", s.Estimate)
		if more, _ := stat.NPS(times(a, 4), 0); more.HalfWidth >= s.HalfWidth || more.Value != s.Value {
			t.Fatalf("four times as many are no surer: %+v, %+v", s, more)
		}
		back, _ := stat.NPS(stat.Answers{Promoters: a.Detractors, Passives: a.Passives, Detractors: a.Promoters}, 0)
		if back.Value != -s.Value || !intervalsAlike(back.Interval, mirrored(s.Interval)) {
			t.Fatalf("%+v, turned round %+v", s, back)
		}
		population := s.N + rapid.IntRange(0, 1000).Draw(t, "not answered")
		asked, ok := stat.NPS(a, population)
		holds(t, "NPS of a population", asked.Estimate)
		if !ok || asked.HalfWidth >= s.HalfWidth || asked.Value != s.Value {
			t.Fatalf("of %d: %+v, without end %+v", population, asked, s)
		}
		// Two groups together weigh as many as answered in each.
		other, _ := stat.NPS(b, 0)
		both, _ := stat.NPS(stat.Answers{Promoters: a.Promoters + b.Promoters, Passives: a.Passives + b.Passives, Detractors: a.Detractors + b.Detractors}, 0)
		if sum := s.Value*float64(s.N) + other.Value*float64(other.N); math.Abs(both.Value*float64(both.N)-sum) > 1e-6 {
			t.Fatalf("%+v and %+v together %+v", s, other, both)
		}
	})
}

func TestPropertiesOfRates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.IntRange(0, 3000).Draw(t, "a"), rapid.IntRange(1, 3000).Draw(t, "b")
		ta, tb := rapid.Float64Range(0.01, 1e6).Draw(t, "ta"), rapid.Float64Range(0.01, 1e6).Draw(t, "tb")
		ra, _ := stat.Rate(a, ta)
		rb, _ := stat.Rate(b, tb)
		holds(t, "rate", ra)
		if all, _ := stat.Rate(a+b, ta+tb); !alike(all.Value*(ta+tb), ra.Value*ta+rb.Value*tb) {
			t.Fatalf("the parts %+v and %+v do not add up to %+v", ra, rb, all)
		}
		if more, _ := stat.Rate(4*b, 4*tb); more.Interval.Width() >= rb.Interval.Width() {
			t.Fatalf("four times as much is no surer: %+v, %+v", rb, more)
		}
	})
}

// A quantile and its ends are what a sort would give, whatever the order and however
// many values are alike. The ranks are those of 1, 2, …, n, each its own rank.
func TestQuantilesAreThoseOfASort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xs := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 40), func(i int) float64 { return float64(i) }), 1, 300).Draw(t, "values")
		q := rapid.Float64Range(0.001, 0.999).Draw(t, "q")
		ranks, _ := stat.Quantile(oneTo(len(xs)), q)
		sorted := slices.Clone(xs)
		slices.Sort(sorted)
		at := func(rank float64) float64 {
			if math.IsInf(rank, 0) {
				return rank
			}
			below := sorted[int(rank)-1]
			return below + (rank-math.Floor(rank))*(sorted[min(int(rank), len(xs)-1)]-below)
		}
		e, ok := stat.Quantile(xs, q)
		if !ok || !alike(e.Value+1, at(ranks.Value)+1) || !alike(e.Interval.Low+1, at(ranks.Interval.Low)+1) || !alike(e.Interval.High+1, at(ranks.Interval.High)+1) {
			t.Fatalf("%+v of %v, want the ranks %+v", e, sorted, ranks)
		}
	})
}

func TestPropertiesOfQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xs := someValues.Draw(t, "values")
		q := rapid.Float64Range(0.001, 0.999).Draw(t, "q")
		e, ok := stat.Quantile(xs, q)
		holds(t, "quantile", e)
		if other, _ := stat.Quantile(shuffled(t, xs), q); !ok || other != e {
			t.Fatalf("%+v, in another order %+v", e, other)
		}
		if higher, _ := stat.Quantile(xs, q+(1-q)/2); higher.Value < e.Value || higher.Interval.Low < e.Interval.Low || higher.Interval.High < e.Interval.High {
			t.Fatalf("%+v, and of a higher share %+v", e, higher)
		}
		twice := make([]float64, len(xs))
		for i, x := range xs {
			twice[i] = 2 * x
		}
		if e2, _ := stat.Quantile(twice, q); e2.Value != 2*e.Value || e2.Interval.Low != 2*e.Interval.Low || e2.Interval.High != 2*e.Interval.High {
			t.Fatalf("%+v, doubled %+v", e, e2)
		}
		n := rapid.IntRange(6, 500).Draw(t, "n")
		few, _ := stat.Median(oneTo(n))
		many, _ := stat.Median(oneTo(4 * n))
		if many.Interval.Width()/float64(4*n) >= few.Interval.Width()/float64(n) {
			t.Fatalf("four times %d are no surer: %+v, %+v", n, few, many)
		}
	})
}

func TestPropertiesOfMedianDifferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := someValues.Draw(t, "a"), someValues.Draw(t, "b")
		d, ok := stat.MedianDifference(a, b, 1)
		if !ok || !d.Interval.Contains(d.Value) || d.NA != len(a) || d.NB != len(b) || d.Clear == d.Interval.Contains(0) {
			t.Fatalf("%+v", d)
		}
		ma, _ := stat.Median(a)
		mb, _ := stat.Median(b)
		if d.Value != ma.Value-mb.Value {
			t.Fatalf("%+v of medians %+v and %+v", d, ma, mb)
		}
		if other, _ := stat.MedianDifference(shuffled(t, a), shuffled(t, b), 1); other != d {
			t.Fatalf("%+v, in another order %+v", d, other)
		}
	})
}

var someWaits = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) stat.Wait {
	return stat.Wait{Duration: float64(rapid.IntRange(0, 40).Draw(t, "duration")), Event: rapid.Bool().Draw(t, "event")}
}), 1, 80)

func TestPropertiesOfKaplanMeier(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ws := someWaits.Draw(t, "waits")
		s, ok := stat.KaplanMeier(ws)
		events, censored, atRisk := 0, 0, s.N
		for i, p := range s.Steps {
			if p.AtRisk > atRisk || p.Waiting < p.Interval.Low || p.Waiting > p.Interval.High || p.Interval.Low < 0 || p.Interval.High > 1 ||
				i > 0 && (p.Waiting >= s.Steps[i-1].Waiting || p.Time <= s.Steps[i-1].Time || p.Events == 0) {
				t.Fatalf("step %d of %+v", i, s.Steps)
			}
			atRisk = p.AtRisk - p.Events
			events += p.Events
			censored += p.Censored
		}
		if !ok || s.N != len(ws) || events != s.Events || censored != s.Censored || events+censored != s.N || s.AllCensored() != (events == 0) {
			t.Fatalf("does not add up: %+v", s)
		}
		other, _ := stat.KaplanMeier(shuffled(t, ws))
		if !slices.Equal(other.Steps, s.Steps) {
			t.Fatalf("%+v, in another order %+v", s, other)
		}
		var before stat.Arrival
		for _, q := range []float64{0.1, 0.25, 0.5, 0.75, 0.99} {
			a, ok := s.Quantile(q)
			if !ok || !a.Interval.Contains(a.Time) || a.Time < before.Time || a.Interval.High < before.Interval.High {
				t.Fatalf("quantile %v: %+v after %+v", q, a, before)
			}
			before = a
		}
	})
}

// Where nobody is censored the curve is the plain share of those still waiting,
// and its median the plain one (the lower, of an even number).
func TestKaplanMeierWithoutCensoredIsTheShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ws := someWaits.Draw(t, "waits")
		times := make([]float64, len(ws))
		for i := range ws {
			ws[i].Event = true
			times[i] = ws[i].Duration
		}
		s, _ := stat.KaplanMeier(ws)
		slices.Sort(times)
		for _, p := range s.Steps {
			longer := 0
			for _, x := range times {
				if x > p.Time {
					longer++
				}
			}
			if !near(p.Waiting, float64(longer)/float64(len(times)), 12) {
				t.Fatalf("at %v: %+v", p.Time, p)
			}
		}
		if m, _ := s.Median(); !m.Reached || m.Time != times[(len(times)-1)/2] {
			t.Fatalf("median %+v of %v", m, times)
		}
	})
}

// Four of each say the same with more certainty.
func TestKaplanMeierOfMoreIsSurer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ws := someWaits.Draw(t, "waits")
		s, _ := stat.KaplanMeier(ws)
		more, _ := stat.KaplanMeier(slices.Repeat(ws, 4))
		for i, p := range more.Steps {
			if !near(p.Waiting, s.Steps[i].Waiting, 9) || p.Waiting > 0 && p.Waiting < 1 && p.Interval.Width() >= s.Steps[i].Interval.Width() {
				t.Fatalf("step %+v, of more %+v", s.Steps[i], p)
			}
		}
	})
}

func TestPropertiesOfBassFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		monthly := rapid.SliceOfN(rapid.IntRange(0, 30), 6, 30).Draw(t, "adopters")
		monthly[0]++
		months := make([]float64, len(monthly))
		for i, m := range monthly {
			months[i] = float64(m)
		}
		months = cumulated(months...)
		total := months[len(months)-1]
		market := total + float64(rapid.IntRange(0, 500).Draw(t, "left"))
		fit, err := stat.FitBass(months, market)
		if err != nil || !(fit.P > 0 && fit.Q >= 0 && fit.M == market && fit.Residual >= 0) {
			t.Fatalf("%+v, %v", fit, err)
		}
		before, _ := fit.Forecast(float64(len(months)))
		for ahead := 1; ahead < 40; ahead += 4 {
			f, ok := fit.Forecast(float64(len(months) + ahead))
			holds(t, "forecast", f)
			if !ok || f.Value < before.Value || f.Interval.Low < total || f.Interval.High > market {
				t.Fatalf("%+v after %+v", f, before)
			}
			before = f
		}
		// Twelve times as many in each month adopt by the same curve, and with more
		// certainty.
		more := make([]float64, len(months))
		for i := range months {
			more[i] = 12 * months[i]
		}
		other, err := stat.FitBass(more, 12*market)
		if err != nil || math.Abs(other.P-fit.P) > 1e-5 || math.Abs(other.Q-fit.Q) > 1e-4 {
			t.Fatalf("%+v, twelve times %+v, %v", fit, other, err)
		}
		one, _ := fit.Forecast(float64(len(months) + 3))
		twelve, _ := other.Forecast(float64(len(months) + 3))
		if twelve.Interval.Width() > 12.01*one.Interval.Width()+1e-6 {
			t.Fatalf("%+v, of twelve times as many %+v", one, twelve)
		}
	})
}
