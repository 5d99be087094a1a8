package measure

import (
	"cmp"
	"context"
	"fmt"

	"github.com/stoa-platform/stoa/internal/measure/stat"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// ScorecardSpec says which measures are looked at together and what they shall be.
type ScorecardSpec struct {
	// Title is shown above the rows.
	Title string `json:"title,omitempty" jsonschema:"maxLength=120"`
	// Days is how long the time is that each row is about.
	Days int            `json:"days,omitempty" jsonschema:"minimum=1,maximum=366"`
	Rows []ScorecardRow `json:"rows" jsonschema:"required,minItems=1,maxItems=50"`
}

// ScorecardRow is one measure with its target.
type ScorecardRow struct {
	Measure string  `json:"measure" jsonschema:"required"`
	Title   string  `json:"title,omitempty" jsonschema:"maxLength=120"`
	Target  *Target `json:"target,omitempty"`
}

// Kind names the kind.
func (ScorecardSpec) Kind() string { return "Scorecard" }

// Scorecard holds measures against their targets.
type Scorecard = object.Typed[ScorecardSpec, struct{}]

// Status says how a row stands.
type Status string

// The statuses of a row. A target is met, or missed, if the value and both ends of
// its interval say so; else the data do not tell, and it is neither. A count that
// has no interval is what it is, and so is nothing where nothing is the target: no
// interval of a rate ends at 0.
const (
	Good   Status = "good"
	Unsure Status = "unsure"
	Bad    Status = "bad"
	NoData Status = "no-data"
	Shown  Status = "shown" // it has a value and no target
)

// Row is a row of a computed scorecard.
type Row struct {
	Measure   string    `json:"measure"`
	Title     string    `json:"title"`
	Value     *float64  `json:"value"`
	Unit      Unit      `json:"unit"`
	N         int64     `json:"n"`
	Interval  *Interval `json:"interval"`
	Target    *Target   `json:"target"`
	Direction Better    `json:"direction"`
	Status    Status    `json:"status"`
	Note      string    `json:"note,omitempty"`
	Own       int64     `json:"own,omitempty"` // as in Estimate
	// Before is the value of the same time before, nil where the record does not
	// reach back to its first day; Change is the difference and
	// Moved whether it is more than chance: its interval leaves 0 out. A value without
	// an interval, such as a count of all there are, is not moved by chance.
	Before *float64 `json:"before"`
	Change *float64 `json:"change"`
	Moved  bool     `json:"moved"`
	// Version is that of the measure's definition.
	Version int `json:"version"`
	// Evidence is the address below the API that gives the events.
	Evidence string `json:"evidence"`
}

// Computed is a scorecard with its values.
type Computed struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	From  string `json:"from"`
	To    string `json:"to"`
	// Apart are the teams that run the platform, where the scope leaves them out.
	Apart []string `json:"apart,omitempty"`
	Rows  []Row    `json:"rows"`
}

// Score computes a scorecard over a time, with the same time before.
func (e *Engine) Score(ctx context.Context, name string, spec ScorecardSpec, s Scope) (Computed, error) {
	s.By, s.Step = "", Whole
	card := Computed{Name: name, Title: spec.Title, From: dateText(s.From), To: dateText(s.To), Rows: []Row{}}
	if err := s.check(); err != nil {
		return card, err
	}
	present, err := e.view(ctx, s)
	if err != nil {
		return card, err
	}
	card.Apart = present.Apart()
	asked := make([]*Measure, len(spec.Rows)) // nil of what there is not, or that the scope is narrowed away from
	for i, r := range spec.Rows {
		if m := e.byName[r.Measure]; m != nil {
			if _, ok := m.Allows(s); ok {
				asked[i] = m
			}
		}
	}
	past := NewView(e.db, present.Org, s.Before()).Share()
	now, before, err := both(ctx, asked, present.Share(), past)
	if err != nil {
		return card, err
	}
	for i, m := range asked {
		if m == nil || now[i].Value == nil {
			continue
		}
		if day, early, err := m.begins(ctx, past); err != nil {
			return card, err
		} else if early { // a part of a time is no measure for a whole one
			before[i] = None("")
			now[i] = now[i].Noted("the record begins %s", dateText(day))
		}
	}
	for i, r := range spec.Rows {
		switch {
		case asked[i] != nil:
			card.Rows = append(card.Rows, row(asked[i], r, now[i], before[i], s))
		case !e.Known(r.Measure): // an older release of the platform had it
			card.Rows = append(card.Rows, Row{Measure: r.Measure, Title: cmp.Or(r.Title, r.Measure), Target: r.Target, Direction: Neither,
				Status: NoData, Note: "this platform does not measure it"})
		}
	}
	return card, nil
}

// both computes measures over two times, at once: neither waits for the other's
// reading. One that is not asked has the zero estimate.
func both(ctx context.Context, asked []*Measure, present, past *View) (now, before []Estimate, err error) {
	compute := func(v *View, into *[]Estimate) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			all := make([]Estimate, len(asked))
			for i, m := range asked {
				if m == nil {
					continue
				}
				if all[i], err = one(ctx, m, v); err != nil {
					return err
				}
			}
			*into = all
			return nil
		}
	}
	err = Together(ctx, compute(present, &now), compute(past, &before))
	return now, before, err
}

func row(m *Measure, r ScorecardRow, now, before Estimate, s Scope) Row {
	row := Row{
		Measure: m.Name, Title: cmp.Or(r.Title, m.Title), Value: now.Value, Unit: m.Unit, N: now.N, Interval: now.Interval, Target: r.Target, Direction: m.Better, Note: now.Note, Own: now.Own,
		Before: before.Value, Version: m.Version,
		Evidence: evidenceOf(m.Name, s),
	}
	if now.Value != nil && before.Value != nil {
		change := *now.Value - *before.Value
		row.Change = &change
		if now.Interval != nil && before.Interval != nil {
			by := stat.Estimate{Value: *now.Value, Interval: stat.Interval(*now.Interval)}.Less(stat.Estimate{Value: *before.Value, Interval: stat.Interval(*before.Interval)})
			row.Moved = by.Low > 0 || by.High < 0
		}
	}
	if r.Target != nil && !m.Graded(*r.Target, s) {
		row.Status, row.Note = judge(nil, now, before)
		if now.Value != nil {
			row.Note = join(row.Note, "its target is that of the whole organisation")
		}
		return row
	}
	row.Status, row.Note = judge(r.Target, now, before)
	return row
}

// ScorecardKind is the kind of scorecards. Which measures there are is known
// when it is called at the latest.
func ScorecardKind(known func(name string) bool) object.Kind {
	return object.Kind{
		Name: "Scorecard", Plural: "scorecards", About: "Measures held against their targets.",
		Spec: ScorecardSpec{}, Scope: object.ScopePlatform,
		Validate: func(o object.Object) []object.Issue {
			var card Scorecard
			if card.From(o) != nil {
				return nil // the schema says what is wrong
			}
			var issues []object.Issue
			seen := map[string]bool{}
			for i, r := range card.Spec.Rows {
				path := fmt.Sprintf("spec.rows[%d].measure", i)
				if !known(r.Measure) {
					issues = append(issues, object.Issue{Path: path, Message: fmt.Sprintf("there is no measure %q", r.Measure)})
				}
				if seen[r.Measure] {
					issues = append(issues, object.Issue{Path: path, Message: r.Measure + " stands there already"})
				}
				seen[r.Measure] = true
				if wrong := r.Target.wrongEnd(); wrong != "" {
					issues = append(issues, object.Issue{Path: fmt.Sprintf("spec.rows[%d].target.atMost", i), Message: wrong})
				}
			}
			return issues
		},
	}
}

// Balanced is the scorecard that a platform starts with: rows for customers,
// delivery, reliability, and money. Whoever runs the platform
// changes it by declaring a Scorecard of the same name.
func Balanced() ScorecardSpec {
	day, wishes := 86400.0, 20.0
	return ScorecardSpec{Title: "Balanced scorecard", Days: 30, Rows: []ScorecardRow{
		{Measure: "adoption-rate", Target: &Target{Op: ">", Value: 0.70}},
		{Measure: "nps", Target: &Target{Op: ">", Value: 30}},
		{Measure: "time-to-first-deployment", Target: &Target{Op: "<", Value: day}},
		{Measure: "time-to-first-log-query", Target: &Target{Op: "<", Value: 3 * day}},
		{Measure: "time-to-first-alert", Target: &Target{Op: "<", Value: 2 * day}},
		{Measure: "time-to-onboard", Target: &Target{Op: "<=", Value: 5 * day}},
		{Measure: "share-new-services-on-path", Target: &Target{Op: ">=", Value: 0.70}},
		{Measure: "input-friction", Target: &Target{Op: "<=", Value: 0}},
		{Measure: "deployment-frequency", Target: &Target{Op: ">", Value: 5}},
		{Measure: "lead-time", Target: &Target{Op: "<", Value: day}},
		{Measure: "change-failure-rate", Target: &Target{Op: "<=", Value: 0.02}},
		{Measure: "recovery-time", Target: &Target{Op: "<=", Value: -0.30, Relative: true}},
		{Measure: "availability", Target: &Target{Op: ">", Value: 0.995}},
		{Measure: "service-latency-p95", Target: &Target{Op: "<=", Value: 0.1}},
		{Measure: "cost-per-service", Target: &Target{Op: "<", Value: 50000}},
		{Measure: "tickets-per-100-users", Target: &Target{Op: "<", Value: 10}},
		{Measure: "feature-requests", Target: &Target{Op: ">=", Value: 5, AtMost: &wishes}},
	}}
}

// BalancedName is the name of that scorecard.
const BalancedName = "balanced"

// Known reports whether there is a measure of the name.
func (e *Engine) Known(name string) bool { return e.byName[name] != nil }

// Find gives the definition of a measure, or problem.NotFound.
func (e *Engine) Find(name string) (Definition, error) {
	if m := e.byName[name]; m != nil {
		return m.Definition, nil
	}
	return Definition{}, e.noMeasure(name)
}

// SpecOf gives a declared scorecard, or the balanced one as it comes with the
// platform when nobody has declared another under its name.
func SpecOf(ctx context.Context, objects object.Reader, name string) (ScorecardSpec, error) {
	card, err := object.Get[Scorecard](ctx, objects, name)
	switch {
	case problem.Is(err, problem.NotFound) && name == BalancedName:
		return Balanced(), nil
	case problem.Is(err, problem.NotFound):
		return card.Spec, problem.From(err).Do("stoa scorecard " + BalancedName + "    is the one that comes with the platform")
	}
	return card.Spec, err
}

// TargetsOf gives what the balanced scorecard says that values shall be, by measure.
func TargetsOf(ctx context.Context, objects object.Reader) (map[string]Target, error) {
	spec, err := SpecOf(ctx, objects, BalancedName)
	return spec.Targets(), err
}

// Targets gives those of the rows that have one, by measure.
func (s ScorecardSpec) Targets() map[string]Target {
	targets := map[string]Target{}
	for _, r := range s.Rows {
		if r.Target != nil {
			targets[r.Measure] = *r.Target
		}
	}
	return targets
}
