package measure

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Format writes a value with its unit, for people.
func (u Unit) Format(v float64) string {
	switch u {
	case Ratio:
		return Digits(v*100) + " %"
	case Seconds:
		return durationText(v)
	case Money:
		return Digits(v / 100)
	case PerDay:
		return Digits(v) + "/day"
	case PerWeek:
		return Digits(v) + "/week"
	case PerMonth:
		return Digits(v) + "/month"
	case Count, Per100, Score:
	}
	return Digits(v)
}

// Both writes two values that are read beside each other: durations in the unit of the
// longer one, but for what is less than a hundredth of it.
func (u Unit) Both(a, b float64) (string, string) {
	if u != Seconds {
		return u.Format(a), u.Format(b)
	}
	in := timeUnitOf(max(math.Abs(a), math.Abs(b)))
	text := func(v float64) string {
		if v != 0 && math.Abs(v) < in.seconds/100 {
			return durationText(v)
		}
		return in.text(v)
	}
	return text(a), text(b)
}

// durationText writes seconds in the unit that reads best.
func durationText(seconds float64) string {
	if math.Abs(seconds) < 1e-9 { // what is left of reckoning
		seconds = 0
	}
	return timeUnitOf(math.Abs(seconds)).text(seconds)
}

type timeUnit struct {
	name    string
	seconds float64
}

func (in timeUnit) text(seconds float64) string { return Digits(seconds/in.seconds) + " " + in.name }

// timeUnitOf is the unit in which a duration, at least 0, reads best.
func timeUnitOf(seconds float64) timeUnit {
	switch {
	case seconds != 0 && seconds < 1:
		return timeUnit{"ms", 1e-3}
	case seconds < 2*60:
		return timeUnit{"s", 1}
	case seconds < 2*3600:
		return timeUnit{"min", 60}
	case seconds < 48*3600:
		return timeUnit{"h", 3600}
	}
	return timeUnit{"d", 86400}
}

// Digits writes a number with three digits that matter, and the sign of what is
// below 0 as a minus.
func Digits(v float64) string {
	if v < 0 {
		return "−" + Digits(-v)
	}
	places := 2
	switch {
	case v != 0 && math.Abs(v) < 0.01:
		return strconv.FormatFloat(v, 'g', 2, 64)
	case math.Abs(v) >= 99.95:
		places = 0
	case math.Abs(v) >= 9.995:
		places = 1
	}
	text := strconv.FormatFloat(v, 'f', places, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// Difference writes what lies between two values, with its sign; of shares in
// points, since a share of a share is something else.
func (u Unit) Difference(v float64) string {
	return u.signed(v, u.Format(math.Abs(v)))
}

// signed puts the sign of a difference before the words for its size.
func (u Unit) signed(v float64, size string) string {
	if u == Ratio {
		size = Digits(math.Abs(v)*100) + " points"
	}
	if v < 0 {
		return "−" + size
	}
	return "+" + size
}

// DifferenceBetween writes the interval of a difference that has both ends.
func (u Unit) DifferenceBetween(ends *[2]*float64) string {
	if ends == nil || ends[0] == nil || ends[1] == nil {
		return ""
	}
	low, high := u.Both(math.Abs(*ends[0]), math.Abs(*ends[1]))
	return u.signed(*ends[0], low) + " to " + u.signed(*ends[1], high)
}

// Or writes a value, or what is said where there is none.
func (u Unit) Or(v *float64, none string) string {
	if v == nil {
		return none
	}
	return u.Format(*v)
}

// Change writes a difference to the same time before. Against a relative target it
// is to be read in percent, too.
func (u Unit) Change(v float64, before *float64, relative bool) string {
	text := u.Difference(v)
	if relative && before != nil && *before != 0 {
		text += ", " + Percent(v / *before)
	}
	return text
}

// Target writes what a value shall be; of a target that has two ends, both.
func (u Unit) Target(t Target) string {
	if t.Relative {
		return t.Op + " " + Percent(t.Value) + " against before"
	}
	text := t.Op + " " + u.Format(t.Value)
	if t.AtMost != nil {
		text += ", <= " + u.Format(*t.AtMost)
	}
	return text
}

// Percent writes a share by which something changes, with its sign.
func Percent(share float64) string {
	return strings.Replace(fmt.Sprintf("%+.0f %%", share*100), "-", "−", 1)
}

// Between writes an interval; an end that is not bounded is left out.
func (u Unit) Between(i Interval) string {
	switch low, high := math.IsInf(i.Low, 0), math.IsInf(i.High, 0); {
	case i.open():
		return ""
	case low:
		return "under " + u.Format(i.High)
	case high:
		return "over " + u.Format(i.Low)
	}
	from, to := u.Both(i.Low, i.High)
	return from + " to " + to
}

// Span writes a half-open time of days as people read one, with its last day:
// "2026-10-01 to 2026-10-31" for what ends before the 1st of November.
func Span(from, to string) string {
	end, err := time.Parse(time.DateOnly, to)
	if err != nil {
		return from + " to " + to
	}
	last := end.AddDate(0, 0, -1).Format(time.DateOnly)
	if last == from {
		return from
	}
	return from + " to " + last
}
