// Package measure is the engine of numbers: what a measure is, over which time
// and cut into which groups it is asked for, and the scorecard that holds
// several against their targets.
//
// A measure is data and one pure function. Its definition says what it means,
// its read brings rows of the summaries into groups, its value makes an estimate
// of what one group holds. The measures themselves belong to the rooms that own
// the summaries; package stat has the formulas.
package measure

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// Unit is what a value counts.
type Unit string

// The units of values.
const (
	Ratio    Unit = "ratio"     // 0 to 1, shown in percent
	Count    Unit = "count"     // of things
	Seconds  Unit = "seconds"   // a duration
	PerDay   Unit = "per-day"   // things a day
	PerWeek  Unit = "per-week"  // things a week
	PerMonth Unit = "per-month" // things in 30 days
	Per100   Unit = "per-100"   // things for a hundred people in 30 days
	PerRun   Unit = "per-run"   // things for each run of the golden path that ended well
	Score    Unit = "score"     // -100 to 100
	Money    Unit = "money"     // minor units of a currency, in 30 days
)

// Better says which way is good.
type Better string

// The directions of a measure.
const (
	Higher  Better = "higher"
	Lower   Better = "lower"
	Neither Better = "neither" // it describes; there is no good or bad of it
)

// Definition says what a measure is.
type Definition struct {
	// Name is its name for ever, such as "lead-time".
	Name  string `json:"name"`
	Title string `json:"title"`
	// Question is what a person wants to know who looks at it.
	Question string `json:"question"`
	// Formula says in words how the value comes about, and what is left out.
	Formula string `json:"formula"`
	Unit    Unit   `json:"unit"`
	Better  Better `json:"better"`
	// Version grows when the same events give another value.
	Version int `json:"version"`
	// Cuts are the dimensions that it can be cut by and filtered on.
	Cuts []Dimension `json:"cuts"`
	// Waits says which data has to come before there is a value; "" for a measure
	// that is computed from what Stoa records by itself.
	Waits string `json:"waits,omitempty"`
}

// Estimate is the value of one group.
type Estimate struct {
	// Value is nil where there is no data: never 0 for want of it.
	Value *float64 `json:"value"`
	// N is on how many observations it rests.
	N int64 `json:"n"`
	// Interval holds the true value with 95 % confidence; nil where none is known.
	// It may stand without a value, where that is known to be beyond its low end
	// only.
	Interval *Interval `json:"interval,omitempty"`
	// Note says what a reader must know: what was left out, what is only a hint.
	Note string `json:"note,omitempty"`
	// Parts are the numbers that the value was made of, by name, such as
	// numerator and denominator. A name is in camel case, see PartTitle.
	Parts map[string]float64 `json:"parts,omitempty"`
	// Own is how many more observations there are of teams that run the platform, which
	// are in no number that does not ask for them by name. The note says it too.
	Own int64 `json:"own,omitempty"`
	// few says that an interval was looked for, and rests on too few to have an end.
	few bool
}

// Interval is a confidence interval. An end that the data do not bound is
// infinite, and null in JSON: [3.5, null].
type Interval struct{ Low, High float64 }

// open reports whether the interval says nothing: it has no end, or only that of
// 0, below which no duration, share or count can be.
func (i Interval) open() bool {
	return math.IsInf(i.High, 1) && (math.IsInf(i.Low, -1) || i.Low == 0)
}

// MarshalJSON gives the two ends as a list.
func (i Interval) MarshalJSON() ([]byte, error) {
	ends := [2]*float64{}
	for n, end := range []float64{i.Low, i.High} {
		if !math.IsInf(end, 0) {
			ends[n] = &end
		}
	}
	return json.Marshal(ends)
}

// UnmarshalJSON reads what MarshalJSON gives.
func (i *Interval) UnmarshalJSON(raw []byte) error {
	ends := [2]*float64{}
	if err := json.Unmarshal(raw, &ends); err != nil {
		return err
	}
	*i = Interval{math.Inf(-1), math.Inf(1)}
	if ends[0] != nil {
		i.Low = *ends[0]
	}
	if ends[1] != nil {
		i.High = *ends[1]
	}
	return nil
}

// None is an estimate without data.
func None(note string) Estimate { return Estimate{Note: note} }

// Of is an estimate with a value.
func Of(value float64, n int64) Estimate { return Estimate{Value: &value, N: n} }

// Within adds an interval; one that is open at both ends says nothing and is
// left out.
func (e Estimate) Within(i stat.Interval) Estimate {
	e.few = (Interval{i.Low, i.High}).open()
	if math.IsInf(i.Low, -1) && math.IsInf(i.High, 1) {
		return e
	}
	e.Interval = &Interval{i.Low, i.High}
	return e
}

// Noted adds a note.
func (e Estimate) Noted(format string, args ...any) Estimate {
	if e.Note != "" {
		e.Note += "; "
	}
	e.Note += fmt.Sprintf(format, args...)
	return e
}

// With adds a part.
func (e Estimate) With(name string, value float64) Estimate {
	parts := map[string]float64{name: value}
	for k, v := range e.Parts {
		parts[k] = v
	}
	e.Parts = parts
	return e
}

// PartTitle writes the name of a part for people: "withoutCommit" as "without
// commit". What follows a colon is a name of its own, as in "gate:Quota".
func PartTitle(name string) string {
	var b strings.Builder
	for i, r := range name {
		if r == ':' {
			b.WriteString(name[i:])
			break
		}
		if unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Without says how many observations of teams that run the platform were left out.
func (e Estimate) Without(own int64) Estimate {
	if own == 0 {
		return e
	}
	e.Own += own
	return e.Noted("without the platform team's own: %d", own)
}

// withoutOwn ends the formula of every measure: all are of the teams of their scope.
const withoutOwn = " Teams that run the platform are left out, unless they or their services are asked for by name."

// Measure is a definition with its way from summaries to estimates.
type Measure struct {
	Definition
	// Compute gives the estimates of all groups that have data.
	Compute func(ctx context.Context, v *View) (map[Key]Estimate, error)
	// Evidence gives the sequences of the events behind the value, ascending after
	// a sequence; nil for a measure that waits for data.
	Evidence func(ctx context.Context, v *View, after int64, limit int) ([]int64, error)
	// record is what it reads; nil where nobody says when that begins.
	record *Record
}

// Record is what some measures are made of. It knows on which day it begins; ok is
// false while there is nothing of it.
type Record struct {
	Begins func(ctx context.Context, v *View) (day int64, ok bool, err error)
}

// Of says that measures are made of the record: there is nothing to compare a value
// with in a time that begins before it.
func (r *Record) Of(measures ...Measure) []Measure {
	for i := range measures {
		measures[i].record = r
	}
	return measures
}

// Earliest is a record that begins with the least of some times in microseconds,
// by a query that gives null while there is none.
func Earliest(query string) *Record {
	return &Record{Begins: func(ctx context.Context, v *View) (int64, bool, error) {
		var first sql.NullInt64
		if err := v.DB.QueryRow(ctx, query).Scan(&first); err != nil {
			return 0, false, fmt.Errorf("read when the record begins: %w", err)
		}
		return DayOf(first.Int64), first.Valid, nil
	}}
}

// begins is the day on which the measure's record begins, if the view's time begins
// before it.
func (m *Measure) begins(ctx context.Context, v *View) (day int64, before bool, err error) {
	if m.record == nil {
		return 0, false, nil
	}
	type found struct {
		day int64
		ok  bool
	}
	f, err := Once(v, m.record, func() (f found, err error) {
		f.day, f.ok, err = m.record.Begins(ctx, v)
		return f, err
	})
	return f.day, f.ok && v.From < f.day, err
}

// New joins a definition with its read and its value: read brings the rows of
// the summaries into groups, value is a pure function of what one group holds.
func New[D any](def Definition, read func(context.Context, *View) (map[Key]D, error), value func(D) Estimate,
	evidence func(context.Context, *View, int64, int) ([]int64, error)) Measure {
	def.Formula += withoutOwn
	return Measure{Definition: def, Evidence: evidence, Compute: func(ctx context.Context, v *View) (map[Key]Estimate, error) {
		groups, err := read(ctx, v)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", def.Name, err)
		}
		estimates := make(map[Key]Estimate, len(groups))
		for key, data := range groups {
			estimates[key] = value(data)
		}
		return estimates, nil
	}}
}

// Waiting is a measure that has no data to compute it from yet.
func Waiting(def Definition) Measure {
	return Measure{Definition: def, Compute: func(context.Context, *View) (map[Key]Estimate, error) { return nil, nil }}
}

// Querier reads summaries.
type Querier = event.Querier
