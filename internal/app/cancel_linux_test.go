package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stoa-platform/stoa/client"
)

// cancelled cancels a release and waits for its end, at a step.
func (p *platform) cancelled(t *testing.T, name, at string) {
	t.Helper()
	if _, err := p.Cancel(t.Context(), name, "the wrong branch"); err != nil {
		t.Fatalf("cancel %s: %v", name, err)
	}
	rel := p.ended(t, name)
	if told := rel.Status.Problem; rel.Status.Phase != client.PhaseCancelled || told == nil || told.Title != "release "+name+" was cancelled at "+at {
		t.Errorf("%s is %s: %v", name, rel.Status.Phase, told)
	}
	for _, step := range rel.Status.Steps {
		if step.State == client.StepRunning || step.State == client.StepFailed {
			t.Errorf("step %s of %s is %s", step.Name, name, step.State)
		}
	}
}

// comesUp admits a release that does not come up by itself, and waits until it tries.
func (p *platform) comesUp(t *testing.T, version, service string, set map[string]string) string {
	t.Helper()
	before := len(p.processes(t))
	name := p.admit(t, p.upload(t, version), service, set).Metadata.Name
	eventually(t, func() error {
		var rel client.Release
		raw, err := p.Get(t.Context(), "releases", name)
		if err = errors.Join(err, json.Unmarshal(raw, &rel)); err != nil {
			return err
		}
		for _, step := range rel.Status.Steps {
			if step.Name == client.StepRollout && step.State != client.StepRunning {
				return fmt.Errorf("the rollout of %s is %s", name, step.State)
			}
		}
		return p.running(t, before+1)
	})
	return name
}

func (p *platform) running(t *testing.T, processes int) error {
	t.Helper()
	if now := p.processes(t); len(now) != processes {
		return fmt.Errorf("%d processes run, want %d: %v", len(now), processes, now)
	}
	return nil
}

func waits(more ...string) map[string]string {
	set := map[string]string{"MODE": "waits"}
	for i := 0; i < len(more); i += 2 {
		set[more[i]] = more[i+1]
	}
	return set
}

// A release that is on its way can be cancelled wherever it is; what serves goes on
// as it was, and what waits takes its turn.
func (p *platform) testCancel(t *testing.T) {
	before := len(p.processes(t))
	p.cancelled(t, p.comesUp(t, "one", "wrong", waits()), client.StepRollout)
	eventually(t, func() error { return p.running(t, before) })
	s := p.service(t, "wrong")
	if at, there := s.Status.Environments["dev"]; there || len(s.Spec.Environments["dev"].Env) > 0 {
		t.Errorf("where nothing was ever released is %+v with %v", at, s.Spec.Environments["dev"].Env)
	}

	serves := p.up(t, "one", "wrong", map[string]string{"MODE": "good"}).Metadata.Name
	comes := p.comesUp(t, "two", "wrong", waits())
	digest := p.upload(t, "two")
	queued, next := p.admit(t, digest, "wrong", waits()).Metadata.Name, p.admit(t, digest, "wrong", waits()).Metadata.Name
	p.cancelled(t, queued, client.StepBuild)
	p.cancelled(t, comes, client.StepRollout)
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
	bare := p.request(t, http.MethodPost, "/api/v1/releases/wrong-98/cancel", nil)
	if _ = bare.Body.Close(); bare.StatusCode != http.StatusNotFound {
		t.Errorf("cancelled without a word of why it answers %s", bare.Status)
	}
	p.endsOnce(t, "wrong", 3)
	p.delete(t, "wrong")
}

// endsOnce checks that so many releases of a service are told as cancelled, once each.
func (p *platform) endsOnce(t *testing.T, service string, releases int) {
	t.Helper()
	ends := map[string]int{}
	for _, e := range p.events(t, client.EventQuery{Service: service, Types: []string{"dev.cdevents.pipelinerun.finished.0.3.0"}}) {
		if !strings.Contains(string(e.Data), `"outcome":"cancel"`) {
			t.Errorf("a cancelled release is told as %s", e.Data)
		}
		if ends[e.Subject]++; ends[e.Subject] > 1 {
			t.Errorf("the end of %s is told %d times", e.Subject, ends[e.Subject])
		}
	}
	if len(ends) != releases {
		t.Errorf("the ends of %v are told, want %d", ends, releases)
	}
}

// What a release that was cancelled had changed of its service is undone, whatever
// waits behind it, and is at no time given to what serves.
func (p *platform) testCancelUndoes(t *testing.T) {
	before := map[string]string{"MODE": "good", "FRUIT": "apple"}
	serves := p.up(t, "one", "undone", before).Metadata.Name
	pid := func() int { return p.instance(t, "undone") }
	was := pid()
	comes := p.comesUp(t, "two", "undone", waits("FRUIT", "plum"))
	behind := p.admit(t, p.upload(t, "two"), "undone", map[string]string{"FRUIT": "rotten", "MODE": "never-binds", "COLOR": "red"}).Metadata.Name
	p.cancelled(t, comes, client.StepRollout)
	p.answers(t, "undone", "one")
	if rel := p.cancelledLate(t, behind); rel.Status.Phase == client.PhaseSucceeded {
		t.Errorf("%s, which cannot come up, has", behind)
	}
	s := p.service(t, "undone")
	if env, at := s.Spec.Environments["dev"].Env, s.Status.Environments["dev"]; !maps.Equal(env, before) || at.Release != serves || at.State != client.StateRunning {
		t.Errorf("the service has %v and is %+v", env, at)
	}
	if now := pid(); now != was {
		t.Errorf("what served was started again: process %d instead of %d", now, was)
	}

	comes = p.comesUp(t, "two", "undone", waits("FRUIT", "plum", "SIZE", "large"))
	behind = p.admit(t, p.upload(t, "two"), "undone", map[string]string{"MODE": "good", "COLOR": "red", "SIZE": "large"}).Metadata.Name
	p.cancelled(t, comes, client.StepRollout)
	rel := p.succeeded(t, behind)
	want := map[string]string{"MODE": "good", "FRUIT": "apple", "COLOR": "red", "SIZE": "large"} // its own, and nothing of the other's
	if env := p.service(t, "undone").Spec.Environments["dev"].Env; !maps.Equal(env, want) || !maps.Equal(rel.Status.Settings.Env, want) || !maps.Equal(rel.Status.SettingsBefore.Env, before) {
		t.Errorf("the service has %v, its release %v and before %v", env, rel.Status.Settings.Env, rel.Status.SettingsBefore.Env)
	}
	if _, fruit, err := p.get("undone", "/env?name=FRUIT"); fruit != "apple" {
		t.Errorf("it runs with %s (%v)", fruit, err)
	}
	p.delete(t, "undone")
}

// cancelledLate cancels a release that may have come to its end.
func (p *platform) cancelledLate(t *testing.T, name string) client.Release {
	t.Helper()
	if _, err := p.Cancel(t.Context(), name, ""); err != nil && !client.Is(err, client.Conflict) {
		t.Fatal(err)
	}
	return p.ended(t, name)
}

// instance is the process that serves.
func (p *platform) instance(t *testing.T, service string) (pid int) {
	t.Helper()
	eventually(t, func() error {
		status, err := p.ServiceStatus(t.Context(), service)
		if err != nil {
			return err
		}
		for _, i := range status.Environments["dev"].Instances {
			if i.State == client.InstanceHealthy {
				pid = i.PID
				return nil
			}
		}
		return fmt.Errorf("nothing of %s serves: %+v", service, status.Environments["dev"])
	})
	return pid
}

// What serves and could not be started again is left alone.
func (p *platform) testCancelLeavesAlone(t *testing.T) {
	p.up(t, "one", "vault", map[string]string{"MODE": "good"})
	was := p.instance(t, "vault")
	comes := p.comesUp(t, "two", "vault", waits())
	if err := p.SetSecrets(t.Context(), "vault", "dev", map[string]string{"FRUIT": "rotten-apple-22"}); err != nil {
		t.Fatal(err)
	}
	p.cancelled(t, comes, client.StepRollout)
	eventually(t, func() error { // the secret is tried then, and what serves goes on
		if at := p.service(t, "vault").Status.Environments["dev"]; at.State != client.StateDegraded {
			return fmt.Errorf("with a secret with which it does not come up it is %+v", at)
		}
		return nil
	})
	if now := p.instance(t, "vault"); now != was {
		t.Errorf("what served was started again: process %d instead of %d", now, was)
	}
	p.delete(t, "vault")
}

// A service that was stopped is stopped after the release that would have brought it up.
func (p *platform) testCancelStopped(t *testing.T) {
	p.up(t, "one", "halted", map[string]string{"MODE": "good"})
	if _, err := p.Scale(t.Context(), "halted", "dev", 0, ""); err != nil {
		t.Fatal(err)
	}
	stopped := func() error {
		s := p.service(t, "halted")
		if at := s.Status.Environments["dev"]; at.State != client.StateStopped || s.Spec.Environments["dev"].Replicas != 0 || at.Generation != s.Metadata.Generation {
			return fmt.Errorf("with %d replicas it is %+v", s.Spec.Environments["dev"].Replicas, at)
		}
		return nil
	}
	eventually(t, stopped)
	before := len(p.processes(t))
	comes := p.comesUp(t, "two", "halted", waits())
	p.cancelled(t, comes, client.StepRollout)
	eventually(t, stopped)
	if err := p.running(t, before); err != nil {
		t.Error(err)
	}
	p.delete(t, "halted")
}

// Who stops a service while releases are on their way stops it, whichever of them is
// cancelled.
func (p *platform) testCancelAfterStop(t *testing.T) {
	p.up(t, "one", "ended", map[string]string{"MODE": "good"})
	before := len(p.processes(t))
	comes := p.comesUp(t, "two", "ended", waits())
	last := p.admit(t, p.upload(t, "two"), "ended", map[string]string{"MODE": "good"}).Metadata.Name
	if _, err := p.Scale(t.Context(), "ended", "dev", 0, ""); err != nil {
		t.Fatal(err)
	}
	p.cancelled(t, comes, client.StepRollout)
	p.succeeded(t, last)
	eventually(t, func() error {
		if at := p.service(t, "ended").Status.Environments["dev"]; at.State != client.StateStopped {
			return fmt.Errorf("stopped it is %+v", at)
		}
		return p.running(t, before-1)
	})
	p.delete(t, "ended")
}

// All that is cancelled at once ends at once, and leaves no settings.
func (p *platform) testCancelAtOnce(t *testing.T) {
	start := map[string]string{"MODE": "good", "FRUIT": "apple"}
	p.up(t, "one", "many", start)
	names := []string{p.comesUp(t, "two", "many", waits("FRUIT", "plum"))}
	digest := p.upload(t, "two")
	for i := range 5 {
		names = append(names, p.admit(t, digest, "many", waits("FRUIT", fmt.Sprint(i), fmt.Sprint("ONLY_", i), "x")).Metadata.Name)
	}
	var all sync.WaitGroup
	for _, name := range names {
		all.Go(func() {
			if _, err := p.Cancel(t.Context(), name, ""); err != nil {
				t.Errorf("cancel %s: %v", name, err)
			}
		})
	}
	all.Wait()
	for _, name := range names {
		if rel := p.ended(t, name); rel.Status.Phase != client.PhaseCancelled {
			t.Errorf("%s is %s: %v", name, rel.Status.Phase, rel.Status.Problem)
		}
	}
	if env := p.service(t, "many").Spec.Environments["dev"].Env; !maps.Equal(env, start) {
		t.Errorf("the settings are %v", env)
	}
	p.delete(t, "many")
}

// The end of a release to one environment leaves the others alone, also one that is not
// well and would be started again.
func TestCancelLeavesOtherEnvironmentsAlone(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	rel, err := p.Release(t.Context(), client.ReleaseSpec{Source: p.upload(t, "one"), Service: "sick", Environment: "production", Set: map[string]string{"MODE": "sickens"}}, "", "", false)
	if err != nil {
		t.Fatal(err)
	}
	p.succeeded(t, rel.Metadata.Name)
	p.up(t, "one", "sick", map[string]string{"MODE": "good"})
	sick := func() (pid int) {
		eventually(t, func() error {
			s, err := p.ServiceStatus(t.Context(), "sick")
			at := s.Environments["production"]
			if err != nil || len(at.Instances) != 1 || at.Instances[0].State != client.InstanceUnhealthy {
				return fmt.Errorf("it is told to be %+v (%v)", at, err)
			}
			pid = at.Instances[0].PID
			return nil
		})
		return pid
	}
	was := sick()
	p.cancelled(t, p.comesUp(t, "two", "sick", waits()), client.StepRollout)
	p.up(t, "three", "sick", map[string]string{"MODE": "good"}) // the jobs of the end are done by then
	if now := sick(); now != was {
		t.Errorf("a release to dev was cancelled, and in production process %d runs instead of %d", now, was)
	}
}

// Further processes of a first release go with the service.
func TestProcessesOfADeletedService(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	dir := write(t, "one")
	procfile := "web: $STOA_OUT\naworker: sh -c 'sleep 4321'\nbworker: sh -c 'sleep 4322'\ncworker: sh -c 'sleep 4323'\n"
	if err := os.WriteFile(filepath.Join(dir, "Procfile"), []byte(procfile), 0o600); err != nil {
		t.Fatal(err)
	}
	rel := p.admit(t, uploadBy(t, p.Client, dir), "parts", map[string]string{"MODE": "good"})
	eventually(t, func() error {
		if all := strings.Join(p.processes(t), "\n"); !strings.Contains(all, "4322") {
			return errors.New(all)
		}
		return nil
	})
	p.delete(t, "parts")
	p.ended(t, rel.Metadata.Name)
	eventually(t, func() error { return p.running(t, 0) })
}

// Those that wait and are cancelled take no place of a build.
func TestCancelledReleasesHinderNobody(t *testing.T) {
	t.Parallel()
	built, goOn := make(chan struct{}), make(chan struct{})
	p := &platform{data: t.TempDir(), root: t, onEdge: func(release, step string, done bool) {
		if release == "shop-1" && step == client.StepBuild && !done {
			close(built)
			<-goOn
		}
	}}
	p.database = filepath.Join(p.data, "stoa.db")
	p.reopen(t)
	digest := p.upload(t, "one")
	first := p.admit(t, digest, "shop", nil).Metadata.Name
	<-built
	for range 6 {
		p.cancelled(t, p.admit(t, digest, "shop", nil).Metadata.Name, client.StepBuild)
	}
	p.up(t, "of another", "other", nil)
	close(goOn)
	p.succeeded(t, first)
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
