package dora_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
)

func by(team string, onPath bool, e said) said {
	e.team, e.path = team, onPath
	return e
}

// quarter is a history of three teams, two of them on the path for a part.
func quarter() []said {
	var all []said
	for i := range 60 {
		at := float64(i) * 11
		team := []string{"red", "rose", "blue"}[i%3]
		onPath := i%2 == 0 && team != "blue"
		took := 30.0
		if onPath {
			took = 5 + float64(i%7)
		}
		service := fmt.Sprint("s", i%9)
		all = append(all, by(team, onPath, deploy(at, service, fmt.Sprint("v", i), "commit", fmt.Sprint("c", i), "commitTime", hours(at-took).Format(time.RFC3339))))
		if i%7 == 0 {
			all = append(all, by(team, onPath, detected(at+2, fmt.Sprint("i", i), service)), by(team, onPath, resolved(at+3+float64(i%4), fmt.Sprint("i", i), service)))
		}
	}
	return append(all, by("red", false, detected(900, "late", "s0")))
}

// TestTable: a table of teams or services holds what each measure says of them.
func TestTable(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		add(t, s, events(t, quarter()...)...)
		project(t, s, 20)
		o := org(t, s)
		scope := measure.Scope{From: measure.Day(start), To: measure.Day(start) + 60}
		for _, dimension := range []measure.Dimension{measure.ByTeam, measure.ByService, measure.BySegment, measure.ByPath} {
			scope.By = dimension
			table, err := dora.Table(t.Context(), measure.NewView(s, o, scope))
			if err != nil || len(table) == 0 {
				t.Fatal(table, err)
			}
			groups := map[string]int{}
			for _, row := range table {
				for name, got := range row.Values {
					points := ask(t, s, o, name, scope)
					at := slices.IndexFunc(points, func(p measure.Point) bool { return p.Group == row.Group })
					if at < 0 || !reflect.DeepEqual(points[at].Estimate, got) {
						t.Errorf("%s of %s: %+v, by itself %+v", name, row.Group, got, points)
					}
					groups[name]++
				}
			}
			for _, name := range []string{dora.DeploymentFrequency, dora.DeploymentDays, dora.LeadTime, dora.ChangeFailureRate, dora.RecoveryTime, dora.ReworkRate, dora.MTTR, dora.UnattributedIncidents} {
				if len(ask(t, s, o, name, scope)) != groups[name] {
					t.Errorf("%s: %d groups in the table of %s", name, groups[name], dimension)
				}
			}
		}
	})
}

// TestContrast: the difference is made within segments, so that a segment that
// is off the path as a whole says nothing.
func TestContrast(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		add(t, s, events(t, quarter()...)...)
		project(t, s, 20)
		o := org(t, s)
		contrasts, err := dora.Contrasts(t.Context(), measure.NewView(s, o, measure.Scope{From: measure.Day(start), To: measure.Day(start) + 60}), nobody{})
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(contrasts, func(c dora.Contrast) bool { return c.Measure == dora.LeadTime })
		c := contrasts[at]
		if *c.Off.Value != 30*3600 || *c.On.Value < 5*3600 || *c.On.Value > 11*3600 || c.Caution == "" {
			t.Errorf("on %v, off %v, %q", *c.On.Value, *c.Off.Value, c.Caution)
		}
		// One segment, seg-r, has both: 20 on the path and 20 off it.
		if !slices.Equal(c.Segments, []string{"seg-r"}) || !slices.Equal(c.LeftOut, []string{"seg-b"}) {
			t.Errorf("segments %v, left out %v", c.Segments, c.LeftOut)
		}
		if want := *c.On.Value - *c.Off.Value; c.Difference == nil || math.Abs(*c.Difference-want) > 1 || !c.Clear || c.Interval.Low > want || c.Interval.High < want || c.Interval.High >= 0 {
			t.Errorf("difference %v in %v, want %v", c.Difference, c.Interval, want)
		}
		// Nothing to compare: no number.
		contrasts, err = dora.Contrasts(t.Context(), measure.NewView(s, o, measure.Scope{From: measure.Day(start), To: measure.Day(start) + 60,
			Only: map[measure.Dimension][]string{measure.ByTeam: {"blue"}}}), nobody{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range contrasts {
			if c.Difference != nil || c.Interval != nil || c.Clear || c.On.Value != nil {
				t.Errorf("%s of one side: %+v", c.Measure, c)
			}
		}
	})
}

// TestList: newest first, a page at a time, with what proves each failure.
func TestList(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		history := []said{
			deploy(0, "a", "v1"), deploy(1, "a", "v2", "commit", "c2", "commitTime", hours(-3).Format(time.RFC3339)), detected(2, "i1", "a"), resolved(4, "i1", "a"),
			rollback(3, "a", "v1"), in("dev", deploy(5, "a", "v3")), by("blue", true, deploy(5, "b", "v1")), deploy(5, "c", "v2", "cause", "hotfix"),
		}
		add(t, s, events(t, history...)...)
		project(t, s, 20)
		v := measure.NewView(s, org(t, s), month())
		var all []dora.Deployment
		var before dora.Before
		for {
			page, next, err := dora.Deployments(t.Context(), v, false, before, 2)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, page...)
			if next == nil {
				break
			}
			before = *next
		}
		at := func(n float64) *time.Time { at := hours(n); return &at }
		want := []dora.Deployment{
			{Seq: 8, At: hours(5), Service: "c", Team: "red", Rework: true}, {Seq: 7, At: hours(5), Service: "b", Team: "blue", OnPath: true},
			{Seq: 5, At: hours(3), Service: "a", Team: "red", Rework: true},
			{Seq: 2, At: hours(1), Service: "a", Team: "red", Changes: 1, Lead: 4 * time.Hour, Failure: dora.FailedRolledBack, FailedAt: at(2), RecoveredAt: at(4), Proof: []int64{3, 4, 5}},
			{Seq: 1, At: hours(0), Service: "a", Team: "red"},
		}
		if !reflect.DeepEqual(all, want) {
			t.Errorf("got  %+v\nwant %+v", all, want)
		}
		failed, next, err := dora.Deployments(t.Context(), v, true, dora.Before{}, 50)
		if err != nil || next != nil || !reflect.DeepEqual(failed, want[3:4]) {
			t.Errorf("failed: %+v, %v, %v", failed, next, err)
		}
	})
}

// TestEvidence: each value opens the events behind it, a page at a time.
func TestEvidence(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		add(t, s, events(t,
			deploy(0, "a", "v1"), deploy(1, "a", "v2"), detected(2, "i1", "a"), rollback(3, "a", "v1"), resolved(4, "i1", "a"), // 1–5
			in("dev", deploy(5, "a", "v3")), detected(200, "i2", "a"), said{kind: "pipelinerun.finished", at: hours(6), content: map[string]any{"outcome": "failure"}}, // 6–8
			deploy(-500, "a", "v0"), by("blue", false, deploy(300, "b", "v1")))...) // 9, 10
		project(t, s, 20)
		e := engine(t, s, org(t, s, func(o *measure.Org) { o.Teams[0].Platform = o.Teams[0].Name == "blue" }))
		for name, want := range map[string][]int64{
			dora.DeploymentFrequency: {1, 2, 4}, dora.LeadTime: {1, 2, 4}, dora.ChangeFailureRate: {1, 2, 3, 4, 5}, dora.RecoveryTime: {2, 3, 4, 5}, dora.ReworkRate: {1, 2, 4},
			dora.MTTR: {3, 5, 7}, dora.UnattributedIncidents: {7}, dora.FailedPipelines: {8},
		} {
			var got []int64
			for after := int64(0); ; after = got[len(got)-1] {
				page, err := e.Evidence(t.Context(), name, month(), after, 2)
				if err != nil {
					t.Fatal(err)
				}
				if got = append(got, page...); len(page) < 2 {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	})
}
