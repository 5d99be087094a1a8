package simulate

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The remission times in weeks of the 21 patients treated with 6-MP of
// Freireich et al. (1963), which textbooks use: the median is 23.
func TestSurvivedIsKaplanMeier(t *testing.T) {
	ended := []ms{6, 6, 6, 7, 10, 13, 16, 22, 23}
	open := []ms{6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35}
	var lives []life
	for _, s := range ended {
		lives = append(lives, life{s * second, true})
	}
	for _, s := range open {
		lives = append(lives, life{s * second, false})
	}
	if a := survived(lives); !a.known || a.value != 23 || a.n != 21 {
		t.Errorf("median %+v, want 23 of 21", a)
	}
	if a := survived([]life{{second, true}, {second, false}, {2 * second, false}}); a.known {
		t.Errorf("two of three have not ended, and yet %+v", a)
	}
	if a := survived(nil); a.known || a.n != 0 {
		t.Errorf("nothing gives %+v", a)
	}
}

func TestBassTimeIsTheInverseOfTheCurve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, q := rapid.Float64Range(0.001, 0.2).Draw(t, "p"), rapid.Float64Range(0, 0.8).Draw(t, "q")
		u := rapid.Float64Range(0, 0.999).Draw(t, "u")
		e := math.Exp(-(p + q) * bassTime(u, p, q))
		if f := (1 - e) / (1 + q/p*e); math.Abs(f-u) > 1e-9 {
			t.Errorf("F of the time of %g is %g", u, f)
		}
	})
}

func TestDiceDrawWhatTheySay(t *testing.T) {
	d := newDice(1, "test", 0)
	const n = 40_000
	for _, mean := range []float64{0.3, 2.5, 55} {
		sum, squares := 0.0, 0.0
		for range n {
			x := float64(d.poisson(mean))
			sum, squares = sum+x, squares+x*x
		}
		got := sum / n
		if variance := squares/n - got*got; math.Abs(got-mean) > 0.03*mean || math.Abs(variance-mean) > 0.06*mean {
			t.Errorf("poisson of %g has mean %g and variance %g", mean, got, variance)
		}
	}
	var draws []ms
	for range n {
		draws = append(draws, d.logNormal(6, 1))
	}
	slices.Sort(draws)
	low, middle := float64(draws[n*16/100])/float64(hour), float64(draws[n/2])/float64(hour)
	if math.Abs(middle-6) > 0.2 || math.Abs(math.Log(middle/low)-0.994) > 0.05 {
		t.Errorf("log-normal of median 6 h and sigma 1: median %g, 16 %% below %g", middle, low)
	}
	if d.pick([]int{0, 0}) != -1 || d.pick([]int{0, 3, 0}) != 1 {
		t.Error("pick does not honour its weights")
	}
}

func TestCalendarKnowsWhenOfficesOpen(t *testing.T) {
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	c, err := newCalendar(start, 60)
	if err != nil {
		t.Fatal(err)
	}
	find := func(zone string) int {
		return slices.IndexFunc(offices, func(o office) bool { return o.zone == zone })
	}
	for _, c2 := range []struct {
		zone string
		date int // from 1 March
		want string
	}{
		{"Europe/Berlin", 26, "2026-03-27T07:00:00Z"}, // Friday before summer time
		{"Europe/Berlin", 27, ""},                     // Saturday
		{"Europe/Berlin", 29, "2026-03-30T06:00:00Z"}, // Monday after
		{"Europe/Berlin", 33, ""},                     // Good Friday
		{"America/New_York", 5, "2026-03-06T13:00:00Z"},
		{"America/New_York", 8, "2026-03-09T12:00:00Z"},
		{"Australia/Sydney", 33, ""},
		{"Australia/Sydney", 32, "2026-04-01T21:00:00Z"},
		{"Australia/Sydney", 37, "2026-04-06T22:00:00Z"}, // Tuesday after Easter, summer time is over
		{"Asia/Kolkata", 1, "2026-03-02T02:30:00Z"},
	} {
		got := ""
		if opens := c.opening(find(c2.zone), c2.date); opens != 0 {
			got = opens.time().Format(time.RFC3339)
		}
		if got != c2.want {
			t.Errorf("%s on day %d opens %q, want %q", c2.zone, c2.date, got, c2.want)
		}
	}
	d := newDice(1, "test", 0)
	berlin := find("Europe/Berlin")
	friday := at(time.Date(2026, 4, 2, 17, 30, 0, 0, time.UTC)) // the evening before Good Friday
	if moved := c.working(berlin, friday, d); moved < at(time.Date(2026, 4, 7, 6, 0, 0, 0, time.UTC)) || moved > at(time.Date(2026, 4, 7, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("work is taken up again at %s", moved.time())
	}
	noon := at(time.Date(2026, 3, 30, 10, 0, 0, 0, time.UTC))
	if moved := c.working(berlin, noon, d); moved != noon {
		t.Errorf("noon is moved to %s", moved.time())
	}
	if moved := c.working(berlin, never, d); moved != never {
		t.Errorf("never is moved to %s", moved.time())
	}
}

func TestOptionsAreChecked(t *testing.T) {
	now := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	o, err := Options{Teams: 3, Months: 2}.WithDefaults(now)
	if err != nil || !o.End.Equal(ending()) || o.Activity != 1 {
		t.Errorf("defaults %+v, %v", o, err)
	}
	for name, wrong := range map[string]Options{
		"no team": {Months: 1}, "teams": {Teams: 5001, Months: 1}, "no month": {Teams: 1}, "months": {Teams: 1, Months: 61}, "activity": {Teams: 1, Months: 1, Activity: -1},
		"not a number": {Teams: 1, Months: 1, Activity: math.NaN()}, "future": {Teams: 1, Months: 1, End: now.Truncate(24*time.Hour).AddDate(0, 0, 1)},
		"noon": {Teams: 1, Months: 1, End: now.Add(-12 * time.Hour)}, "past": {Teams: 1, Months: 1, End: time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC)},
	} {
		if _, err := wrong.WithDefaults(now); err == nil {
			t.Errorf("%s: %+v is taken", name, wrong)
		}
	}
}

// What is told of everybody is found by its name, wherever it stands among the cuts.
func TestEverybodyIsFoundByName(t *testing.T) {
	of := func(names ...string) (cuts []cut) {
		for _, name := range names {
			cuts = append(cuts, cut{name: name})
		}
		return cuts
	}
	for _, c := range []struct {
		cuts []cut
		ok   bool
	}{{of("all", "path=on"), true}, {of("path=on", "all"), true}, {of("path=on"), false}, {nil, false}} {
		if got, ok := ofEverybody(c.cuts); ok != c.ok || ok && got.name != "all" {
			t.Errorf("of %v: %q, %v", c.cuts, got.name, ok)
		}
	}
}
