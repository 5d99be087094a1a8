package measure_test

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// told says one thing of a time and another one of the time before.
func told(name string, split int64, now, before measure.Estimate) measure.Measure {
	return measure.New(measure.Definition{Name: name, Title: name, Unit: measure.Ratio, Better: measure.Higher, Version: 1, Cuts: []measure.Dimension{measure.ByTeam}},
		func(_ context.Context, v *measure.View) (map[measure.Key]measure.Estimate, error) {
			if v.From >= split {
				return map[measure.Key]measure.Estimate{{}: now}, nil
			}
			return map[measure.Key]measure.Estimate{{}: before}, nil
		}, func(e measure.Estimate) measure.Estimate { return e }, nil)
}

func TestScore(t *testing.T) {
	inf := math.Inf(1)
	between := func(value, low, high float64) measure.Estimate {
		return measure.Of(value, 10).Within(stat.Interval{Low: low, High: high})
	}
	five := func(atMost float64) *measure.Target { return &measure.Target{Op: ">=", Value: 5, AtMost: &atMost} }
	few := measure.Of(0.9, 2).Within(stat.Interval{Low: -inf, High: inf})
	unknown := measure.None("nothing was told")
	for _, c := range []struct {
		what        string
		now, before measure.Estimate
		target      *measure.Target
		status      measure.Status
		note        string
		moved       bool
	}{
		{"met", measure.Of(0.8, 10), unknown, &measure.Target{Op: ">", Value: 0.7}, measure.Good, "", false},
		{"not above its target", measure.Of(0.7, 10), unknown, &measure.Target{Op: ">", Value: 0.7}, measure.Bad, "", false},
		{"at its target", measure.Of(0.7, 10), unknown, &measure.Target{Op: ">=", Value: 0.7}, measure.Good, "", false},
		{"not below", measure.Of(0.7, 10), unknown, &measure.Target{Op: "<", Value: 0.7}, measure.Bad, "", false},
		{"at most", measure.Of(0.7, 10), unknown, &measure.Target{Op: "<=", Value: 0.7}, measure.Good, "", false},
		{"missed within chance", between(0.65, 0.55, 0.75), unknown, &measure.Target{Op: ">", Value: 0.7}, measure.Unsure, "within the interval", false},
		{"met within chance", between(0.75, 0.65, 0.85), unknown, &measure.Target{Op: ">", Value: 0.7}, measure.Unsure, "within the interval", false},
		{"surely met", between(0.8, 0.75, 0.85), unknown, &measure.Target{Op: ">", Value: 0.7}, measure.Good, "", false},
		{"surely met, a low end at the target", between(0.8, 0.7, 0.85), unknown, &measure.Target{Op: ">=", Value: 0.7}, measure.Good, "", false},
		{"too few, above", few, unknown, &measure.Target{Op: ">", Value: 0.7}, measure.Unsure, "too few to tell (n 2)", false},
		{"too few, below", few, unknown, &measure.Target{Op: "<", Value: 0.7}, measure.Unsure, "too few to tell (n 2)", false},
		{"too few waits for an end", measure.Of(50, 1).Within(stat.Interval{Low: 0, High: inf}), unknown, &measure.Target{Op: "<", Value: 70}, measure.Unsure, "too few to tell (n 1)", false},
		{"an end on one side, and on the other the target", measure.Of(50, 8).Within(stat.Interval{Low: 40, High: inf}), unknown, &measure.Target{Op: "<", Value: 70}, measure.Unsure, "within the interval", false},
		{"late at the best", measure.Of(90, 8).Within(stat.Interval{Low: 80, High: inf}), unknown, &measure.Target{Op: "<", Value: 70}, measure.Bad, "", false},
		{"missed", between(0.5, 0.4, 0.6), unknown, &measure.Target{Op: ">", Value: 0.7}, measure.Bad, "", false},
		{"no data", unknown, measure.Of(1, 1), &measure.Target{Op: ">", Value: 0.7}, measure.NoData, "nothing was told", false},
		{"no target", measure.Of(0.5, 3), measure.Of(0.4, 3), nil, measure.Shown, "", false},
		{"less by enough", measure.Of(60, 10), measure.Of(100, 10), &measure.Target{Op: "<=", Value: -0.3, Relative: true}, measure.Good, "", false},
		{"less by too little", measure.Of(80, 10), measure.Of(100, 10), &measure.Target{Op: "<=", Value: -0.3, Relative: true}, measure.Bad, "", false},
		{"less within chance", between(60, 40, 90), measure.Of(100, 10), &measure.Target{Op: "<=", Value: -0.3, Relative: true}, measure.Unsure, "within the interval", false},
		{"less, of what was no surer", between(60, 55, 65), between(100, 70, 130), &measure.Target{Op: "<=", Value: -0.3, Relative: true}, measure.Unsure, "within the interval", true},
		{"surely less", between(40, 35, 45), between(100, 90, 110), &measure.Target{Op: "<=", Value: -0.3, Relative: true}, measure.Good, "", true},
		{"surely not less", between(95, 90, 100), between(100, 95, 105), &measure.Target{Op: "<=", Value: -0.3, Relative: true}, measure.Bad, "", false},
		{"less than a few", measure.Of(0.1, 10), few, &measure.Target{Op: "<=", Value: -0.3, Relative: true}, measure.Unsure, "too few before to tell (n 2)", false},
		{"nothing to compare with", measure.Of(80, 10), unknown, &measure.Target{Op: "<=", Value: -0.3, Relative: true}, measure.NoData, "nothing to compare", false},
		{"moved", between(0.5, 0.4, 0.6), between(0.2, 0.1, 0.3), nil, measure.Shown, "", true},
		{"moved, though the intervals touch", between(0.44, 0.347, 0.538), between(0.3, 0.219, 0.396), nil, measure.Shown, "", true},
		{"moved within chance", between(0.5, 0.4, 0.6), between(0.4, 0.25, 0.5), nil, measure.Shown, "", false},
		{"not reached, surely late", measure.Estimate{N: 5}.Within(stat.Interval{Low: 90, High: inf}), unknown, &measure.Target{Op: "<", Value: 70}, measure.Bad, "", false},
		{"not reached, perhaps late", measure.Estimate{N: 5}.Within(stat.Interval{Low: 60, High: inf}), unknown, &measure.Target{Op: "<", Value: 70}, measure.NoData, "", false},
		{"not reached, no target", measure.Estimate{N: 5}.Within(stat.Interval{Low: 60, High: inf}), unknown, nil, measure.NoData, "", false},
		{"within both ends", between(9, 6, 14), unknown, five(20), measure.Good, "", false},
		{"at the upper end", measure.Of(20, 10), unknown, five(20), measure.Good, "", false},
		{"over the upper end", measure.Of(21, 10), unknown, five(20), measure.Bad, "", false},
		{"surely over the upper end", between(30, 22, 40), unknown, five(20), measure.Bad, "", false},
		{"surely under the lower end", between(2, 1, 4), unknown, five(20), measure.Bad, "", false},
		{"perhaps over the upper end", between(18, 12, 25), unknown, five(20), measure.Unsure, "within the interval", false},
		{"around both ends", between(3, 1, 40), unknown, five(20), measure.Unsure, "within the interval", false},
		{"not reached, surely over the upper end", measure.Estimate{N: 5}.Within(stat.Interval{Low: 90, High: inf}), unknown, five(20), measure.Bad, "", false},
		{"nothing, where nothing is the target", between(0, 0, 0.3), unknown, &measure.Target{Op: "<=", Value: 0}, measure.Good, "", false},
		{"something, where nothing is the target", between(0.2, 0.01, 0.7), unknown, &measure.Target{Op: "<=", Value: 0}, measure.Bad, "", false},
		{"an operator that there is not", measure.Of(1, 1), unknown, &measure.Target{Op: "~", Value: 1}, measure.Bad, "", false},
	} {
		e := engine(t, told("m", 100, c.now, c.before))
		card, err := e.Score(t.Context(), "card", measure.ScorecardSpec{Title: "Card", Rows: []measure.ScorecardRow{{Measure: "m", Target: c.target}}}, measure.Scope{From: 100, To: 130})
		if err != nil || len(card.Rows) != 1 {
			t.Fatalf("%s: %+v, %v", c.what, card, err)
		}
		row := card.Rows[0]
		if row.Status != c.status || !strings.Contains(row.Note, c.note) || (c.note == "" && row.Note != "") || row.Moved != c.moved || row.Title != "m" {
			t.Errorf("%s: %+v", c.what, row)
		}
		if (row.Change != nil) != (c.now.Value != nil && c.before.Value != nil) {
			t.Errorf("%s: change %v", c.what, row.Change)
		}
		if _, err := json.Marshal(card); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestScoreOfScopes(t *testing.T) {
	e := engine(t, told("m", 100, measure.Of(1, 1), measure.Of(1, 1)), measure.Waiting(measure.Definition{Name: "later", Title: "Later", Waits: "answers"}))
	spec := measure.ScorecardSpec{Rows: []measure.ScorecardRow{{Measure: "m", Title: "My own"}, {Measure: "later", Target: &measure.Target{Op: ">", Value: 1}}}}
	card, err := e.Score(t.Context(), "card", spec, measure.Scope{From: 100, To: 130, By: measure.ByPath, Step: measure.Daily})
	if err != nil || len(card.Rows) != 2 || card.Rows[0].Title != "My own" || card.Rows[1].Status != measure.NoData || card.Rows[1].Note != "waits for answers" {
		t.Errorf("%+v, %v", card, err)
	}
	// What cannot be narrowed to a team does not stand in a team's card.
	card, err = e.Score(t.Context(), "card", spec, measure.Scope{From: 100, To: 130, Only: map[measure.Dimension][]string{measure.ByTeam: {"red"}}})
	if err != nil || len(card.Rows) != 1 || card.Rows[0].Measure != "m" {
		t.Errorf("%+v, %v", card, err)
	}
	if _, err := e.Score(t.Context(), "card", spec, measure.Scope{From: 100, To: 100}); !problem.Is(err, problem.Invalid) {
		t.Errorf("a card of no time: %v", err)
	}
	spec.Rows = append(spec.Rows, measure.ScorecardRow{Measure: "gone"})
	card, err = e.Score(t.Context(), "card", spec, measure.Scope{From: 100, To: 130})
	if err != nil || len(card.Rows) != 3 || card.Rows[2].Status != measure.NoData || card.Rows[2].Note == "" {
		t.Errorf("a card of a measure that is gone: %+v, %v", card, err)
	}
}

func TestScorecardKind(t *testing.T) {
	kinds, err := object.NewRegistry(measure.ScorecardKind(func(name string) bool { return name == "m" || name == "n" }))
	if err != nil {
		t.Fatal(err)
	}
	for spec, path := range map[string]string{
		`{"rows":[{"measure":"m","target":{"op":">","value":1}},{"measure":"n"}]}`: "",
		`{"rows":[{"measure":"m"},{"measure":"x"}]}`:                               "spec.rows[1].measure",
		`{"rows":[{"measure":"m"},{"measure":"m"}]}`:                               "spec.rows[1].measure",
		`{"rows":[]}`: "spec.rows",
		`{"rows":[{"measure":"m","target":{"op":"is","value":1}}]}`:                               "spec.rows[0].target.op",
		`{"rows":[{"measure":"m","target":{"op":">"}}]}`:                                          "spec.rows[0].target.value",
		`{"rows":[{"measure":"m","target":{"op":">=","value":5,"atMost":20}}]}`:                   "",
		`{"rows":[{"measure":"n"},{"measure":"m","target":{"op":">","value":5,"atMost":5}}]}`:     "spec.rows[1].target.atMost",
		`{"rows":[{"measure":"m","target":{"op":"<=","value":5,"atMost":20}}]}`:                   "spec.rows[0].target.atMost",
		`{"rows":[{"measure":"m","target":{"op":">","value":0.1,"atMost":0.3,"relative":true}}]}`: "spec.rows[0].target.atMost",
	} {
		_, wrong := kinds.Admit(object.Object{APIVersion: object.APIVersion, Kind: "Scorecard", Metadata: object.Metadata{Name: "card"}, Spec: json.RawMessage(spec)})
		if path == "" && len(wrong) > 0 || path != "" && (len(wrong) != 1 || wrong[0].Path != path) {
			t.Errorf("%s: %+v, want %q", spec, wrong, path)
		}
	}
	balanced, err := json.Marshal(measure.Balanced())
	if err != nil {
		t.Fatal(err)
	}
	all, err := object.NewRegistry(measure.ScorecardKind(func(string) bool { return true }))
	if err != nil {
		t.Fatal(err)
	}
	if _, wrong := all.Admit(object.Object{APIVersion: object.APIVersion, Kind: "Scorecard", Metadata: object.Metadata{Name: measure.BalancedName}, Spec: balanced}); len(wrong) > 0 {
		t.Errorf("the balanced card is wrong: %+v", wrong)
	}
}

// The target of a count is that of the whole organisation: a team of it has a
// value and no grade.
func TestCountsOfAPartAreNotGraded(t *testing.T) {
	e := engine(t, counted("things", measure.Count, measure.Cell{Day: 100, Team: 1}), told("share", 100, measure.Of(0.1, 10), measure.Estimate{}))
	target := &measure.Target{Op: ">=", Value: 5}
	spec := measure.ScorecardSpec{Rows: []measure.ScorecardRow{{Measure: "things", Target: target}, {Measure: "share", Target: target}}}
	for team, want := range map[string][2]measure.Status{"": {measure.Bad, measure.Bad}, "red": {measure.Shown, measure.Bad}} {
		s := measure.Scope{From: 100, To: 130}
		if team != "" {
			s.Only = map[measure.Dimension][]string{measure.ByTeam: {team}}
		}
		card, err := e.Score(t.Context(), "card", spec, s)
		if err != nil || card.Rows[0].Status != want[0] || card.Rows[1].Status != want[1] || strings.Contains(card.Rows[0].Note, "whole organisation") != (team != "") {
			t.Errorf("team %q: %+v, %v", team, card.Rows, err)
		}
	}
}

// A time of which the record has a part only is not compared with.
func TestBeforeTheRecordBegins(t *testing.T) {
	relative := &measure.Target{Op: "<=", Value: -0.3, Relative: true}
	for begins, want := range map[int64]string{70: "", 71: "the record begins 1970-03-13"} {
		record := &measure.Record{Begins: func(context.Context, *measure.View) (int64, bool, error) { return begins, true, nil }}
		e := engine(t, record.Of(told("m", 100, measure.Of(60, 10), measure.Of(100, 10)), told("n", 100, measure.Of(60, 10), measure.Of(100, 10)))...)
		card, err := e.Score(t.Context(), "card", measure.ScorecardSpec{Rows: []measure.ScorecardRow{{Measure: "m"}, {Measure: "n", Target: relative}}}, measure.Scope{From: 100, To: 130})
		if err != nil {
			t.Fatal(err)
		}
		m, n := card.Rows[0], card.Rows[1]
		if (m.Change == nil) != (want != "") || (m.Before == nil) != (want != "") || m.Note != want || m.Status != measure.Shown {
			t.Errorf("begun on day %d: %+v", begins, m)
		}
		if (n.Status == measure.Good) != (want == "") || want != "" && (n.Status != measure.NoData || !strings.Contains(n.Note, want)) {
			t.Errorf("begun on day %d, relative: %+v", begins, n)
		}
		before, err := e.AskBefore(t.Context(), "m", measure.Scope{From: 100, To: 130})
		if err != nil || len(before) != 1 || (before[0].Value == nil) != (want != "") || before[0].Note != want || before[0].To != "1970-04-11" {
			t.Errorf("begun on day %d, asked for the time before: %+v, %v", begins, before, err)
		}
	}
}
