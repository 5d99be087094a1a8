package insight

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/stoa-platform/stoa/internal/adoption/journey"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// moversAsked is of how many measures at most it is looked for what moved them.
const moversAsked = 3

// Later is what the page of a scorecard gets when it is there already, since it takes
// longer to read than a page may: the course of each measure over a year and, of
// those that moved, which team may have moved them.
func (i Insight) Later(ctx context.Context, spec measure.ScorecardSpec, s measure.Scope, moved []string) (page.Later, error) {
	var show page.Later
	year := yearOf(s)
	var names []string
	for _, r := range spec.Rows {
		if d, err := i.Measures.Find(r.Measure); err == nil { // a scorecard may name what an older release had
			if _, ok := d.Allows(year); ok {
				names = append(names, r.Measure)
			}
		}
	}
	var courses []measure.Answer
	if err := measure.Together(ctx,
		into(&courses, func(ctx context.Context) ([]measure.Answer, error) { return i.Measures.AskAll(ctx, names, year) }),
		into(&show.Moved, func(ctx context.Context) ([]page.MovedBy, error) { return i.movers(ctx, spec, s, moved) }),
	); err != nil {
		return show, err
	}
	for _, a := range courses {
		t := trend(a.Definition, a.Points, nil)
		t.Label = courseWords(a.Definition, a.Points)
		show.Courses = append(show.Courses, page.Course{Measure: a.Name, Trend: t})
	}
	return show, nil
}

// courseWords say what the line of a measure shows.
func courseWords(d measure.Definition, points []measure.Point) string {
	known := slices.DeleteFunc(slices.Clone(points), func(p measure.Point) bool { return p.Value == nil })
	if len(known) == 0 {
		return d.Title + " by month: no data"
	}
	first, last := known[0], known[len(known)-1]
	words := fmt.Sprintf("%s by month: %s in %s", d.Title, d.Unit.Format(*first.Value), month(first.From))
	if len(known) == 1 {
		return words
	}
	low, high := *first.Value, *first.Value
	for _, p := range known {
		low, high = min(low, *p.Value), max(high, *p.Value)
	}
	return words + fmt.Sprintf(", %s in %s, never under %s or over %s", d.Unit.Format(*last.Value), month(last.From), d.Unit.Format(low), d.Unit.Format(high))
}

// byTeam gives the definition of a measure, and whether cutting it by team tells
// anything of the scope.
func (i Insight) byTeam(name string, s measure.Scope) (measure.Definition, bool) {
	d, err := i.Measures.Find(name)
	return d, err == nil && slices.Contains(d.Cuts, measure.ByTeam) && len(s.Only[measure.ByTeam]) == 0
}

func byTeamAt(name string, s measure.Scope) string {
	s.By = measure.ByTeam
	return address("/measures/"+name, s)
}

// movers say of measures which team may have moved them, where that is clear.
func (i Insight) movers(ctx context.Context, spec measure.ScorecardSpec, s measure.Scope, names []string) ([]page.MovedBy, error) {
	s.By, s.Step = "", measure.Whole
	var asked measure.ScorecardSpec
	for _, r := range spec.Rows {
		if _, ok := i.byTeam(r.Measure, s); ok && slices.Contains(names, r.Measure) && len(asked.Rows) < moversAsked {
			asked.Rows = append(asked.Rows, measure.ScorecardRow{Measure: r.Measure})
		}
	}
	if len(asked.Rows) == 0 {
		return nil, nil
	}
	card, err := i.Measures.Score(ctx, "moved", asked, s)
	if err != nil {
		return nil, err
	}
	rows := slices.DeleteFunc(card.Rows, func(r measure.Row) bool { return !r.Moved })
	names = nil
	for _, r := range rows {
		names = append(names, r.Measure)
	}
	cut := s
	cut.By = measure.ByTeam
	var now, before []measure.Answer
	if err := measure.Together(ctx,
		into(&now, func(ctx context.Context) ([]measure.Answer, error) { return i.Measures.AskAll(ctx, names, cut) }),
		into(&before, func(ctx context.Context) ([]measure.Answer, error) {
			return i.Measures.AskAll(ctx, names, cut.Before())
		}),
	); err != nil {
		return nil, err
	}
	view, err := i.Measures.View(ctx, s)
	if err != nil {
		return nil, err
	}
	var show []page.MovedBy
	for n, r := range rows {
		if m, ok := mover(r, now[n].Points, before[n].Points); ok && mayBeNamed(view.Org, m.team) {
			show = append(show, page.MovedBy{Measure: r.Measure, ByTeam: byTeamAt(r.Measure, s), Says: m.words(r.Unit)})
		}
	}
	return show, nil
}

// moving is a team that may have moved a measure.
type moving struct {
	team        string
	before, now float64
	weight      float64
	others      int // that went the same way
}

// mover finds the team that may have moved a measure: of those that went the same
// way, by more than chance as the measure itself did, the one that weighs most. Of
// what counts things that is its difference; of a mean or a share it is the
// difference times the observations it comes from.
func mover(r measure.Row, now, before []measure.Point) (moving, bool) {
	var most moving
	all := 0
	for _, p := range now {
		at := slices.IndexFunc(before, func(b measure.Point) bool { return b.Group == p.Group })
		if at < 0 || p.Group == measure.Nobody || p.Value == nil || before[at].Value == nil || p.Interval == nil || before[at].Interval == nil {
			continue
		}
		b := before[at]
		rose, fell := p.Interval.Low > b.Interval.High, p.Interval.High < b.Interval.Low
		if *r.Change > 0 && !rose || *r.Change < 0 && !fell {
			continue
		}
		all++
		weight := math.Abs(*p.Value - *b.Value)
		if r.Unit != measure.Count && r.Unit != measure.PerMonth {
			weight *= float64(p.N + b.N)
		}
		if weight > most.weight {
			most = moving{team: p.Group, before: *b.Value, now: *p.Value, weight: weight}
		}
	}
	most.others = all - 1
	return most, all > 0
}

// mayBeNamed says that a team is of so many people that none of them is told by it.
func mayBeNamed(org *measure.Org, team string) bool {
	return slices.ContainsFunc(org.Teams, func(t *measure.Team) bool { return t.Name == team && t.Members >= journey.Fewest })
}

func (m moving) words(u measure.Unit) string {
	before, now := u.Both(m.before, m.now)
	words := fmt.Sprintf("It may be %s, which went from %s to %s", m.team, before, now)
	if m.others > 0 {
		words += ", or " + page.Plural(int64(m.others), "other team") + " that went the same way"
	}
	return words + "."
}
