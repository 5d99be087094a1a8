package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// replicaID names this process's place among the replicas; it stays with the
// data folder, so that a restart takes up its own jobs.
func (p *Platform) replicaID() string {
	path := p.path("replica")
	if raw, err := os.ReadFile(path); err == nil && len(raw) > 0 {
		return strings.TrimSpace(string(raw))
	}
	random := make([]byte, 8)
	_, _ = rand.Read(random) // never fails
	id := "stoa-" + hex.EncodeToString(random)
	if err := os.WriteFile(path, []byte(id+"\n"), 0o600); err != nil {
		p.log.Warn("replica id not kept: jobs that a kill interrupts wait a day", "error", err)
	}
	return id
}

// platformTeam is the team that a new platform is run by.
const platformTeam = "platform"

// bootstrap declares what a new platform begins with: the admin, the platform
// team, two environments and what Stoa offers by itself. All of it is ordinary
// objects, admitted like any other, and left alone afterwards.
func (p *Platform) bootstrap(ctx context.Context) error {
	if _, err := p.auth.Bootstrap(ctx, p.config.Data); err != nil {
		return fmt.Errorf("make admin account: %w", err)
	}
	_, err := p.store.Get(ctx, "User", "admin")
	if err == nil || !problem.Is(err, problem.NotFound) {
		return err
	}
	admin := object.New[catalog.UserSpec, struct{}]("admin", "", catalog.UserSpec{Role: string(auth.PlatformAdmin)})
	team := object.New[catalog.TeamSpec, struct{}](platformTeam, platformTeam, catalog.TeamSpec{Owners: []string{"admin"}, Platform: true})
	dev := object.New[catalog.EnvironmentSpec, struct{}]("dev", "", catalog.EnvironmentSpec{Order: 10})
	production := object.New[catalog.EnvironmentSpec, struct{}]("production", "", catalog.EnvironmentSpec{Order: 90, Production: true})
	change := &admission.Change{By: auth.Principal{Name: "stoa/bootstrap", Platform: auth.PlatformAdmin, Bot: true}, Surface: "stoa", Reason: "first start"}
	first := []interface{ Object() (object.Object, error) }{&admin, &team, &dev, &production}
	for _, c := range capabilities() {
		first = append(first, c)
	}
	for _, o := range first {
		raw, err := o.Object()
		if err != nil {
			return err
		}
		change.Add(&admission.Draft{Want: raw})
	}
	if _, err := p.pipe.Apply(ctx, change); err != nil {
		return fmt.Errorf("declare the first objects: %w", err)
	}
	return nil
}

// capabilities are what Stoa offers by itself: what is recorded as use of one of
// these names is use of the platform.
func capabilities() []*catalog.Capability {
	var all []*catalog.Capability
	for _, c := range []struct{ name, title, qualifying string }{
		{event.CapabilityDeploy, "Deploy", `!use.type.startsWith("dev.cdevents.pipelinerun.")`}, // a run that failed brought nothing
		{"logs", "Logs", ""},
		{"secrets", "Secrets", ""},
		{"portal", "Portal", ""},
		{"catalog", "Catalog", ""},
		{"audit", "Audit", ""},
		{"events", "Events", `use.surface != "api"`}, // a pipeline that tells what it did brings its team nothing
	} {
		o := object.New[catalog.CapabilitySpec, struct{}](c.name, platformTeam, catalog.CapabilitySpec{Title: c.title, Lifecycle: catalog.GA, QualifyingUse: c.qualifying})
		all = append(all, &o)
	}
	return all
}
