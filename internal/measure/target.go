package measure

import (
	"fmt"
	"math"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// Target is what a value shall be.
type Target struct {
	// Op is ">", ">=", "<" or "<=".
	Op string `json:"op" jsonschema:"required,enum=>,enum=>=,enum=<,enum=<="`
	// Value is in the measure's unit: 0.7 for 70 %, 86400 for a day.
	Value float64 `json:"value" jsonschema:"required"`
	// AtMost is the upper end of a target that has two, beside ">" or ">=" and above
	// Value: 5 to 20 requests a month.
	AtMost *float64 `json:"atMost,omitempty"`
	// Relative compares with the value of the same time before: -0.3 with "<=" asks
	// for 30 % less than then.
	Relative bool `json:"relative,omitempty"`
}

// wrongEnd says why a target cannot have the upper end that it has; "" where it has
// none or may.
func (t *Target) wrongEnd() string {
	switch {
	case t == nil || t.AtMost == nil:
		return ""
	case t.Relative:
		return "a target against the time before has one end: leave atMost out"
	case t.Op != ">" && t.Op != ">=":
		return fmt.Sprintf("%s has an upper end by itself: atMost stands beside > or >=", t.Op)
	case *t.AtMost <= t.Value:
		return fmt.Sprintf("%v is not above %v, which is the value", *t.AtMost, t.Value)
	}
	return ""
}

// Graded reports whether a value of the scope can be held against a target. What
// counts things is the larger the more it is of: its target is that of the whole
// organisation, and one of its teams can only miss it.
func (d *Definition) Graded(t Target, s Scope) bool {
	return t.Relative || len(s.Only) == 0 || d.Unit != Count && d.Unit != PerMonth
}

// judge holds an estimate against its target.
func judge(t *Target, now, before Estimate) (Status, string) {
	switch {
	case now.Value == nil && (now.Interval == nil || t == nil):
		return NoData, now.Note
	case t == nil:
		return Shown, now.Note
	case t.Relative && before.Value == nil:
		return NoData, join(now.Note, "nothing to compare with before this time")
	case now.Value != nil && now.few:
		return Unsure, join(now.Note, fmt.Sprintf("too few to tell (n %d)", now.N))
	case now.Value != nil && t.Relative && before.few:
		return Unsure, join(now.Note, fmt.Sprintf("too few before to tell (n %d)", before.N))
	}
	aim := t.Value
	low, high := now.ends()
	if t.Relative {
		aim = 0
		now, low, high = now.less(1+t.Value, before)
	}
	if aim == 0 && t.Op == "<=" && !t.Relative && now.Value != nil && *now.Value == 0 {
		return Good, now.Note
	}
	missed, over := 0, 0
	ends := []float64{low, high}
	if now.Value != nil {
		ends = append(ends, *now.Value)
	}
	for _, v := range ends {
		if !t.met(v, aim) {
			missed++
		}
		if t.AtMost != nil && v > *t.AtMost {
			over++
		}
	}
	switch {
	case missed == len(ends) || over == len(ends): // an interval around both ends of a target misses neither
		return Bad, now.Note
	case now.Value == nil:
		return NoData, now.Note
	case missed+over == 0:
		return Good, now.Note
	}
	return Unsure, join(now.Note, "the target lies within the interval")
}

// ends are those of the interval; of a value that has none, the value.
func (e Estimate) ends() (low, high float64) {
	switch {
	case e.Interval != nil:
		return e.Interval.Low, e.Interval.High
	case e.Value != nil:
		return *e.Value, *e.Value
	}
	return math.Inf(-1), math.Inf(1)
}

// less gives by how much an estimate differs from a share of another, with the
// ends of the difference.
func (e Estimate) less(share float64, of Estimate) (d Estimate, low, high float64) {
	from, to := e.ends()
	if e.Value == nil { // it is known only where it is not: beyond an end
		return e, from - share**of.Value, to - share**of.Value
	}
	ofLow, ofHigh := of.ends()
	apart := stat.Estimate{Value: *e.Value, Interval: stat.Interval{Low: from, High: to}}.
		Less(stat.Estimate{Value: share * *of.Value, Interval: stat.Interval{Low: share * ofLow, High: share * ofHigh}})
	mean := *e.Value - share**of.Value
	e.Value = &mean
	return e, apart.Low, apart.High
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// met reports whether a value is on the right side of what the target begins at.
func (t *Target) met(value, aim float64) bool {
	switch t.Op {
	case ">":
		return value > aim
	case ">=":
		return value >= aim
	case "<":
		return value < aim
	case "<=":
		return value <= aim
	}
	return false
}
