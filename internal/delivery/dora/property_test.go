package dora_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
)

// readings are what all measures say of a scope.
func readings(t fataler, s *store.Store, o *measure.Org, scope measure.Scope) map[string][]measure.Point {
	all := map[string][]measure.Point{}
	for _, m := range dora.Measures() {
		all[m.Name] = ask(t, s, o, m.Name, scope)
	}
	return all
}

// lived is a store with a history that was projected.
func lived(t *rapid.T, url string) *store.Store {
	s := fresh(t, url)
	for _, e := range drawHistory(t) {
		add(t, s, e.event(t))
	}
	project(t, s, 9)
	return s
}

// TestUnrelatedEventsChangeNothing: what tells of neither deployments, incidents,
// changes nor pipelines changes no measure, whenever it was, even if it carries
// their names.
func TestUnrelatedEventsChangeNothing(t *testing.T) {
	url := filepath.Join(t.TempDir(), "stoa.db")
	rapid.Check(t, func(t *rapid.T) {
		s := lived(t, url)
		defer s.Close()
		scope := measure.Scope{From: measure.Day(start) + rapid.Int64Range(-100, 3).Draw(t, "from"), Step: rapid.SampledFrom([]measure.Step{measure.Whole, measure.Monthly}).Draw(t, "step"),
			By: rapid.SampledFrom([]measure.Dimension{"", measure.ByTeam, measure.ByService, measure.ByPath}).Draw(t, "by")}
		scope.To = scope.From + rapid.Int64Range(1, 120).Draw(t, "days")
		o := org(t, s)
		before := readings(t, s, o, scope)

		var others []said
		for i, kind := range rapid.SliceOfN(rapid.SampledFrom([]string{"service.published", "change.created", "build.finished", "testsuiterun.finished", "ticket.created", "environment.created"}), 1, 8).Draw(t, "kinds") {
			e := said{id: fmt.Sprint("other", i), kind: kind, at: hours(float64(rapid.IntRange(-100*24, 100*24).Draw(t, "at"))), team: rapid.SampledFrom([]string{"red", "blue"}).Draw(t, "team"),
				service: "shop", environment: "prod", path: rapid.Bool().Draw(t, "path"), subject: rapid.SampledFrom([]string{"inc1", "c1", "shop"}).Draw(t, "subject"),
				custom:  map[string]any{"release": "v1", "commit": "c1", "commitTime": hours(-3).Format(time.RFC3339), "fixes": "inc1", "deployment": "v2"},
				content: map[string]any{"outcome": "failure"}}
			others = append(others, e)
		}
		add(t, s, events(t, others...)...)
		project(t, s, 3)
		if got := cmp.Diff(before, readings(t, s, o, scope), cmp.AllowUnexported(measure.Estimate{})); got != "" {
			t.Errorf("of %+v:\n%s", scope, got)
		}
	})
}

// TestSplittingAddsUp: what is counted in two times side by side is what is
// counted in both.
func TestSplittingAddsUp(t *testing.T) {
	url := filepath.Join(t.TempDir(), "stoa.db")
	rapid.Check(t, func(t *rapid.T) {
		s := lived(t, url)
		defer s.Close()
		o := org(t, s)
		from := measure.Day(start) + rapid.Int64Range(-100, 3).Draw(t, "from")
		middle := from + rapid.Int64Range(1, 100).Draw(t, "middle")
		to := middle + rapid.Int64Range(1, 100).Draw(t, "to")
		by := rapid.SampledFrom([]measure.Dimension{"", measure.ByTeam, measure.ByService}).Draw(t, "by")
		for name, parts := range map[string][]string{
			dora.DeploymentFrequency:   {"deployments"},
			dora.LeadTime:              {"deployments", "backward", "withoutCommit"},
			dora.ChangeFailureRate:     {"deployments", "failed", "explicit", "rolledBack", "hotFixed", "incident"},
			dora.ReworkRate:            {"deployments", "rework"},
			dora.RecoveryTime:          {"open", "ended"},
			dora.MTTR:                  {"open", "ended", "unattributed"},
			dora.UnattributedIncidents: {"incidents"},
			dora.FailedPipelines:       {""}, // its value
		} {
			counted := func(from, to int64) map[string]float64 {
				sum := map[string]float64{}
				for _, p := range ask(t, s, o, name, measure.Scope{From: from, To: to, By: by}) {
					for _, part := range parts {
						n := p.Parts[part]
						if part == "" && p.Value != nil {
							n = *p.Value
						}
						if n != 0 {
							sum[p.Group+" "+part] = n
						}
					}
				}
				return sum
			}
			sum := counted(from, middle)
			for key, n := range counted(middle, to) {
				sum[key] += n
			}
			if diff := cmp.Diff(counted(from, to), sum); diff != "" {
				t.Errorf("%s, whole and in two:\n%s", name, diff)
			}
		}
	})
}
