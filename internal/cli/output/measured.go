package output

import (
	"math"
	"strconv"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/measure"
)

var statusWords = map[string]string{"good": "met", "bad": "missed", "unsure": "unsure", "no-data": "no data", "shown": ""}

// Status says how a row stands.
func Status(r client.ScorecardRow) string { return statusWords[r.Status] }

// Movement says how far a row moved.
func Movement(r client.ScorecardRow) string {
	if r.Change == nil {
		return ""
	}
	text := measure.Unit(r.Unit).Change(*r.Change, r.Before, r.Target != nil && r.Target.Relative)
	if !r.Moved && r.Interval != nil {
		text += " (may be chance)"
	}
	return text
}

// Target says what a value shall be.
func Target(t *client.Target, unit string) string {
	if t == nil {
		return ""
	}
	return measure.Unit(unit).Target(measure.Target(*t))
}

// Observations says on how many a value rests.
func Observations(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// Interval gives both ends in the unit.
func Interval(i *client.Interval, unit string) string {
	if i == nil {
		return ""
	}
	between := measure.Interval{Low: math.Inf(-1), High: math.Inf(1)}
	if i[0] != nil {
		between.Low = *i[0]
	}
	if i[1] != nil {
		between.High = *i[1]
	}
	return measure.Unit(unit).Between(between)
}

// Value gives a number in its unit.
func Value(v *float64, unit string) string {
	return measure.Unit(unit).Or(v, "no data")
}
