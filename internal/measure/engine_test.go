package measure_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
	"github.com/stoa-platform/stoa/internal/problem"
)

type fixed struct{ org *measure.Org }

func (f fixed) Org(context.Context) (*measure.Org, error) {
	if f.org == nil {
		return nil, errors.New("no organisation")
	}
	return f.org, nil
}

// counted counts cells, one for each day's number in the scope.
func counted(name string, unit measure.Unit, cells ...measure.Cell) measure.Measure {
	return measure.New(measure.Definition{Name: name, Title: strings.ToUpper(name), Unit: unit, Better: measure.Lower, Version: 3,
		Cuts: []measure.Dimension{measure.ByTeam}},
		func(_ context.Context, v *measure.View) (map[measure.Key]int64, error) {
			found := map[measure.Key]int64{}
			for _, c := range cells {
				if key, in := v.Key(c); in {
					found[key]++
				}
			}
			return found, nil
		},
		func(n int64) measure.Estimate {
			return measure.Of(float64(n), n).Within(stat.Interval{Low: float64(n) - 1, High: float64(n) + 1})
		},
		func(_ context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
			return []int64{after + 1, int64(limit)}, nil
		})
}

func engine(t *testing.T, measures ...measure.Measure) *measure.Engine {
	t.Helper()
	e, err := measure.NewEngine(nil, fixed{org()}, measures...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAsk(t *testing.T) {
	from := day("2026-03-02")
	e := engine(t, counted("things", measure.Count, measure.Cell{Day: from, Team: 1}, measure.Cell{Day: from + 1, Team: 9}, measure.Cell{Day: from + 8, Team: 2},
		measure.Cell{Day: from + 8, Team: 3}, measure.Cell{Day: from + 9}), measure.Waiting(measure.Definition{Name: "later", Waits: "answers"}))
	show := func(s measure.Scope) string {
		answer, err := e.Ask(t.Context(), "things", s)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, p := range answer.Points {
			value := "-"
			if p.Value != nil {
				raw, _ := json.Marshal(p.Value)
				value = string(raw)
			}
			all = append(all, p.Group+"/"+p.From+"/"+p.To+"="+value)
		}
		return strings.Join(all, " ")
	}
	for _, c := range []struct {
		scope measure.Scope
		want  string
	}{
		{measure.Scope{From: from, To: from + 14}, "/2026-03-02/2026-03-16=4"},
		{measure.Scope{From: from + 20, To: from + 21}, "/2026-03-22/2026-03-23=-"}, // a window without data
		{measure.Scope{From: from, To: from + 14, Step: measure.Weekly}, "/2026-03-02/2026-03-09=2 /2026-03-09/2026-03-16=2"},
		{measure.Scope{From: from, To: from + 14, By: measure.ByTeam, Step: measure.Weekly},
			"blue/2026-03-02/2026-03-09=- blue/2026-03-09/2026-03-16=1 none/2026-03-02/2026-03-09=- none/2026-03-09/2026-03-16=1 red/2026-03-02/2026-03-09=2 red/2026-03-09/2026-03-16=-"},
		{measure.Scope{From: from, To: from + 14, Only: map[measure.Dimension][]string{measure.ByTeam: {"red"}}}, "/2026-03-02/2026-03-16=2"},
	} {
		if got := show(c.scope); got != c.want {
			t.Errorf("%+v\n got %s\nwant %s", c.scope, got, c.want)
		}
	}
	answer, err := e.Ask(t.Context(), "later", measure.Scope{From: from, To: from + 1})
	if err != nil || len(answer.Points) != 1 || answer.Points[0].Value != nil || answer.Points[0].Note != "waits for answers" {
		t.Errorf("a measure that waits: %+v, %v", answer, err)
	}
	if seqs, err := e.Evidence(t.Context(), "things", measure.Scope{From: from, To: from + 1}, 41, 7); err != nil || !slices.Equal(seqs, []int64{42, 7}) {
		t.Errorf("evidence %v, %v", seqs, err)
	}
	if seqs, err := e.Evidence(t.Context(), "later", measure.Scope{From: from, To: from + 1}, 0, 7); err != nil || len(seqs) != 0 {
		t.Errorf("evidence of what waits: %v, %v", seqs, err)
	}
	if v, err := e.View(t.Context(), measure.Scope{From: from, To: from + 1}); err != nil || len(v.Teams()) != 2 {
		t.Errorf("a view: %v", err)
	}
}

func TestAskRefuses(t *testing.T) {
	e := engine(t, counted("things", measure.Count), measure.Waiting(measure.Definition{Name: "later"}))
	window := func(s measure.Scope) measure.Scope {
		if s.To == 0 {
			s.From, s.To = 100, 110
		}
		return s
	}
	for _, c := range []struct {
		name  string
		scope measure.Scope
		kind  problem.Kind
		says  string
	}{
		{"nothing", measure.Scope{}, problem.NotFound, "nothing"},
		{"things", measure.Scope{By: measure.ByPath}, problem.Invalid, "can be cut by team"},
		{"things", measure.Scope{Only: map[measure.Dimension][]string{measure.ByWave: {"pilot"}}}, problem.Invalid, "wave"},
		{"later", measure.Scope{By: measure.ByTeam}, problem.Invalid, "nothing"},
		{"things", measure.Scope{From: 100, To: 100}, problem.Invalid, "empty"},
		{"things", measure.Scope{From: 100, To: 99}, problem.Invalid, "empty"},
		{"things", measure.Scope{From: 0, To: 4000}, problem.Invalid, "4000 days"},
		{"things", measure.Scope{From: math.MinInt64, To: 5}, problem.Invalid, "range"},
		{"things", measure.Scope{From: 5, To: math.MaxInt64}, problem.Invalid, "range"},
		{"things", measure.Scope{Step: "hour"}, problem.Invalid, "hour"},
	} {
		for what, err := range map[string]error{
			"ask":      second(e.Ask(t.Context(), c.name, window(c.scope))),
			"evidence": second(e.Evidence(t.Context(), c.name, window(c.scope), 0, 1)),
		} {
			told := problem.From(err)
			if err == nil || told.Kind != c.kind || !strings.Contains(told.Error(), c.says) {
				t.Errorf("%s %s %+v: %v", what, c.name, c.scope, err)
			}
		}
	}
	if _, err := e.View(t.Context(), measure.Scope{From: 2, To: 1}); !problem.Is(err, problem.Invalid) {
		t.Errorf("a view of no time: %v", err)
	}
	if _, err := measure.NewEngine(nil, fixed{org()}, counted("a", measure.Count), counted("a", measure.Count)); err == nil {
		t.Error("two measures of one name were taken")
	}
	broken, err := measure.NewEngine(nil, fixed{}, counted("a", measure.Count))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broken.Ask(t.Context(), "a", measure.Scope{From: 1, To: 2}); err == nil {
		t.Error("no organisation, and an answer")
	}
	if !e.Known("things") || e.Known("nothing") || len(e.Definitions()) != 2 {
		t.Error("definitions")
	}
	if d, err := e.Find("things"); err != nil || d.Version != 3 {
		t.Errorf("find: %v, %v", d, err)
	}
	if _, err := e.Find("nothing"); !problem.Is(err, problem.NotFound) {
		t.Errorf("find: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestEstimates(t *testing.T) {
	e := measure.Of(3, 9).Noted("first").Noted("and %d", 2).With("a", 1).With("b", 2).Within(stat.Interval{Low: 2.5, High: math.Inf(1)})
	raw, err := json.Marshal(e)
	if err != nil || string(raw) != `{"value":3,"n":9,"interval":[2.5,null],"note":"first; and 2","parts":{"a":1,"b":2}}` {
		t.Errorf("%s, %v", raw, err)
	}
	var back measure.Estimate
	if err := json.Unmarshal(raw, &back); err != nil || back.Interval.Low != 2.5 || !math.IsInf(back.Interval.High, 1) {
		t.Errorf("%+v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"interval":[null,1]}`), &back); err != nil || !math.IsInf(back.Interval.Low, -1) || back.Interval.High != 1 {
		t.Errorf("%+v, %v", back, err)
	}
	if json.Unmarshal([]byte(`{"interval":"wide"}`), &back) == nil {
		t.Error("a word was taken for an interval")
	}
	if open := measure.Of(1, 1).Within(stat.Interval{Low: math.Inf(-1), High: math.Inf(1)}); open.Interval != nil {
		t.Errorf("an interval that says nothing: %v", open.Interval)
	}
	if raw, _ := json.Marshal(measure.None("why")); string(raw) != `{"value":null,"n":0,"note":"why"}` {
		t.Errorf("%s", raw)
	}
	a := measure.Of(1, 1).With("x", 1)
	if a.With("y", 2); len(a.Parts) != 1 {
		t.Error("an estimate was changed by another one's part")
	}
}

// Who tries the platform alone is told why nothing is counted.
func TestAskOfTheOwnTeamAlone(t *testing.T) {
	from := day("2026-03-02")
	own := &measure.Org{Teams: []*measure.Team{{Name: "platform", IDs: []int64{1}, Platform: true}}}
	own.Index()
	e, err := measure.NewEngine(nil, fixed{own}, counted("things", measure.Count, measure.Cell{Day: from, Team: 1}),
		measure.Waiting(measure.Definition{Name: "later", Waits: "answers"}))
	if err != nil {
		t.Fatal(err)
	}
	for name, note := range map[string]string{"things": "no team yet but that which runs the platform", "later": "waits for answers"} {
		answer, err := e.Ask(t.Context(), name, measure.Scope{From: from, To: from + 14})
		if err != nil || answer.Points[0].Value != nil || !strings.HasPrefix(answer.Points[0].Note, note) {
			t.Errorf("%s: %+v (%v)", name, answer.Points, err)
		}
	}
}

func TestPartTitle(t *testing.T) {
	for name, want := range map[string]string{"deployments": "deployments", "deploymentDaysPerWeek": "deployment days per week", "gate:Quota/Memory": "gate:Quota/Memory"} {
		if got := measure.PartTitle(name); got != want {
			t.Errorf("%q is written %q, want %q", name, got, want)
		}
	}
}

// What there is not is refused, whichever way it is asked for: "no data" would say
// that it is there. Every name that an answer may have is let in.
func TestScopesOfNamesThatThereAreNot(t *testing.T) {
	o := org()
	o.Names = map[measure.Dimension][]string{measure.ByTeam: {"crimson"}, measure.BySegment: {"mobile"}}
	e, err := measure.NewEngine(nil, fixed{o}, measure.New(measure.Definition{Name: "things", Unit: measure.Count, Cuts: measure.Dimensions()},
		func(context.Context, *measure.View) (map[measure.Key]int64, error) {
			return map[measure.Key]int64{{}: 1}, nil
		},
		func(n int64) measure.Estimate { return measure.Of(float64(n), n) },
		func(context.Context, *measure.View, int64, int) ([]int64, error) { return nil, nil }))
	if err != nil {
		t.Fatal(err)
	}
	spec := measure.ScorecardSpec{Rows: []measure.ScorecardRow{{Measure: "things"}}}
	for _, c := range []struct {
		by   measure.Dimension
		name string
		near string // empty: there is one
	}{
		{measure.ByTeam, "red", ""}, {measure.ByTeam, "crimson", ""}, {measure.ByTeam, "platform", ""}, {measure.ByTeam, measure.Nobody, ""}, {measure.ByTeam, "rde", "did you mean red?"},
		{measure.BySegment, "web", ""}, {measure.BySegment, "mobile", ""}, {measure.BySegment, "mobil", "did you mean mobile?"},
		{measure.ByWave, "pilot", ""}, {measure.ByWave, "second", "known are pilot"},
		{measure.ByService, "shop", ""}, {measure.ByService, "#11", ""}, {measure.ByService, "#12", "known are shop"},
		{measure.ByCapability, "logs", ""}, {measure.ByCapability, "deploy", ""}, {measure.ByCapability, "nosuch", "known are deploy, logs"},
		{measure.ByPath, measure.OffPath, ""}, {measure.ByPath, "of", "did you mean off, on?"},
	} {
		s := measure.Scope{From: 100, To: 130, Only: map[measure.Dimension][]string{c.by: {c.name}}}
		_, asked := e.Ask(t.Context(), "things", s)
		_, all := e.AskAll(t.Context(), []string{"things"}, s)
		_, view := e.View(t.Context(), s)
		_, evidence := e.Evidence(t.Context(), "things", s, 0, 1)
		_, scored := e.Score(t.Context(), "card", spec, s)
		for way, err := range map[string]error{"ask": asked, "ask all": all, "view": view, "evidence": evidence, "score": scored} {
			if c.near == "" && err != nil || c.near != "" && (!problem.Is(err, problem.NotFound) || !slices.Contains(problem.From(err).Why, c.near)) {
				t.Errorf("%s %s %q: %v", way, c.by, c.name, err)
			}
		}
	}
}

// An answer with more numbers than anybody reads is refused before it is computed.
func TestTooManyNumbers(t *testing.T) {
	large := org()
	for i := range 100 {
		large.Teams = append(large.Teams, &measure.Team{Name: fmt.Sprintf("t%d", i)})
	}
	read := 0
	e, err := measure.NewEngine(nil, fixed{large}, measure.New(measure.Definition{Name: "m", Unit: measure.Count, Version: 1, Cuts: []measure.Dimension{measure.ByTeam}},
		func(context.Context, *measure.View) (map[measure.Key]int, error) { read++; return nil, nil },
		func(n int) measure.Estimate { return measure.Of(float64(n), 1) }, nil))
	if err != nil {
		t.Fatal(err)
	}
	s := measure.Scope{To: 3660, By: measure.ByTeam, Step: measure.Daily}
	if _, err := e.Ask(t.Context(), "m", s); !problem.Is(err, problem.Invalid) || read != 0 {
		t.Errorf("ten years of all teams by day: %v, read %d times", err, read)
	}
	s.Step = measure.Monthly
	if _, err := e.Ask(t.Context(), "m", s); err != nil {
		t.Errorf("by month: %v", err)
	}
	s.Step, s.Only = measure.Daily, map[measure.Dimension][]string{measure.ByTeam: {"t1", "t2"}}
	if _, err := e.Ask(t.Context(), "m", s); err != nil {
		t.Errorf("two of them by day: %v", err)
	}
}
