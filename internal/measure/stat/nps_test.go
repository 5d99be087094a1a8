package stat_test

import (
	"math"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// A worked example by hand: 36 answered, 15 promote, 9 detract. n′ = 39,
// p = 15.75/39 = 0.403846, d = 9.75/39 = 0.25, p−d = 0.153846, variance
// p+d−(p−d)² = 0.630178, half-width 1.96·√(0.630178/39) = 0.249147.
func TestNPSByHand(t *testing.T) {
	a := stat.Answers{Promoters: 15, Passives: 12, Detractors: 9}
	s, ok := stat.NPS(a, 0)
	if !ok || s.N != 36 || !near(s.Value, 16.6667, 4) || !near(s.HalfWidth, 24.9147, 4) || !s.Directional || s.Suppressed {
		t.Errorf("%+v", s)
	}
	checkInterval(t, "NPS", s.Interval, 15.3846-24.9147, 15.3846+24.9147, 3)

	// Of 100 asked: times √(64/99) = 0.804030, half-width 20.0322.
	s, _ = stat.NPS(a, 100)
	if !near(s.HalfWidth, 20.0322, 4) {
		t.Errorf("of 100: %+v", s)
	}
	checkInterval(t, "NPS of 100", s.Interval, 15.3846-20.0322, 15.3846+20.0322, 3)
}

func TestNPSIsANumberWhenEnoughAnswer(t *testing.T) {
	for _, c := range []struct {
		a           stat.Answers
		population  int
		directional bool
	}{
		{stat.Answers{Promoters: 60, Passives: 50, Detractors: 40}, 0, false},
		{stat.Answers{Promoters: 30, Passives: 25, Detractors: 20}, 0, true},
		{stat.Answers{Promoters: 30, Passives: 25, Detractors: 20}, 100, false},
	} {
		if s, _ := stat.NPS(c.a, c.population); s.Directional != c.directional {
			t.Errorf("%+v of %d: %+v", c.a, c.population, s)
		}
	}
}

func TestNPSOfFewIsSuppressed(t *testing.T) {
	s, ok := stat.NPS(stat.Answers{Promoters: 3, Detractors: 1}, 0)
	if want := (stat.NetPromoter{Estimate: stat.Estimate{N: 4}, Suppressed: true}); !ok || s != want {
		t.Errorf("four answers: %+v", s)
	}
	if s, ok := stat.NPS(stat.Answers{}, 0); !ok || !s.Suppressed || s.N != 0 {
		t.Errorf("no answer: %+v", s)
	}
	if s, _ := stat.NPS(stat.Answers{Promoters: 5}, 0); s.Suppressed || s.Value != 100 || s.Interval.High != 100 {
		t.Errorf("five promoters: %+v", s)
	}
}

// All answered, so there is nothing left to be unsure of; and the interval still
// holds what they said, though the formula is centred elsewhere.
func TestNPSOfAll(t *testing.T) {
	s, ok := stat.NPS(stat.Answers{Promoters: 6}, 6)
	if !ok || s.HalfWidth != 0 || s.Directional {
		t.Errorf("%+v", s)
	}
	checkInterval(t, "all", s.Interval, 100*6/9.0, 100, 9)
}

func TestNPSThatIsNone(t *testing.T) {
	for _, c := range []struct {
		a          stat.Answers
		population int
	}{
		{stat.Answers{Promoters: -1, Passives: 9}, 0},
		{stat.Answers{Passives: -1, Promoters: 9}, 0},
		{stat.Answers{Detractors: -1, Promoters: 9}, 0},
		{stat.Answers{Promoters: 9}, -1},
		{stat.Answers{Promoters: 9}, 8},
		{stat.Answers{Promoters: 2}, 1},
		{stat.Answers{Promoters: math.MaxInt, Passives: math.MaxInt, Detractors: math.MaxInt}, 0},
		{stat.Answers{Promoters: 1 << 53, Passives: 1 << 53}, 0},
	} {
		if s, ok := stat.NPS(c.a, c.population); ok || s != (stat.NetPromoter{}) {
			t.Errorf("NPS(%+v, %d) = %+v", c.a, c.population, s)
		}
	}
}

func TestCountAnswers(t *testing.T) {
	a, ok := stat.CountAnswers([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	if want := (stat.Answers{Promoters: 2, Passives: 2, Detractors: 7}); !ok || a != want {
		t.Errorf("%+v", a)
	}
	if a, ok := stat.CountAnswers(nil); !ok || a != (stat.Answers{}) {
		t.Errorf("none: %+v, %v", a, ok)
	}
	for _, bad := range []int{-1, 11} {
		if a, ok := stat.CountAnswers([]int{9, bad}); ok || a != (stat.Answers{}) {
			t.Errorf("%d: %+v", bad, a)
		}
	}
}
