package delivery

import (
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event/eventtest"
	"github.com/stoa-platform/stoa/internal/problem"
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
	failed, err := pipelineFinished(release(func(*Release) {}), problem.New(problem.Failed, "it does not answer"))
	if err != nil {
		t.Fatal(err)
	}
	eventtest.CDEvent(t, failed)

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
