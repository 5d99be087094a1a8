package delivery

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/event/eventtest"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
)

// What delivery tells in CDEvents' words is valid by that project's schemas.
func TestEventsAreCDEvents(t *testing.T) {
	at := time.Date(2026, 11, 3, 9, 30, 0, 0, time.FixedZone("CET", 3600))
	release := func(change func(*Release)) Release {
		var rel Release
		rel.Metadata.Name, rel.Metadata.Owner = "shop-prod-7", "payments"
		rel.Spec.Service, rel.Spec.Environment = "shop", "prod"
		rel.Status.Artifact = "sha256:0d1f6b1c3a52a64a0a3ae6f5e8b8f2e7c9b0d4a1f2e3d4c5b6a7980f1e2d3c4b"
		change(&rel)
		return rel
	}
	for name, c := range map[string]struct {
		rel  Release
		kind string
	}{
		"the first":     {release(func(*Release) {}), typeDeployed},
		"a later one":   {release(func(r *Release) { r.Status.Previous = "shop-prod-6" }), typeUpgraded},
		"a rollback":    {release(func(r *Release) { r.Spec.Cause = CauseRollback }), typeRolledBack},
		"with a commit": {release(func(r *Release) { r.Status.Commit, r.Status.CommitTime = "4f5e6d7", &at }), typeDeployed},
	} {
		events, err := (&run{rel: c.rel}).deployed()
		if err != nil || len(events) != 1 || events[0].Type != c.kind || events[0].Service != "shop" {
			t.Errorf("%s: %+v, %v", name, events, err)
			continue
		}
		eventtest.CDEvent(t, events[0])
	}
	for _, phase := range []Phase{Failed, Cancelled} {
		ended, err := pipelineFinished(release(func(*Release) {}), phase, problem.New(problem.Failed, "it does not answer"))
		if err != nil {
			t.Fatal(err)
		}
		eventtest.CDEvent(t, ended)
	}

	var s catalog.Service
	s.Metadata.Name, s.Metadata.Owner = "shop", "payments"
	s.Status.Environments = map[string]catalog.Deployment{"dev": {}, "prod": {}}
	removed, err := removedEvents(s)
	if err != nil || len(removed) != 2 || removed[0].ID == removed[1].ID {
		t.Fatalf("removed: %+v, %v", removed, err)
	}
	for _, e := range removed {
		eventtest.CDEvent(t, e)
	}
}

// TestCrashLoopNamesItsProcess: what serves may be well while a process beside it
// is not.
func TestCrashLoopNamesItsProcess(t *testing.T) {
	var s catalog.Service
	s.Metadata.Name, s.Metadata.Owner = "shop", "payments"
	key := runtime.Key{Service: "shop", Environment: "dev"}
	for who, c := range map[string]struct {
		key     runtime.Key
		process any
	}{"an instance": {key, nil}, "process worker": {key.Beside("worker"), "worker"}} {
		e, err := crashLoop(s, runtime.Event{Key: c.key, Release: "shop-1", Exit: runtime.Exit{Code: 1, After: 12 * time.Millisecond}, Restarts: 4})
		var data map[string]any
		if err == nil {
			err = json.Unmarshal(e.Data, &data)
		}
		if err != nil || e.Service != "shop" || e.Environment != "dev" || data["process"] != c.process ||
			data["message"] != who+" ends again and again: exit code 1 after 12ms" {
			t.Errorf("of %s it tells %+v with %s (%v)", who, e, e.Data, err)
		}
	}
}

// TestDeployedSaysWhy: what measures of delivery read of a deployment's event.
func TestDeployedSaysWhy(t *testing.T) {
	made := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	changes := []detect.Change{{Commit: "4f5e6d7", Time: made}}
	for name, c := range map[string]struct {
		spec ReleaseSpec
		want map[string]any
	}{
		"a plain one":        {ReleaseSpec{Cause: CauseDeploy}, map[string]any{"cause": "deploy"}},
		"it mends":           {ReleaseSpec{Cause: CauseDeploy, Fixes: "INC-7"}, map[string]any{"cause": "hotfix", "fixes": "INC-7"}},
		"promoted to mend":   {ReleaseSpec{Cause: CausePromote, Fixes: "INC-7"}, map[string]any{"cause": "hotfix", "fixes": "INC-7"}},
		"its branch says so": {ReleaseSpec{Cause: CauseDeploy, Origin: &detect.Origin{Branch: "hotfix/7"}}, map[string]any{"cause": "hotfix"}},
		"back to a fix":      {ReleaseSpec{Cause: CauseRollback, Origin: &detect.Origin{Branch: "hotfix/7"}}, map[string]any{"cause": "rollback"}},
		"it brings":          {ReleaseSpec{Cause: CauseDeploy, Changes: changes}, map[string]any{"cause": "deploy", "changes": []any{map[string]any{"commit": "4f5e6d7", "time": "2026-11-03T09:00:00Z"}}}},
		"it brings nothing":  {ReleaseSpec{Cause: CauseDeploy, Changes: []detect.Change{}}, map[string]any{"cause": "deploy", "changes": []any{}}},
	} {
		var rel Release
		rel.Metadata.Name, rel.Spec = "shop-7", c.spec
		rel.Spec.Service, rel.Spec.Environment = "shop", "prod"
		events, err := (&run{rel: rel}).deployed()
		if err != nil {
			t.Fatal(err)
		}
		var data struct {
			CustomData map[string]any `json:"customData"`
		}
		if err := json.Unmarshal(events[0].Data, &data); err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{"release", "previous", "commit", "commitTime"} {
			delete(data.CustomData, other)
		}
		if diff := cmp.Diff(c.want, data.CustomData); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
