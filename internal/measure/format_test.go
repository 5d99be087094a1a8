package measure

import "testing"

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		value float64
		unit  Unit
		want  string
	}{
		{0.6213, "ratio", "62.1 %"}, {1, "ratio", "100 %"}, {0.004, "ratio", "0.4 %"}, {0.00004, "ratio", "0.004 %"}, {0.00056, "per-day", "0.00056/day"},
		{0.25, "seconds", "250 ms"}, {0, "seconds", "0 s"}, {90, "seconds", "90 s"}, {3600, "seconds", "60 min"}, {86400, "seconds", "24 h"}, {5 * 86400, "seconds", "5 d"},
		{-3600, "seconds", "−60 min"}, {5.237, "per-day", "5.24/day"}, {12, "per-month", "12/month"}, {-31.5, "score", "−31.5"},
		{49950, "money", "500"}, {1234.5, "count", "1234"}, {9.999, "count", "10"}, {99.99, "count", "100"},
	} {
		if got := c.unit.Format(c.value); got != c.want {
			t.Errorf("%v %s is %q, want %q", c.value, c.unit, got, c.want)
		}
	}
}

func TestSpan(t *testing.T) {
	for want, days := range map[string][2]string{
		"2026-10-01 to 2026-10-31": {"2026-10-01", "2026-11-01"},
		"2026-12-31":               {"2026-12-31", "2027-01-01"},
		"2026-02-01 to 2026-02-28": {"2026-02-01", "2026-03-01"},
	} {
		if got := Span(days[0], days[1]); got != want {
			t.Errorf("%v reads %q, want %q", days, got, want)
		}
	}
}

// A difference is told alike wherever it is: with a minus, and of shares in points.
func TestDifferences(t *testing.T) {
	before := 200.0
	for got, want := range map[string]string{
		Ratio.Difference(0.0074): "+0.74 points", Ratio.Difference(-0.5): "−50 points", Seconds.Difference(-7200): "−2 h", Count.Difference(3): "+3",
		Seconds.Change(-60, &before, true): "−60 s, −30 %", Seconds.Change(-60, &before, false): "−60 s", Seconds.Change(60, nil, true): "+60 s", Percent(-0.3): "−30 %",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Two values beside each other are in one unit, that of the larger one.
func TestBothAreInOneUnit(t *testing.T) {
	const hour, day = 3600.0, 86400.0
	for _, c := range []struct {
		unit Unit
		a, b float64
		want string
	}{
		{Seconds, 47.9 * hour, 2.02 * day, "2 d to 2.02 d"}, {Seconds, 3 * day, 5 * hour, "3 d to 0.21 d"}, {Seconds, 90, 3 * hour, "0.03 h to 3 h"}, {Seconds, 0, 3 * day, "0 d to 3 d"},
		{Seconds, 30, 3 * day, "30 s to 3 d"}, {Seconds, 0, 0, "0 s to 0 s"}, {Seconds, 600, 700, "10 min to 11.7 min"}, {Ratio, 0.004, 0.5, "0.4 % to 50 %"},
	} {
		a, b := c.unit.Both(c.a, c.b)
		if got := a + " to " + b; got != c.want {
			t.Errorf("%v and %v %s are %q, want %q", c.a, c.b, c.unit, got, c.want)
		}
	}
	low, high := -50*hour, 30*hour
	if got := Seconds.DifferenceBetween(&[2]*float64{&low, &high}); got != "−2.08 d to +1.25 d" {
		t.Errorf("a difference is %q", got)
	}
	low, high = -0.1, 0.2
	if got := Ratio.DifferenceBetween(&[2]*float64{&low, &high}); got != "−10 points to +20 points" {
		t.Errorf("a difference is %q", got)
	}
	if got := Seconds.Between(Interval{Low: 40 * hour, High: 60 * hour}); got != "1.67 d to 2.5 d" {
		t.Errorf("an interval is %q", got)
	}
}
