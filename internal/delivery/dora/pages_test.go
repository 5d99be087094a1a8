package dora_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
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

// A commit whose time comes from another event than its deployment's opens that event
// too: the earliest word on it, whether it came before the deployment or after.
func TestEvidenceOfBorrowedTimes(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		merged := func(at float64, commit string, first time.Time) said {
			e := said{kind: "change.merged", at: hours(at), subject: "change", custom: map[string]any{"commit": commit}}
			if !first.IsZero() {
				e.custom["firstCommitTime"] = first.Format(time.RFC3339)
			}
			return e
		}
		add(t, s, events(t,
			merged(1, "c1", time.Time{}), deploy(2, "a", "v1", "commit", "c1"), // 1, 2
			deploy(4, "a", "v2", "commit", "c2"), merged(3, "c2", time.Time{}), merged(3.5, "c2", hours(2)), // 3 to 5: the last one knows more
			deploy(6, "a", "v3", "commit", "c3", "commitTime", hours(5).Format(time.RFC3339)), merged(5.5, "c3", time.Time{}), // 6, 7: said by itself
			by("blue", true, deploy(8, "b", "v1", "commit", "c4")), merged(7, "c4", time.Time{}), // 8, 9: of another team
			in("dev", deploy(10, "a", "v4", "commit", "c5")), merged(9, "c5", time.Time{}))...) // 10, 11: elsewhere
		for _, batch := range []int{1, 20} {
			statements(t, s, "UPDATE projections SET watermark = 0, version = 0 WHERE name = 'delivery'")
			project(t, s, batch)
			scope := month()
			scope.Only = map[measure.Dimension][]string{measure.ByTeam: {"red"}}
			var got []int64
			for after := int64(0); ; after = got[len(got)-1] {
				page, err := engine(t, s, org(t, s)).Evidence(t.Context(), dora.LeadTime, scope, after, 2)
				if err != nil {
					t.Fatal(err)
				}
				if got = append(got, page...); len(page) < 2 {
					break
				}
			}
			if want := []int64{1, 2, 3, 5, 6}; !slices.Equal(got, want) {
				t.Errorf("in batches of %d: %v, want %v", batch, got, want)
			}
		}
	})
}

// One event may say for more deployments than are read at once when a commit was made: it
// is there once, and also where only the last of them is of the team that is asked of.
func TestEvidenceOfACommitThatManyBring(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		const many = 1001 // more than two readings
		merged := said{kind: "change.merged", at: hours(1), subject: "change", custom: map[string]any{"commit": "c1"}}
		all := []said{merged}
		for i := range many {
			d := deploy(2+float64(i)/1000, fmt.Sprintf("s%d", i), "v1", "commit", "c1")
			if i < many-1 {
				d = by("blue", true, d)
			}
			all = append(all, d)
		}
		add(t, s, events(t, all...)...)
		project(t, s, 2000)
		for team, want := range map[string][]int64{"red": {1, many + 1}, "blue": {1, 2, 3}} {
			scope := month()
			scope.Only = map[measure.Dimension][]string{measure.ByTeam: {team}}
			if got, err := engine(t, s, org(t, s)).Evidence(t.Context(), dora.LeadTime, scope, 0, 3); err != nil || !slices.Equal(got, want) {
				t.Errorf("of %s: %v, want %v (%v)", team, got, want, err)
			}
		}
	})
}

// What a team that runs the platform delivers is in no number about others, each of
// which says how much that is, and in every number that is asked of it.
func TestOwnDeploymentsAreTold(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		broken := by("blue", false, detected(22, "i9", "tool"))
		add(t, s, events(t, by("blue", true, deploy(20, "tool", "v1", "commit", "c1", "commitTime", hours(19).Format(time.RFC3339))), by("blue", true, deploy(21, "tool", "v2")), broken, by("blue", true, in("dev", deploy(22, "tool", "v3"))),
			by("blue", false, said{kind: "pipelinerun.finished", at: hours(23), content: map[string]any{"outcome": "failure"}}))...)
		project(t, s, 20)
		o := org(t, s, func(o *measure.Org) {
			for _, team := range o.Teams {
				team.Platform = team.Name == "blue"
			}
		})
		e, whole, own := engine(t, s, o), month(), month()
		own.Only = map[measure.Dimension][]string{measure.ByTeam: {"blue"}}
		for name, left := range map[string]int64{
			dora.DeploymentFrequency: 2, dora.DeploymentDays: 2, dora.LeadTime: 2, dora.ChangeFailureRate: 2, dora.RecoveryTime: 2, dora.ReworkRate: 2,
			dora.MTTR: 1, dora.UnattributedIncidents: 1, dora.FailedPipelines: 1,
		} {
			told := fmt.Sprintf("without the platform team's own: %d", left)
			for _, step := range []measure.Step{measure.Whole, measure.Monthly} {
				whole.Step = step
				a, err := e.Ask(t.Context(), name, whole)
				if err != nil {
					t.Fatal(err)
				}
				if p := a.Points[0]; p.Value != nil || p.N != 0 || p.Own != left || !strings.Contains(p.Note, told) || !slices.Equal(a.Apart, []string{"blue"}) {
					t.Errorf("%s: %+v, apart %v", name, p, a.Apart)
				}
			}
			if a, err := e.Ask(t.Context(), name, own); err != nil || a.Points[0].N == 0 || a.Points[0].Own != 0 || a.Apart != nil {
				t.Errorf("%s of blue: %+v, %v", name, a.Points, err)
			}
		}
		whole.Step = measure.Whole
		for _, name := range []string{dora.LeadTime, dora.MTTR, dora.UnattributedIncidents, dora.FailedPipelines} {
			if found, err := e.Evidence(t.Context(), name, whole, 0, 10); err != nil || len(found) > 0 {
				t.Errorf("%s: evidence without the platform team's own: %v, %v", name, found, err)
			}
		}
		v, err := e.View(t.Context(), whole)
		if n, err2 := dora.Own(t.Context(), v); err != nil || err2 != nil || n != 2 {
			t.Errorf("%d own, %v, %v", n, err, err2)
		}
	})
}
