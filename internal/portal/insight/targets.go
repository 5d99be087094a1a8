package insight

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/problem"
)

// TargetRows are the targets of a scorecard as its form shows them; typed gives what
// stood in a field of one that was refused, nil of one that is shown first.
func (i Insight) TargetRows(spec measure.ScorecardSpec, typed func(field string) string, refused *problem.Problem) ([]page.TargetRow, error) {
	var rows []page.TargetRow
	for n, r := range spec.Rows {
		d, err := i.Measures.Find(r.Measure)
		if err != nil {
			return nil, err
		}
		scale, words := typedUnit(d.Unit, r.Target)
		row := page.TargetRow{Measure: r.Measure, Title: cmp.Or(r.Title, d.Title), Unit: words}
		if t := r.Target; t != nil {
			row.Op, row.Value, row.Relative = t.Op, shown(t.Value, scale), t.Relative
			if t.AtMost != nil {
				row.TwoEnds, row.AtMost = true, shown(*t.AtMost, scale)
			}
		}
		if typed != nil {
			row.Op, row.Value, row.AtMost = typed("op."+r.Measure), typed("value."+r.Measure), typed("atMost."+r.Measure)
		}
		if refused != nil {
			for _, f := range refused.Fields {
				if f.Path == "value."+r.Measure || f.Path == "atMost."+r.Measure || strings.HasPrefix(f.Path, fmt.Sprintf("spec.rows[%d].target", n)) {
					row.Told = f.Message
				}
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// ReadTargets gives the rows of a scorecard with the targets of its form, and which
// fields hold no number.
func (i Insight) ReadTargets(spec measure.ScorecardSpec, typed func(field string) string) (rows []measure.ScorecardRow, wrong []problem.Field, err error) {
	for _, r := range spec.Rows {
		d, err := i.Measures.Find(r.Measure)
		if err != nil {
			return nil, nil, err
		}
		scale, _ := typedUnit(d.Unit, r.Target)
		read := func(field string) *float64 {
			value, message := typedNumber(typed(field))
			if message != "" {
				wrong = append(wrong, problem.Field{Path: field, Message: message})
			}
			if value != nil {
				*value = kept(*value, scale)
			}
			return value
		}
		row := measure.ScorecardRow{Measure: r.Measure, Title: r.Title}
		if value := read("value." + r.Measure); value != nil {
			row.Target = &measure.Target{Op: typed("op." + r.Measure), Value: *value, Relative: r.Target != nil && r.Target.Relative}
			if r.Target != nil && r.Target.AtMost != nil { // the form has the field
				row.Target.AtMost = read("atMost." + r.Measure)
			}
		}
		rows = append(rows, row)
	}
	return rows, wrong, nil
}

// maxTarget bounds what a target can be, as it is kept.
const maxTarget = 1e12

// typedNumber reads a number, with a comma for a point too; nil is nothing, and the
// message says what is wrong.
func typedNumber(text string) (value *float64, message string) {
	text = strings.TrimSpace(strings.ReplaceAll(text, ",", "."))
	if text == "" {
		return nil, ""
	}
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case math.Abs(v) > maxTarget:
		return nil, "must lie between -1e12 and 1e12"
	case err != nil || math.IsNaN(v):
		return nil, strconv.Quote(text) + " is no number"
	}
	return &v, ""
}

// typedUnit is what the form shows as 1, and its words: of shares a percent, of
// durations an hour or, where the target is short, a second, of money a whole unit.
func typedUnit(u measure.Unit, t *measure.Target) (scale float64, words string) {
	switch {
	case t != nil && t.Relative:
		return 0.01, "% against the time before"
	case u == measure.Ratio:
		return 0.01, "%"
	case u == measure.Seconds && t != nil && t.Value < 60:
		return 1, "seconds"
	case u == measure.Seconds:
		return 3600, "hours"
	case u == measure.Money:
		return 100, "in 30 days"
	}
	return 1, unitWords[u]
}

var unitWords = map[measure.Unit]string{
	measure.PerDay: "a day", measure.PerWeek: "a week", measure.PerMonth: "in 30 days", measure.Per100: "for 100 users in 30 days", measure.PerRun: "a run",
}

func shown(value, scale float64) string { return strconv.FormatFloat(value/scale, 'f', -1, 64) }

func kept(shown, scale float64) float64 {
	if scale < 1 {
		return shown / (1 / scale) // 70 / 100 is 0.7, 70 × 0.01 is not quite
	}
	return shown * scale
}
