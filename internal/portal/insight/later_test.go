package insight

import (
	"context"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/adoption/journey"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

func about(value, low, high float64, n int64) measure.Estimate {
	return measure.Of(value, n).Within(stat.Interval{Low: low, High: high})
}

func groups(of map[string]measure.Estimate) (points []measure.Point) {
	for group, e := range of {
		points = append(points, measure.Point{Group: group, Estimate: e})
	}
	return points
}

func TestMover(t *testing.T) {
	type teams = map[string]measure.Estimate
	for what, c := range map[string]struct {
		unit        measure.Unit
		change      float64
		before, now teams
		want        string
	}{
		"one team": {measure.Seconds, -3600, teams{"a": about(32400, 30000, 34000, 50), "b": about(7200, 7000, 7400, 50)},
			teams{"a": about(14400, 14000, 15000, 50), "b": about(7200, 7000, 7400, 50)}, "It may be a, which went from 9 h to 4 h."},
		"the one with more observations": {measure.Ratio, 0.1, teams{"a": about(0.1, 0.05, 0.15, 4), "b": about(0.1, 0.09, 0.11, 900)},
			teams{"a": about(0.6, 0.4, 0.8, 4), "b": about(0.2, 0.19, 0.21, 900)}, "It may be b, which went from 10 % to 20 %, or 1 other team that went the same way."},
		"of a count the greater difference": {measure.Count, 30, teams{"a": about(10, 5, 15, 10), "b": about(90, 80, 99, 90)},
			teams{"a": about(60, 50, 70, 60), "b": about(130, 120, 140, 130)}, "It may be a, which went from 10 to 60, or 1 other team that went the same way."},
		"the other way":      {measure.Seconds, -3600, teams{"a": about(10, 9, 11, 50)}, teams{"a": about(20, 19, 21, 50)}, ""},
		"chance":             {measure.Seconds, 5, teams{"a": about(10, 5, 15, 50)}, teams{"a": about(20, 12, 30, 50)}, ""},
		"no interval":        {measure.Seconds, 5, teams{"a": measure.Of(10, 3)}, teams{"a": measure.Of(20, 3)}, ""},
		"not there before":   {measure.Seconds, 5, nil, teams{"a": about(20, 19, 21, 50)}, ""},
		"what is of no team": {measure.Seconds, 5, teams{measure.Nobody: about(10, 9, 11, 50)}, teams{measure.Nobody: about(20, 19, 21, 50)}, ""},
	} {
		m, ok := mover(measure.Row{Unit: c.unit, Change: &c.change}, groups(c.now), groups(c.before))
		if got := m.words(c.unit); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s: %v, %q, want %q", what, ok, got, c.want)
		}
	}
}

// fixed is an organisation that does not change.
type fixed struct{ org *measure.Org }

func (f fixed) Org(context.Context) (*measure.Org, error) { return f.org, nil }

// What comes later has a course for each measure, and names a team only where it is
// large enough that nobody is told by it.
func TestLater(t *testing.T) {
	const split = 20000
	lead := measure.New(measure.Definition{Name: "lead", Title: "Lead time", Unit: measure.Seconds, Better: measure.Lower, Cuts: []measure.Dimension{measure.ByTeam}},
		func(_ context.Context, v *measure.View) (map[measure.Key]measure.Estimate, error) {
			found := map[measure.Key]measure.Estimate{}
			for n, b := range v.Buckets() {
				group, e := "", about(32400, 30000, 34000, 50)
				if v.By == measure.ByTeam {
					group = "a"
				}
				if b.From >= split {
					e = about(14400, 14000, 15000, 50)
				}
				found[measure.Key{Group: group, Bucket: n}] = e
			}
			return found, nil
		}, func(e measure.Estimate) measure.Estimate { return e }, nil)
	spec := measure.ScorecardSpec{Rows: []measure.ScorecardRow{{Measure: "lead"}, {Measure: "later"}, {Measure: "gone"}}}
	for members, named := range map[int]bool{journey.Fewest: true, journey.Fewest - 1: false} {
		org := &measure.Org{Teams: []*measure.Team{{Name: "a", Members: members, IDs: []int64{1}}}}
		org.Index()
		engine, err := measure.NewEngine(nil, fixed{org}, lead, measure.Waiting(measure.Definition{Name: "later", Title: "Later", Waits: "answers"}))
		if err != nil {
			t.Fatal(err)
		}
		i, s := Insight{Measures: engine}, measure.Scope{From: split, To: split + 30}
		card, err := i.Scorecard(t.Context(), "own", spec, s, measure.Date(split+29))
		if err != nil || len(card.Moved) != 1 || card.Moved[0].ByTeam == "" || !strings.Contains(card.Later, "moved=lead") || !strings.Contains(card.Later, "name=own") || card.Rows[2].Measured {
			t.Errorf("the page: %+v, %v", card, err)
		}
		if !strings.HasPrefix(card.Ranges.All[0].Href, "/scorecard?name=own&") {
			t.Errorf("another time leads to another scorecard: %s", card.Ranges.All[0].Href)
		}
		if len(card.Table.Rows) != 3 || len(card.Table.Rows[0]) != len(card.Table.Columns) || card.Table.Rows[0][2].Raw != 14400.0 {
			t.Errorf("the file: %+v", card.Table)
		}
		later, err := i.Later(t.Context(), spec, s, []string{"lead", "gone"})
		if err != nil || len(later.Courses) != 2 {
			t.Fatalf("%+v, %v", later, err)
		}
		if want := "Lead time by month: 9 h in Nov 2023, 4 h in Nov 2024, never under 4 h or over 9 h"; later.Courses[0].Trend.Label != want {
			t.Errorf("the course is told as %q, want %q", later.Courses[0].Trend.Label, want)
		}
		if (len(later.Moved) == 1) != named || named && later.Moved[0].ByTeam != "/measures/lead?by=team&from=2024-10-04&to=2024-11-03" {
			t.Errorf("of %d people: %+v", members, later.Moved)
		}
		if still, err := i.Later(t.Context(), spec, measure.Scope{From: split - 300, To: split - 270}, []string{"lead"}); err != nil || len(still.Moved) != 0 {
			t.Errorf("of what did not move it is told by what: %+v, %v", still.Moved, err)
		}
	}
}
