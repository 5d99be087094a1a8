package measure

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Organisation gives the organisation as it stands now.
type Organisation interface {
	Org(ctx context.Context) (*Org, error)
}

// Engine answers questions for measures.
type Engine struct {
	db       Querier
	org      Organisation
	measures []Measure
	byName   map[string]*Measure
}

// NewEngine makes an engine of measures with different names.
func NewEngine(db Querier, org Organisation, measures ...Measure) (*Engine, error) {
	e := &Engine{db: db, org: org, measures: measures, byName: map[string]*Measure{}}
	for i := range e.measures {
		m := &e.measures[i]
		if e.byName[m.Name] != nil {
			return nil, fmt.Errorf("two measures are named %s", m.Name)
		}
		e.byName[m.Name] = m
	}
	return e, nil
}

// Definitions lists all measures in the order in which they were registered.
func (e *Engine) Definitions() []Definition {
	all := make([]Definition, len(e.measures))
	for i, m := range e.measures {
		all[i] = m.Definition
	}
	return all
}

// Point is an estimate with where it belongs.
type Point struct {
	Group string `json:"group,omitempty"`
	// From and To are the time it is about, days as "2026-11-01", half-open.
	From string `json:"from"`
	To   string `json:"to"`
	Estimate
}

// Answer is what a measure says about a scope.
type Answer struct {
	Definition
	// Target is what the balanced scorecard says that the value shall be; nil where
	// it says nothing, or was not asked, see TargetsOf.
	Target *Target `json:"target,omitempty"`
	// Points are sorted by group and time. Without a cut, every bucket of the
	// series has a point, perhaps without value; with one, every group that has data
	// has all buckets.
	Points []Point `json:"points"`
	// Apart are the teams that run the platform, where the scope leaves them out.
	Apart []string `json:"apart,omitempty"`
	// Evidence is the address below the API that gives the events behind the points.
	Evidence string `json:"evidence"`
}

// Ask computes one measure. It returns problem.NotFound for a name that there
// is not, of a measure or of what the scope is narrowed to, and problem.Invalid for a cut that the measure does not know.
func (e *Engine) Ask(ctx context.Context, name string, s Scope) (Answer, error) {
	_, _, answer, err := e.asked(ctx, name, s)
	return answer, err
}

// asked gives an answer with the measure and the view that it is of.
func (e *Engine) asked(ctx context.Context, name string, s Scope) (m *Measure, v *View, answer Answer, err error) {
	if m, err = e.find(name, s); err != nil {
		return nil, nil, Answer{}, err
	}
	if v, err = e.view(ctx, s); err != nil {
		return nil, nil, Answer{}, err
	}
	answer, err = ask(ctx, m, v)
	return m, v, answer, err
}

// AskAll computes several measures over one scope, as Ask does each, and reads
// what they have in common once.
func (e *Engine) AskAll(ctx context.Context, names []string, s Scope) ([]Answer, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	v, err := e.view(ctx, s)
	if err != nil {
		return nil, err
	}
	v.Share()
	all := make([]Answer, len(names))
	for i, name := range names {
		m, err := e.find(name, s)
		if err != nil {
			return nil, err
		}
		if all[i], err = ask(ctx, m, v); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// View gives what a measure would read for a scope, for those who show more of it
// than one number.
func (e *Engine) View(ctx context.Context, s Scope) (*View, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return e.view(ctx, s)
}

// view is where a scope meets the organisation: problem.NotFound is one that is
// narrowed to a name that there is not.
func (e *Engine) view(ctx context.Context, s Scope) (*View, error) {
	org, err := e.org.Org(ctx)
	if err != nil {
		return nil, err
	}
	if err := org.admits(s); err != nil {
		return nil, err
	}
	v := NewView(e.db, org, s)
	if n := v.points(); n > maxPoints {
		return nil, problem.New(problem.Invalid, "cut by %s in %d steps this may have %d numbers, at most %d", s.By, len(v.buckets), n, maxPoints).
			Do("take longer steps", "or less time", "or narrow it to a team or a service")
	}
	return v, nil
}

// maxPoints bounds the numbers of one answer, and with them what it takes to compute
// it: every service by week for a year, every team by day.
const maxPoints = 100_000

// AskBefore asks for the same time before. A part of a time is no measure for a
// whole one: what begins before the record has no value, and says so.
func (e *Engine) AskBefore(ctx context.Context, name string, s Scope) ([]Point, error) {
	m, v, answer, err := e.asked(ctx, name, s.Before())
	if err != nil {
		return nil, err
	}
	day, early, err := m.begins(ctx, v)
	if err != nil || !early {
		return answer.Points, err
	}
	for i := range answer.Points {
		if p := &answer.Points[i]; p.From < dateText(day) {
			p.Estimate = None("the record begins " + dateText(day))
		}
	}
	return answer.Points, nil
}

func ask(ctx context.Context, m *Measure, v *View) (Answer, error) {
	estimates, err := m.Compute(ctx, v)
	if err != nil {
		return Answer{}, err
	}
	groups := map[string]bool{}
	if v.By == "" {
		groups[Everything] = true
	}
	for key := range estimates {
		groups[key.Group] = true
	}
	answer := Answer{Definition: m.Definition, Points: []Point{}, Apart: v.Apart(), Evidence: evidenceOf(m.Name, v.Scope)}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		for i, b := range v.buckets {
			estimate, ok := estimates[Key{group, i}]
			switch {
			case !ok && m.Waits != "":
				estimate = None("waits for " + m.Waits)
			case estimate.Value == nil && estimate.Own == 0 && v.alone():
				estimate = estimate.Noted("no team yet but that which runs the platform")
			case !ok && len(v.buckets) == 1: // in a series a gap tells it
				estimate = None("nothing of it happened in this time")
			}
			answer.Points = append(answer.Points, Point{Group: group, From: dateText(b.From), To: dateText(b.To), Estimate: estimate})
		}
	}
	return answer, nil
}

// evidenceOf is the address of the events behind a measure: all of them, whatever it
// is cut by.
func evidenceOf(name string, s Scope) string {
	s.By, s.Step = "", Whole
	return "/api/v1/measures/" + name + "/evidence?" + s.Query().Encode()
}

func dateText(day int64) string { return Date(day).Format("2006-01-02") }

// one computes a measure over a view without cut or series.
func one(ctx context.Context, m *Measure, v *View) (Estimate, error) {
	answer, err := ask(ctx, m, v)
	if err != nil {
		return Estimate{}, err
	}
	return answer.Points[0].Estimate, nil
}

// Evidence gives the sequences of the events behind a measure, ascending after
// a sequence.
func (e *Engine) Evidence(ctx context.Context, name string, s Scope, after int64, limit int) ([]int64, error) {
	m, err := e.find(name, s)
	if err != nil || m.Evidence == nil {
		return nil, err
	}
	v, err := e.view(ctx, s)
	if err != nil {
		return nil, err
	}
	return m.Evidence(ctx, v, after, limit)
}

// noMeasure says what may have been meant by a name that no measure has.
func (e *Engine) noMeasure(name string) error {
	told := problem.New(problem.NotFound, "there is no measure %q", name)
	if meant := object.Meant(name, slices.Collect(maps.Keys(e.byName))); meant != "" {
		told.Because(meant)
	}
	return told.Do("stoa measure    lists them")
}

func (e *Engine) find(name string, s Scope) (*Measure, error) {
	m := e.byName[name]
	if m == nil {
		return nil, e.noMeasure(name)
	}
	if dimension, ok := m.Allows(s); !ok {
		cuts := make([]string, len(m.Cuts))
		for i, c := range m.Cuts {
			cuts[i] = string(c)
		}
		known := strings.Join(cuts, ", ")
		if known == "" {
			known = "nothing"
		}
		return nil, problem.New(problem.Invalid, "%s cannot be cut by %s", name, dimension).Because("it can be cut by " + known)
	}
	return m, s.check()
}

// check refuses a time that is none, or too long.
func (s Scope) check() error {
	switch {
	case s.From < firstDay || s.To > lastDay:
		return problem.New(problem.Invalid, "the time is out of range").Because("a time lies between the years 1 and 9999")
	case s.To <= s.From:
		return problem.New(problem.Invalid, "the time from %s to %s is empty", dateText(s.From), dateText(s.To)).
			Because("a time is half-open: its first day is before its end")
	case s.Days() > maxDays:
		return problem.New(problem.Invalid, "the time from %s to %s has %d days", dateText(s.From), dateText(s.To), s.Days()).
			Because(fmt.Sprintf("at most %d are computed at once", maxDays))
	case s.Step != Whole && s.Step != Daily && s.Step != Weekly && s.Step != Monthly:
		return problem.New(problem.Invalid, "there is no step %q", s.Step).Because("a series goes by day, week or month")
	}
	return nil
}

// maxDays bounds a scope: about ten years. firstDay and lastDay are those of the
// years 1 and 9999, which is what events can have.
const (
	maxDays  = 3660
	firstDay = -719_162
	lastDay  = 2_932_897
)
