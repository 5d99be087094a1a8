package dora_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
)

func ask(t fataler, s *store.Store, o *measure.Org, name string, scope measure.Scope) []measure.Point {
	answer, err := engine(t, s, o).Ask(context.Background(), name, scope)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Points
}

// show gives an estimate on one line.
func show(e measure.Estimate) string {
	value := "none"
	if e.Value != nil {
		value = fmt.Sprintf("%.4g", *e.Value)
	}
	return fmt.Sprintf("%s of %d", value, e.N)
}

// TestWorkedExamples: histories small enough to reckon on paper.
func TestWorkedExamples(t *testing.T) {
	const day, hour = 86400.0, 3600.0
	made := func(at float64) string { return hours(at).Format(time.RFC3339) }
	for _, c := range []struct {
		name    string
		history []said
		want    map[string]string // value and n of each measure
		parts   map[string]float64
		note    string // within that of lead-time, change-failure-rate, recovery-time or mttr
	}{
		{
			name: "ten deployments in a day are one day", history: slices.Concat(
				repeat(10, func(i int) said { return deploy(float64(i)/10, "shop", fmt.Sprint("v", i)) }), []said{deploy(30, "mail", "v1"), deploy(60, "mail", "v2"), deploy(90, "mail", "v3")}),
			want: map[string]string{dora.DeploymentFrequency: fmt.Sprintf("%.4g of 2", (10.0/30+3.0/29)/2), dora.DeploymentDays: fmt.Sprintf("%.4g of 2", 7*(1.0/30+3.0/29)/2)}, // mail came a day later
		},
		{
			name: "lead time by change", history: []said{
				deploy(10, "shop", "v1", "commit", "c1", "commitTime", made(9)),
				deploy(20, "shop", "v2", "commit", "c4", "changes", []map[string]string{{"commit": "c2", "time": made(10)}, {"commit": "c3", "time": made(12)}, {"commit": "c4", "time": made(15)}}),
				deploy(30, "shop", "v3"), deploy(40, "shop", "v4", "commit", "c5", "commitTime", made(50)), rollback(50, "shop", "v2", "commit", "c4", "commitTime", made(15)),
			},
			want:  map[string]string{dora.LeadTime: "2.34e+04 of 4"}, // 1, 5, 8 and 10 hours
			parts: map[string]float64{"deployments": 5, "backward": 1, "withoutCommit": 1}, note: "left out: 1 × a commit later than its deployment",
		},
		{
			name: "a deployment with no commit", history: []said{ // it is one, and what can be known of it counts
				deploy(10, "shop", "v1", "commit", "c1", "commitTime", made(9)), deploy(20, "shop", "v2"), rollback(22, "shop", "v1", "commit", "c1", "commitTime", made(9)),
			},
			want: map[string]string{dora.DeploymentFrequency: fmt.Sprintf("%.4g of 1", 3.0/30), dora.ChangeFailureRate: fmt.Sprintf("%.4g of 3", 1.0/3),
				dora.RecoveryTime: "7200 of 1", dora.LeadTime: "3600 of 1"},
			note: "of 1 of 3 deployments nobody said when their commits were made",
		},
		{
			name: "only deployments with no commit", history: []said{deploy(10, "shop", "v1"), deploy(20, "shop", "v2", "commitTime", "")},
			want:  map[string]string{dora.LeadTime: "none of 0"},
			parts: map[string]float64{"deployments": 2, "withoutCommit": 2, "backward": 0}, note: "of 2 of 2 deployments nobody said when their commits were made",
		},
		{
			name: "a commit's time from its merge, before and after", history: []said{
				{kind: "change.merged", at: hours(2), subject: "C1"}, deploy(10, "shop", "v1", "commit", "c1"), deploy(20, "shop", "v2", "commit", "c2"),
				{kind: "change.merged", at: hours(18), subject: "pr-7", custom: map[string]any{"commit": "c2", "firstCommitTime": made(16)}}, deploy(30, "shop", "v3", "commit", "c3"),
			},
			want: map[string]string{dora.LeadTime: fmt.Sprintf("%.4g of 2", 6*hour)}, note: "of 1 of 3 deployments nobody said",
		},
		{
			name: "the same commit again brings nothing", history: []said{
				deploy(10, "shop", "v1", "commit", "c1", "commitTime", made(9)), deploy(20, "shop", "v2", "commit", "c1", "commitTime", made(9)),
				deploy(30, "shop", "v3", "commit", "c9", "commitTime", made(1), "changes", []map[string]string{}),
			},
			want: map[string]string{dora.LeadTime: "3600 of 1"},
		},
		{
			name: "two incidents of one deployment are one failure", history: []said{
				deploy(0, "shop", "v1"), deploy(10, "shop", "v2"), detected(11, "i1", "shop"), detected(12, "i2", "shop"), resolved(13, "i1", "shop"), resolved(15, "i2", "shop"),
			},
			want:  map[string]string{dora.ChangeFailureRate: "0.5 of 2", dora.RecoveryTime: "1.44e+04 of 1", dora.MTTR: fmt.Sprintf("%.4g of 2", 2*hour), dora.UnattributedIncidents: "0 of 2"},
			parts: map[string]float64{"incident": 1, "explicit": 0, "unattributedIncidents": 0},
		},
		{
			name: "linked, rolled back, hot-fixed, incident, unattributed", history: []said{
				deploy(0, "a", "v1"), detected(90, "i1", "a", "deployment", "v1"),
				deploy(0, "b", "v1"), deploy(2, "b", "v2"), rollback(3, "b", "v1"),
				deploy(0, "c", "v1"), deploy(1, "c", "v2", "cause", "hotfix"),
				deploy(0, "d", "v1"), detected(24, "i2", "d"),
				deploy(0, "e", "v1"), detected(24.1, "i3", "e"),
			},
			want:  map[string]string{dora.ChangeFailureRate: "0.5 of 8", dora.ReworkRate: "0.25 of 8", dora.UnattributedIncidents: "1 of 3"},
			parts: map[string]float64{"explicit": 1, "rolledBack": 1, "hotFixed": 1, "incident": 1, "unattributedIncidents": 1, "failed": 4}, note: "1 × an incident that no deployment stands behind",
		},
		{
			name: "linked comes before rolled back, that before hot-fixed, that before incident", history: []said{
				deploy(0, "a", "v1"), detected(1, "i1", "a", "deployment", "v1"), rollback(2, "a", "v0"),
				deploy(0, "b", "v1"), detected(1, "i2", "b"), rollback(2, "b", "v0"),
				deploy(0, "c", "v1"), detected(1, "i3", "c"), deploy(2, "c", "v2", "fixes", "i3"),
			},
			want:  map[string]string{dora.ChangeFailureRate: "0.5 of 6", dora.RecoveryTime: "3600 of 3"},
			parts: map[string]float64{"explicit": 1, "rolledBack": 1, "hotFixed": 1, "incident": 0},
		},
		{
			name: "a revert of a revert", history: []said{deploy(0, "a", "v1"), deploy(1, "a", "v2"), rollback(3, "a", "v1"), rollback(7, "a", "v2")},
			want: map[string]string{dora.ChangeFailureRate: "0.5 of 4", dora.RecoveryTime: "7200 of 2", dora.ReworkRate: "0.5 of 4"}, // 2 and 4 hours: half are over after 2
		},
		{
			name: "a hot-fix after a rollback mends what that replaced", history: []said{deploy(0, "a", "v1"), deploy(1, "a", "v2"), rollback(2, "a", "v1"), deploy(3, "a", "v3", "cause", "hotfix")},
			want: map[string]string{dora.ChangeFailureRate: "0.25 of 4"}, parts: map[string]float64{"rolledBack": 1},
		},
		{
			name: "a fix that names what it mends spares the one before it", history: []said{deploy(0, "a", "v1"), deploy(1, "a", "v2"), deploy(2, "a", "v3"), deploy(5, "a", "v4", "fixes", "v2")},
			want: map[string]string{dora.ChangeFailureRate: "0.25 of 4", dora.RecoveryTime: fmt.Sprintf("%.4g of 1", 4*hour)}, parts: map[string]float64{"explicit": 1},
		},
		{
			name: "open for a year, resolved twice, over before it began", history: []said{
				deploy(0, "a", "v1"), detected(1, "i1", "a"), detected(2, "i2", "a"), resolved(3, "i2", "a"), resolved(6, "i2", "a"), detected(9, "i3", "a"), resolved(8, "i3", "a"),
				resolved(9, "never-began", "a"),
			},
			want: map[string]string{dora.MTTR: fmt.Sprintf("%.4g of 2", 4*hour), dora.RecoveryTime: "none of 1"}, note: "1 of 2 still open; 1 that ended before they began",
		},
		{
			name: "only production counts", history: []said{
				deploy(0, "a", "v1"), in("dev", deploy(1, "a", "v2")), in("dev", rollback(2, "a", "v1")), in("", deploy(3, "a", "v3")), in("dev", detected(4, "i1", "a")),
			},
			want: map[string]string{dora.ChangeFailureRate: "0 of 1", dora.DeploymentFrequency: fmt.Sprintf("%.4g of 1", 1.0/30), dora.MTTR: "none of 0"}, note: "left out: 1 × a deployment without an environment",
		},
		{
			name: "days begin and end at midnight in UTC", history: []said{
				deploy(-9, "a", "v1"), deploy(-9.0001, "a", "v0"), deploy(30*24-9, "a", "v3"), deploy(30*24-9.0001, "a", "v2"),
			},
			want: map[string]string{dora.DeploymentFrequency: fmt.Sprintf("%.4g of 1", 2.0/30)},
		},
		{
			name: "failed pipelines", history: []said{
				{kind: "pipelinerun.finished", at: hours(1), service: "a", content: map[string]any{"outcome": "failure"}}, {kind: "pipelinerun.finished", at: hours(2), content: map[string]any{"outcome": "error"}},
				{kind: "pipelinerun.finished", at: hours(3), content: map[string]any{"outcome": "success"}}, {kind: "pipelinerun.finished", at: hours(4)},
			},
			want: map[string]string{dora.FailedPipelines: "2 of 2", dora.DeploymentFrequency: "none of 0", dora.ChangeFailureRate: "none of 0", dora.LeadTime: "none of 0"},
		},
		{
			name: "the failed tests of a change are no failed deployment", history: []said{
				deploy(0, "a", "v1"), {kind: "pipelinerun.finished", at: hours(1), service: "a", team: "red", content: map[string]any{"outcome": "failure"}},
			},
			want: map[string]string{dora.FailedPipelines: "1 of 1", dora.ChangeFailureRate: "0 of 1", dora.RecoveryTime: "none of 0", dora.ReworkRate: "0 of 1",
				dora.MTTR: "none of 0", dora.UnattributedIncidents: "none of 0", dora.DeploymentFrequency: fmt.Sprintf("%.4g of 1", 1.0/30)},
		},
		{
			name: "an incident that is opened again goes on until it is over at last", history: []said{
				deploy(0, "a", "v1"), detected(1, "i1", "a"), resolved(2, "i1", "a"), detected(4, "i1", "a"), resolved(6, "i1", "a"),
				deploy(0, "b", "v1"), detected(1, "i2", "b"), resolved(2, "i2", "b"), detected(4, "i2", "b"),
			},
			want: map[string]string{dora.MTTR: fmt.Sprintf("%.4g of 2", 5*hour), dora.RecoveryTime: fmt.Sprintf("%.4g of 2", 5*hour), dora.ChangeFailureRate: "1 of 2"}, note: "1 of 2 still open",
		},
		{
			name: "a report that is written afterwards opens nothing again", history: []said{
				deploy(0, "a", "v1"), detected(1, "i1", "a"), resolved(2, "i1", "a"), {kind: "incident.reported", at: hours(9), service: "a", subject: "i1"},
			},
			want: map[string]string{dora.MTTR: "3600 of 1", dora.RecoveryTime: "3600 of 1"},
		},
		{
			name: "who knows the first commit of a change may say so later", history: []said{
				{kind: "change.merged", at: hours(8), subject: "acme/a#7", custom: map[string]any{"commit": "c1"}}, deploy(10, "a", "v1", "commit", "c1"),
				{kind: "change.updated", at: hours(8), subject: "acme/a#7", custom: map[string]any{"commit": "c1", "firstCommitTime": made(4)}},
				{kind: "change.updated", at: hours(1), subject: "acme/a#7", custom: map[string]any{"commit": "c1"}},
			},
			want: map[string]string{dora.LeadTime: fmt.Sprintf("%.4g of 1", 6*hour)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *store.Store) {
				add(t, s, events(t, c.history...)...)
				project(t, s, 3)
				o := org(t, s)
				var notes []string
				for name, want := range c.want {
					e := ask(t, s, o, name, month())[0].Estimate
					notes = append(notes, e.Note)
					if got := show(e); got != want {
						t.Errorf("%s: got %s, want %s (%s)", name, got, want, e.Note)
					}
				}
				if !strings.Contains(strings.Join(notes, "\n"), c.note) {
					t.Errorf("no note %q in %q", c.note, notes)
				}
				for part, want := range c.parts {
					name := dora.ChangeFailureRate
					if c.want[name] == "" {
						name = dora.LeadTime
					}
					if got, ok := ask(t, s, o, name, month())[0].Parts[part]; !ok || got != want {
						t.Errorf("%s: part %s is %v, want %v", name, part, got, want)
					}
				}
			})
		})
	}
	_ = day
}

func repeat(n int, make func(int) said) []said {
	all := []said{}
	for i := range n {
		all = append(all, make(i))
	}
	return all
}

func in(environment string, e said) said {
	e.environment = environment
	return e
}

// direct computes measures straight from all events, for a group and a time.
func direct(name string, history []said, group func(said) (string, bool), want string, from, to int64) (value float64, ok bool) {
	deployments, incidents := naive(history)
	within := func(e said, at time.Time) bool {
		name, ok := group(e)
		return ok && name == want && !at.Before(measure.Date(from)) && at.Before(measure.Date(to))
	}
	perService, days := map[string]float64{}, map[string]map[string]bool{}
	var leads []float64
	var n, failed, rework float64
	var waits, censored []float64
	known := time.Now()
	wait := func(started, over time.Time) {
		switch {
		case over.IsZero():
			censored = append(censored, known.Sub(started).Seconds())
		case !over.Before(started):
			waits = append(waits, over.Sub(started).Seconds())
		}
	}
	for _, d := range deployments {
		if d.environment != "prod" || !within(d.said, d.at) {
			continue
		}
		n++
		perService[d.service]++
		if days[d.service] == nil {
			days[d.service] = map[string]bool{}
		}
		days[d.service][d.at.UTC().Format(time.DateOnly)] = true
		for _, l := range d.leads {
			if l >= 0 {
				leads = append(leads, l.Seconds())
			}
		}
		if d.isFix() {
			rework++
		}
		if d.failed > 0 {
			failed++
			if name == dora.RecoveryTime {
				wait(d.failedAt, d.recoveredAt)
			}
		}
	}
	if name == dora.FailedPipelines {
		runs := 0.0
		for _, e := range history {
			if e.kind == "pipelinerun.finished" && slices.Contains([]any{"failure", "error"}, e.content["outcome"]) && within(e, e.at) {
				runs++
			}
		}
		return runs, runs > 0
	}
	unattributed := 0.0
	any := false
	for _, i := range incidents {
		e := said{kind: "incident", service: i.service, subject: "nowhere"}
		for _, d := range deployments {
			if d.service == i.service && d.environment == "prod" && !d.at.After(i.started) {
				e.path, e.subject = d.path, ""
			}
		}
		behind := slices.DeleteFunc([]*naiveDeployment{i.links["prod"], i.links[""]}, func(d *naiveDeployment) bool { return d == nil })
		if len(behind) > 0 {
			e.subject, e.path = "", slices.ContainsFunc(behind, func(d *naiveDeployment) bool { return d.path })
		}
		for _, f := range i.facts {
			if e.team == "" {
				e.team = f.team
			}
		}
		if i.environment != "" && i.environment != "prod" || i.started.IsZero() || !within(e, i.started) {
			continue
		}
		any = true
		if i.links["prod"] == nil && i.links[""] == nil {
			unattributed++
		}
		if name == dora.MTTR {
			wait(i.started, i.resolved)
		}
	}
	var each []float64
	switch name {
	case dora.DeploymentFrequency:
		for service, there := range daysThere(deployments, group, want, from, to) {
			each = append(each, perService[service]/there)
		}
		return middle(each)
	case dora.DeploymentDays:
		for service, there := range daysThere(deployments, group, want, from, to) {
			each = append(each, 7*float64(len(days[service]))/there)
		}
		return middle(each)
	case dora.LeadTime:
		return middle(leads)
	case dora.ChangeFailureRate:
		return failed / n, n > 0
	case dora.ReworkRate:
		return rework / n, n > 0
	case dora.UnattributedIncidents:
		return unattributed, any
	}
	return halfOver(waits, censored)
}

// daysThere counts, for each service and day, whether the last deployment to
// production by its end was in the group, and not over 90 days before; or one on the
// very day was.
func daysThere(deployments []*naiveDeployment, group func(said) (string, bool), want string, from, to int64) map[string]float64 {
	there := map[string]float64{}
	services := map[string]bool{}
	for _, d := range deployments {
		services[d.service] = true
	}
	for service := range services {
		for day := from; day < min(to, measure.Day(time.Now())+1); day++ {
			holds, that := false, false
			for _, d := range deployments { // in the order of time
				on := measure.Day(d.at)
				if d.service != service || d.environment != "prod" || on > day {
					continue
				}
				name, ok := group(d.said)
				in := ok && name == want
				holds, that = in && day-on < 90, that || in && on == day
			}
			if holds || that {
				there[service]++
			}
		}
	}
	return there
}

// tied reports whether a service was deployed at the same moment in two groups: in
// which it is then is anybody's guess.
func tied(history []said) bool {
	for i, a := range history {
		for _, b := range history[:i] {
			if strings.HasPrefix(a.kind, "service.") && strings.HasPrefix(b.kind, "service.") && a.service == b.service && a.at.Equal(b.at) && (a.team != b.team || a.path != b.path) {
				return true
			}
		}
	}
	return false
}

func middle(values []float64) (float64, bool) {
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return 0, false
	}
	return (values[(n-1)/2] + values[n/2]) / 2, true
}

// halfOver multiplies, at each time at which some wait ended, the share that
// went on: the first time at which half or less still wait.
func halfOver(ended, censored []float64) (float64, bool) {
	slices.Sort(ended)
	waiting := 1.0
	for _, at := range slices.Compact(slices.Clone(ended)) {
		ends, still := 0.0, 0.0
		for _, e := range ended {
			if e == at {
				ends++
			}
			if e >= at {
				still++
			}
		}
		for _, c := range censored {
			if c >= at {
				still++
			}
		}
		if waiting *= (still - ends) / still; waiting <= 0.5+1e-9 {
			return at, true
		}
	}
	return 0, false
}

// TestMeasuresAreDirectComputations: whatever happened, each measure of each
// group in any time is what a direct computation over all events gives.
func TestMeasuresAreDirectComputations(t *testing.T) {
	url := filepath.Join(t.TempDir(), "stoa.db")
	rapid.Check(t, func(t *rapid.T) {
		history := drawHistory(t)
		s := fresh(t, url)
		defer s.Close()
		for _, e := range history {
			add(t, s, e.event(t))
		}
		project(t, s, 9)
		scope := measure.Scope{From: measure.Day(start) + rapid.Int64Range(-100, 3).Draw(t, "from")}
		scope.To = scope.From + rapid.Int64Range(1, 120).Draw(t, "days")
		scope.By = rapid.SampledFrom([]measure.Dimension{"", measure.ByTeam, measure.ByService, measure.BySegment, measure.ByPath}).Draw(t, "by")
		if rapid.Bool().Draw(t, "only") {
			scope.Only = map[measure.Dimension][]string{measure.ByTeam: {"red"}}
		}
		o := org(t, s, func(o *measure.Org) {
			for _, team := range o.Teams {
				team.Platform = team.Name == "blue"
			}
		})
		group := func(e said) (string, bool) {
			if e.team == "blue" || scope.Only != nil && e.team != "red" {
				return "", false
			}
			name := map[measure.Dimension]string{"": "", measure.ByTeam: e.team, measure.ByService: e.service, measure.BySegment: map[string]string{"red": "seg-r"}[e.team], measure.ByPath: measure.OffPath}[scope.By]
			if scope.By == measure.ByPath && e.path {
				name = measure.OnPath
			}
			if scope.By == measure.ByPath && e.kind == "incident" && e.subject == "nowhere" {
				name = measure.Nobody
			}
			if name == "" && scope.By != "" {
				name = measure.Nobody
			}
			return name, true
		}
		var names []string
		for _, m := range dora.Measures() {
			names = append(names, m.Name)
		}
		stepped := scope
		stepped.Step = rapid.SampledFrom([]measure.Step{measure.Whole, measure.Weekly, measure.Monthly}).Draw(t, "step")
		all, err := engine(t, s, o).AskAll(context.Background(), names, stepped)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range names { // those that share what they read say the same as each by itself
			if alone := ask(t, s, o, name, stepped); !cmp.Equal(alone, all[i].Points, cmp.AllowUnexported(measure.Estimate{})) {
				t.Errorf("%s of %+v with others: %s", name, stepped, cmp.Diff(alone, all[i].Points, cmp.AllowUnexported(measure.Estimate{})))
			}
		}
		for _, m := range dora.Measures() {
			if tied(history) && (m.Name == dora.DeploymentFrequency || m.Name == dora.DeploymentDays) {
				continue
			}
			for _, p := range ask(t, s, o, m.Name, scope) {
				want, ok := direct(m.Name, history, group, p.Group, scope.From, scope.To)
				if ok != (p.Value != nil) || ok && math.Abs(want-*p.Value) > 1e-6*math.Abs(want) {
					t.Fatalf("%s of %q from %s to %s: got %s (%s), want %v, %v", m.Name, p.Group, p.From, p.To, show(p.Estimate), p.Note, want, ok)
				}
			}
		}
	})
}
