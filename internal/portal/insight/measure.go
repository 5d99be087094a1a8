package insight

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// Measure answers: what is this number, how did it go, and where does it come
// from? Targets are those that values are held against, by measure.
func (i Insight) Measure(ctx context.Context, name string, s measure.Scope, targets map[string]measure.Target, now time.Time) (page.Measure, error) {
	d, err := i.Measures.Find(name)
	if err != nil {
		return page.Measure{}, err
	}
	by := s.By
	s.By, s.Step = "", measure.Whole
	var whole, series, cut measure.Answer
	ask := func(to *measure.Answer, s measure.Scope) func(context.Context) error {
		return into(to, func(ctx context.Context) (measure.Answer, error) { return i.Measures.Ask(ctx, name, s) })
	}
	asked := []func(context.Context) error{ask(&whole, s), ask(&series, yearOf(s))}
	if by != "" {
		groups := s
		groups.By = by
		asked = append(asked, ask(&cut, groups))
	}
	if err := measure.Together(ctx, asked...); err != nil {
		return page.Measure{}, err
	}
	at := whole.Points[0]
	aim, target := aimed(d, s, targets)
	show := page.Measure{
		Name: d.Name, Title: d.Title, Question: d.Question, Formula: d.Formula, Version: d.Version, Ranges: ranges("/measures/"+name, s, now),
		Value: valueText(d.Unit, at.Value), HasValue: at.Value != nil, N: at.N, Note: upper(at.Note), Target: aim, Trend: trend(d, series.Points, target),
		Sentence: measureSentence(d, at),
		Same:     page.Command{Text: "stoa measure " + name + " " + flags(s), Says: "The same on the command line"},
		JSON:     "/api/v1/measures/" + name + "?" + s.Query().Encode(),
	}
	if at.Own > 0 {
		own := s
		own.By = by
		show.Ranges.Apart = ofTeams(page.Plural(at.Own, "observation"), whole.Apart, "/measures/"+name, own)
	}
	for _, key := range sortedParts(at.Parts) {
		show.Parts = append(show.Parts, page.Part{Name: measure.PartTitle(key), Value: measure.Digits(at.Parts[key])})
	}
	for _, p := range slices.Backward(series.Points) {
		show.Series = append(show.Series, pointRow(d, month(p.From), p))
	}
	for _, dimension := range d.Cuts {
		q := s
		q.By = dimension
		show.Cuts = append(show.Cuts, page.Choice{Label: string(dimension), Href: "/measures/" + name + "?" + q.Query().Encode(), Active: dimension == by})
	}
	if by == "" {
		return show, nil
	}
	show.By = string(by)
	for _, p := range cut.Points {
		show.Groups = append(show.Groups, pointRow(d, p.Group, p))
	}
	slices.SortStableFunc(show.Groups, func(a, b page.PointRow) int { return cmp.Compare(b.Sort, a.Sort) })
	if d.Better == measure.Lower {
		slices.Reverse(show.Groups)
	}
	return show, nil
}

func sortedParts(parts map[string]float64) []string {
	var keys []string
	for key := range parts {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func pointRow(d measure.Definition, label string, p measure.Point) page.PointRow {
	row := page.PointRow{Label: label, Value: valueText(d.Unit, p.Value), HasValue: p.Value != nil, N: p.N, Note: p.Note}
	if p.Value != nil {
		row.Sort = *p.Value
	}
	if p.Interval != nil {
		row.Interval = d.Unit.Between(*p.Interval)
	}
	return row
}

func measureSentence(d measure.Definition, p measure.Point) string {
	if p.Value == nil {
		if d.Waits != "" {
			return "No data: this waits for " + d.Waits + "."
		}
		return "No data in this time."
	}
	return d.Unit.Format(*p.Value) + within(d.Unit, p.Estimate) + ", from " + page.Plural(p.N, "observation") + "."
}
