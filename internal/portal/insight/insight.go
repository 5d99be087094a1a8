// Package insight makes the pages of the platform team out of measures: it asks
// them and says in a sentence what they mean. It knows nothing of requests and
// answers, and pages know nothing of measures.
package insight

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/chart"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// Measures answers for numbers; measure.Engine is it.
type Measures interface {
	Definitions() []measure.Definition
	Find(name string) (measure.Definition, error)
	Ask(ctx context.Context, name string, s measure.Scope) (measure.Answer, error)
	AskAll(ctx context.Context, names []string, s measure.Scope) ([]measure.Answer, error)
	View(ctx context.Context, s measure.Scope) (*measure.View, error)
	Score(ctx context.Context, name string, spec measure.ScorecardSpec, s measure.Scope) (measure.Computed, error)
}

// Insight makes pages.
type Insight struct {
	Measures Measures
}

// yearOf is the series that a page shows around a scope: twelve whole months
// and the one that the scope ends in.
func yearOf(s measure.Scope) measure.Scope {
	end := measure.Date(s.To - 1)
	s.From = measure.Day(time.Date(end.Year()-1, end.Month(), 1, 0, 0, 0, 0, time.UTC))
	s.By, s.Step = "", measure.Monthly
	return s
}

// ranges are the spans of time that pages offer, and the one that is shown.
func ranges(at string, s measure.Scope, now time.Time) page.Ranges {
	var all []page.Choice
	for _, days := range []int64{7, 30, 90, 365} {
		q := s
		q.To = measure.Day(now) + 1
		q.From = q.To - days
		label := fmt.Sprintf("%d days", days)
		if days == 365 {
			label = "year"
		}
		all = append(all, page.Choice{Label: label, Href: address(at, q), Active: q.From == s.From && q.To == s.To})
	}
	shown := s.Query()
	return page.Ranges{All: all, Now: measure.Span(shown.Get("from"), shown.Get("to"))}
}

// trend draws the points of a series, each leading to the events behind it, with the
// target where it has values of its own.
func trend(d measure.Definition, points []measure.Point, aim *measure.Target) chart.Trend {
	t := chart.Trend{Label: d.Title, Empty: "No data in this time.", Format: d.Unit.Format}
	if aim != nil && !aim.Relative {
		t.Target, t.AtMost = &aim.Value, aim.AtMost
	}
	if d.Unit == measure.Ratio {
		t.Most = 1
	}
	if d.Unit == measure.Seconds {
		t.Round = chart.RoundTime
	}
	for _, p := range points {
		b := chart.Bucket{Title: month(p.From) + ": no data", Value: p.Value}
		b.Label, b.Year = shortMonth(p.From)
		if p.Value != nil {
			b.Title = month(p.From) + ": " + d.Unit.Format(*p.Value) + within(d.Unit, p.Estimate) + ", n " + page.Count(p.N)
			b.Href = page.Link("/measures/"+d.Name, "from", p.From, "to", p.To)
		}
		if p.Interval != nil {
			b.Low, b.High = finite(p.Interval.Low), finite(p.Interval.High)
		}
		t.Buckets = append(t.Buckets, b)
	}
	if d.Unit == measure.Ratio {
		most := 0.0
		for _, b := range t.Buckets {
			if b.Value != nil {
				most = max(most, *b.Value)
			}
		}
		if most < 0.25 { // a small share is not read off a scale to 100 %
			t.Most = 0
		}
	}
	return t
}

// within writes the interval of an estimate behind its value.
func within(u measure.Unit, e measure.Estimate) string {
	if e.Interval == nil {
		return ""
	}
	between := u.Between(*e.Interval)
	if between == "" { // without an end that is bounded it says nothing
		return ""
	}
	return " (95 %: " + between + ")"
}

// finite is nil for an end that is not bounded.
func finite(v float64) *float64 {
	if math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func month(day string) string {
	at, err := time.Parse("2006-01-02", day)
	if err != nil {
		return day
	}
	return at.Format("Jan 2006")
}

// shortMonth is a month on an axis, and whether a year begins with it: that says
// which.
func shortMonth(day string) (label string, year bool) {
	at, err := time.Parse("2006-01-02", day)
	switch {
	case err != nil:
		return day, false
	case at.Month() == time.January:
		return at.Format("2006"), true
	}
	return at.Format("Jan"), false
}

func valueText(u measure.Unit, v *float64) string {
	if v == nil {
		return "no data"
	}
	return u.Format(*v)
}
