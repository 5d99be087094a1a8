package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/client"
)

// cancelled cancels a release and waits for its end.
func (p *platform) cancelled(t *testing.T, name string) {
	t.Helper()
	if _, err := p.Cancel(t.Context(), name, "the wrong branch"); err != nil {
		t.Fatalf("cancel %s: %v", name, err)
	}
	rel := p.ended(t, name)
	if told := rel.Status.Problem; rel.Status.Phase != client.PhaseCancelled || told == nil || !strings.Contains(told.Title, name+" was cancelled at ") {
		t.Errorf("%s is %s: %v", name, rel.Status.Phase, told)
	}
	for _, step := range rel.Status.Steps {
		if step.State == client.StepRunning || step.State == client.StepFailed {
			t.Errorf("step %s of %s is %s", step.Name, name, step.State)
		}
	}
}

// starts waits until a release comes up, which it does not by itself.
func (p *platform) starts(t *testing.T, name string, processes int) {
	t.Helper()
	eventually(t, func() error {
		if n := len(p.processes(t)); n != processes {
			return fmt.Errorf("%d processes run while %s comes up, want %d", n, name, processes)
		}
		return nil
	})
}

// A release that is on its way can be cancelled wherever it is; what serves goes on
// as it was, and what waits takes its turn.
func (p *platform) testCancel(t *testing.T) {
	waits := map[string]string{"MODE": "waits"}
	before := len(p.processes(t))
	first := p.admit(t, p.upload(t, "one"), "wrong", waits).Metadata.Name
	p.starts(t, first, before+1)
	p.cancelled(t, first)
	p.starts(t, "nothing", before)
	if at, there := p.service(t, "wrong").Status.Environments["dev"]; there {
		t.Errorf("where nothing was ever released is %+v", at)
	}

	serves := p.up(t, "one", "wrong", map[string]string{"MODE": "good"}).Metadata.Name
	digest := p.upload(t, "two")
	comes := p.admit(t, digest, "wrong", waits).Metadata.Name
	p.starts(t, comes, before+2)
	queued, next := p.admit(t, digest, "wrong", waits).Metadata.Name, p.admit(t, digest, "wrong", waits).Metadata.Name
	p.cancelled(t, queued)
	p.cancelled(t, comes)
	eventually(t, func() error { return os.WriteFile(filepath.Join(p.data, "homes", "wrong.dev", "go"), nil, 0o600) })
	if rel := p.succeeded(t, next); rel.Status.Previous != serves {
		t.Errorf("%s came after %s, want %s", next, rel.Status.Previous, serves)
	}
	p.answers(t, "wrong", "two")

	if _, err := p.Cancel(t.Context(), next, ""); !client.Is(err, client.Conflict) {
		t.Errorf("a release that has ended was cancelled: %v", err)
	}
	if _, err := p.Cancel(t.Context(), queued, ""); err != nil {
		t.Errorf("cancelled twice: %v", err)
	}
	if _, err := p.Cancel(t.Context(), "wrong-99", ""); !client.Is(err, client.NotFound) {
		t.Errorf("a release that is not there was cancelled: %v", err)
	}
	outcomes := map[string]int{}
	for _, e := range p.events(t, client.EventQuery{Service: "wrong", Types: []string{"dev.cdevents.pipelinerun.finished.0.3.0"}}) {
		if !strings.Contains(string(e.Data), `"outcome":"cancel"`) {
			t.Errorf("a cancelled release is told as %s", e.Data)
		}
		outcomes[e.Subject]++
	}
	if len(outcomes) != 3 || outcomes["release/"+comes] != 1 {
		t.Errorf("the ends that are told: %v", outcomes)
	}
	p.delete(t, "wrong")
}

// What a release that was cancelled had changed of its service is undone.
func (p *platform) testCancelUndoes(t *testing.T) {
	p.up(t, "one", "undone", map[string]string{"MODE": "good"})
	before := len(p.processes(t))
	rel := p.admit(t, p.upload(t, "two"), "undone", map[string]string{"MODE": "waits", "FRUIT": "plum"})
	p.starts(t, rel.Metadata.Name, before+1)
	p.cancelled(t, rel.Metadata.Name)
	p.starts(t, "what served", before)
	p.answers(t, "undone", "one")
	s := p.service(t, "undone")
	at := s.Status.Environments["dev"]
	if env := s.Spec.Environments["dev"].Env; env["MODE"] != "good" || env["FRUIT"] != "" || at.Missed != nil || at.State != client.StateRunning {
		t.Errorf("the service has %v and is %+v", env, at)
	}
	p.delete(t, "undone")
}

// Of a release that was admitted nothing else can be changed.
func TestAReleaseNeverChanges(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	p.up(t, "one", "shop", nil)
	for what, spec := range map[string]string{
		"cancelled too late": "{service: shop, environment: dev, number: 1, cancel: true}",
		"with a setting":     "{service: shop, environment: dev, number: 1, set: {A: b}}",
		"cancelled before":   "{service: shop, environment: dev, cancel: true}",
	} {
		doc := "apiVersion: stoa.dev/v1\nkind: Release\nmetadata: {name: shop-1}\nspec: " + spec + "\n"
		if _, err := p.Apply(t.Context(), strings.NewReader(doc), "release.yaml", "", false); !client.Is(err, client.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := p.Release(t.Context(), client.ReleaseSpec{Source: p.upload(t, "two"), Service: "shop", Cancel: true}, "", "", false); !client.Is(err, client.Invalid) {
		t.Errorf("a release that is cancelled from the start: %v", err)
	}
}
