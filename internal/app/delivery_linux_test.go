package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/testenv"
)

func TestDelivery(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		p := open(t, "")
		life(t, p)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		p := open(t, testenv.Postgres(t))
		life(t, p)
	})
}

// life is the life of a few services on one platform.
func life(t *testing.T, p *platform) {
	t.Run("the same source again is not built again", p.testCached)
	t.Run("two releases of a service at once", p.testTwoAtOnce)
	t.Run("releases of a service take turns", p.testTurns)
	t.Run("a release is cancelled", p.testCancel)
	t.Run("a cancelled release changes nothing", p.testCancelUndoes)
	t.Run("a cancelled release leaves alone what serves", p.testCancelLeavesAlone)
	t.Run("a cancelled release brings nothing up", p.testCancelStopped)
	t.Run("a release is cancelled after a stop", p.testCancelAfterStop)
	t.Run("many releases are cancelled at once", p.testCancelAtOnce)
	t.Run("two first releases of a service at once", p.testFirstTwiceAtOnce)
	t.Run("settings go back with a release", p.testSettingsGoBack)
	t.Run("ten services at once", p.testTenAtOnce)
	t.Run("scale to nothing and back", p.testScale)
	t.Run("scale during the first release", p.testScaleDuring)
	t.Run("roll back while a release is running", p.testRollback)
	t.Run("a running release is not deleted", p.testReleaseDeletion)
	t.Run("delete a service", p.testDeletion)
	t.Run("delete a service while a release is running", p.testDeletionDuring)
	t.Run("a restart brings back what ran", p.testRestart)
	p.verifyLedger(t)
	p.stop()
	p.noProcesses(t)
}

func (p *platform) testCached(t *testing.T) {
	first := p.up(t, "one", "cached", nil)
	second := p.up(t, "one", "cached", nil)
	if first.Status.Cached || !second.Status.Cached {
		t.Errorf("cached: first %v, second %v", first.Status.Cached, second.Status.Cached)
	}
	if first.Status.Artifact != second.Status.Artifact || second.Status.Previous != first.Metadata.Name {
		t.Errorf("artifacts %s and %s, previous %q", first.Status.Artifact, second.Status.Artifact, second.Status.Previous)
	}
	p.onceEach(t, first)
	p.onceEach(t, second)
}

func (p *platform) testTwoAtOnce(t *testing.T) {
	digests := []string{p.upload(t, "two-a"), p.upload(t, "two-b")}
	names := make([]string, 2)
	var all sync.WaitGroup
	for i, digest := range digests {
		all.Go(func() {
			rel, err := p.Release(t.Context(), client.ReleaseSpec{Source: digest, Service: "twice"}, "", "", false)
			if err != nil {
				t.Errorf("release: %v", err)
			}
			names[i] = rel.Metadata.Name
		})
	}
	all.Wait()
	versions := map[string]string{names[0]: "two-a", names[1]: "two-b"}
	if len(versions) != 2 || versions["twice-1"] == "" || versions["twice-2"] == "" {
		t.Fatalf("releases %v, want twice-1 and twice-2", names)
	}
	first, second := p.succeeded(t, "twice-1"), p.succeeded(t, "twice-2")
	if second.Status.Finished.Before(*first.Status.Finished) || second.Status.Previous != "twice-1" {
		t.Errorf("not in order: %v and %v, previous %q", first.Status.Finished, second.Status.Finished, second.Status.Previous)
	}
	p.answers(t, "twice", versions["twice-2"])
}

// Two first releases at once, each to an environment of its own: neither takes away
// what the other said of the service.
func (p *platform) testFirstTwiceAtOnce(t *testing.T) {
	digest := p.upload(t, "one")
	const services = 8
	var all sync.WaitGroup
	for i := range services {
		for _, env := range []string{"dev", "production"} {
			all.Go(func() {
				if _, err := p.Release(t.Context(), client.ReleaseSpec{Source: digest, Service: fmt.Sprint("first-", i), Environment: env, Set: map[string]string{"IN": env}}, "", "", false); err != nil {
					t.Errorf("release to %s: %v", env, err)
				}
			})
		}
	}
	all.Wait()
	for i := range services {
		name := fmt.Sprint("first-", i)
		for _, rel := range []string{name + "-1", name + "-2"} {
			p.succeeded(t, rel)
		}
		for _, env := range []string{"dev", "production"} {
			if got := p.service(t, name).Spec.Environments[env]; got.Replicas != 1 || got.Env["IN"] != env {
				t.Errorf("%s in %s: %+v", name, env, got)
			}
		}
		p.delete(t, name)
	}
}

// A release of the same artifact with other settings can be gone back from, and what
// comes back is how it ran.
func (p *platform) testSettingsGoBack(t *testing.T) {
	p.up(t, "one", "settings", map[string]string{"A": "1"})
	p.up(t, "one", "settings", map[string]string{"A": "2", "B": "2"})
	rel, err := p.Rollback(t.Context(), "settings", "dev", "", "")
	if err != nil {
		t.Fatal(err)
	}
	p.succeeded(t, rel.Metadata.Name)
	if got := p.service(t, "settings").Spec.Environments["dev"].Env; len(got) != 1 || got["A"] != "1" || rel.Spec.From != "settings-1" {
		t.Errorf("gone back to %s, with %v", rel.Spec.From, got)
	}
}

func (p *platform) testTenAtOnce(t *testing.T) {
	digest := p.upload(t, "one")
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			name := fmt.Sprint("many-", i)
			rel, err := p.Release(t.Context(), client.ReleaseSpec{Source: digest, Service: name}, "", "", false)
			if err == nil {
				rel, err = p.Watch(t.Context(), rel.Metadata.Name, nil, nil)
			}
			if err == nil && rel.Status.Phase != client.PhaseSucceeded {
				err = rel.Status.Problem
			}
			if err == nil {
				var status int
				if status, _, err = p.get(name, "/"); err == nil && status != http.StatusOK {
					err = fmt.Errorf("answers %d", status)
				}
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	all.Wait()
	for i := range 10 {
		p.delete(t, fmt.Sprint("many-", i))
	}
}

// delete deletes a service and waits until it is gone.
func (p *platform) delete(t *testing.T, service string) {
	t.Helper()
	if _, err := p.Delete(t.Context(), "services", service, "", false); err != nil {
		t.Fatalf("delete %s: %v", service, err)
	}
	p.gone(t, service)
}

func (p *platform) gone(t *testing.T, service string) {
	t.Helper()
	eventually(t, func() error {
		_, err := p.Get(t.Context(), "services", service)
		if problem.Is(err, problem.NotFound) {
			return nil
		}
		return fmt.Errorf("service %s is still there (%v)", service, err)
	})
	if status, _, err := p.get(service, "/"); err != nil || status != http.StatusNotFound && status != http.StatusServiceUnavailable {
		t.Errorf("%s answers %d (%v) after its end", service, status, err)
	}
}

// healthy waits for the number of healthy instances.
func (p *platform) healthy(t *testing.T, service string, want int) {
	t.Helper()
	eventually(t, func() error {
		s, err := p.ServiceStatus(t.Context(), service)
		if got := s.Environments["dev"].Healthy; err != nil || got != want {
			return fmt.Errorf("%s has %d healthy instances (%v), want %d", service, got, err, want)
		}
		return nil
	})
}

func (p *platform) testScale(t *testing.T) {
	p.up(t, "one", "scaled", nil)
	scale := func(n int) {
		t.Helper()
		if _, err := p.Scale(t.Context(), "scaled", "dev", n, ""); err != nil {
			t.Fatalf("scale to %d: %v", n, err)
		}
	}
	scale(0)
	eventually(t, func() error {
		if s := p.service(t, "scaled"); s.Status.Environments["dev"].State != client.StateStopped || s.Status.Active {
			return fmt.Errorf("status %+v", s.Status)
		}
		return nil
	})
	if status, body, err := p.get("scaled", "/"); err != nil || status != http.StatusServiceUnavailable || !strings.Contains(body, "it is stopped") {
		t.Errorf("it answers %d %s (%v) with no instance", status, body, err)
	}
	if status, body, err := p.get("never", "/"); err != nil || status != http.StatusNotFound {
		t.Errorf("what is not there answers %d %s (%v)", status, body, err)
	}
	scale(3)
	p.healthy(t, "scaled", 3)
	p.answers(t, "scaled", "one")
	scale(1)
	p.healthy(t, "scaled", 1)
	if _, err := p.Restart(t.Context(), "scaled", "dev", ""); err != nil {
		t.Errorf("restart: %v", err)
	}
	if _, err := p.Scale(t.Context(), "scaled", "production", 1, ""); !problem.Is(err, problem.NotFound) {
		t.Errorf("scale where it never was: %v", err)
	}
}

// A scale that comes while the first release is on its way is not forgotten.
func (p *platform) testScaleDuring(t *testing.T) {
	rel := p.admit(t, p.upload(t, "during"), "grows", nil)
	if _, err := p.Scale(t.Context(), "grows", "dev", 2, ""); err != nil {
		t.Fatalf("scale: %v", err)
	}
	p.succeeded(t, rel.Metadata.Name)
	p.healthy(t, "grows", 2)
	p.delete(t, "grows")
}

func (p *platform) testRollback(t *testing.T) {
	first := p.up(t, "old", "back", nil)
	if _, err := p.Rollback(t.Context(), "back", "dev", "", ""); !problem.Is(err, problem.Invalid) {
		t.Errorf("rollback of the first release: %v", err)
	}
	p.up(t, "middle", "back", nil)
	running := p.admit(t, p.upload(t, "new"), "back", nil)
	rolled, err := p.Rollback(t.Context(), "back", "dev", "", "it is slow")
	if err != nil {
		t.Fatalf("rollback: %v", err)
	}
	if rolled.Spec.Cause != client.CauseRollback || rolled.Spec.From != first.Metadata.Name {
		t.Errorf("cause %q of %q, want the rollback to %s", rolled.Spec.Cause, rolled.Spec.From, first.Metadata.Name)
	}
	p.succeeded(t, running.Metadata.Name)
	rolled = p.succeeded(t, rolled.Metadata.Name)
	p.answers(t, "back", "old")
	if !rolled.Status.Cached {
		t.Error("the rollback was built anew")
	}
	var millis int64
	for _, step := range rolled.Status.Steps {
		millis += step.Millis
		if want := "artifact of " + first.Metadata.Name; step.Name == client.StepBuild && step.Message != want {
			t.Errorf("the build of the rollback says %q, want %q", step.Message, want)
		}
	}
	t.Logf("the rollback took %d ms", millis)
	if millis > 10_000 {
		t.Errorf("the rollback took %d ms, want less than ten seconds", millis)
	}
	var kinds []string
	for _, e := range p.events(t, client.EventQuery{Service: "back", Types: []string{"dev.cdevents.service."}}) {
		kinds = append(kinds, e.Type)
	}
	want := []string{"deployed", "upgraded", "upgraded", "rolledback"}
	for i := range want {
		want[i] = "dev.cdevents.service." + want[i] + ".0.3.0"
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("events %v, want %v", kinds, want)
	}
}

func (p *platform) testReleaseDeletion(t *testing.T) {
	rel := p.admit(t, p.upload(t, "kept"), "kept", nil)
	for _, when := range []string{"on its way", "serving"} {
		if _, err := p.Delete(t.Context(), "releases", rel.Metadata.Name, "", false); !problem.Is(err, problem.Conflict) {
			t.Errorf("deletion of a release that is %s: %v", when, err)
		}
		p.succeeded(t, rel.Metadata.Name)
	}
	p.up(t, "one", "kept", nil)
	if _, err := p.Delete(t.Context(), "releases", rel.Metadata.Name, "", false); err != nil {
		t.Errorf("deletion of a former release: %v", err)
	}
}

func (p *platform) testDeletion(t *testing.T) {
	p.up(t, "one", "short", nil)
	before := len(p.processes(t))
	p.delete(t, "short")
	if after := len(p.processes(t)); after != before-1 {
		t.Errorf("%d processes, %d after the deletion", before, after)
	}
	events := p.events(t, client.EventQuery{Service: "short", Types: []string{"dev.cdevents.service.removed.0.3.0"}})
	if len(events) != 1 || events[0].Environment != "dev" {
		t.Errorf("removal told %d times: %+v", len(events), events)
	}
	p.up(t, "one", "short", nil) // the name can be used again
	p.delete(t, "short")
}

func (p *platform) testDeletionDuring(t *testing.T) {
	before := len(p.processes(t))
	for i := range 3 { // each time at another moment of the release
		rel := p.admit(t, p.upload(t, fmt.Sprint("doomed ", i)), "doomed", nil)
		if i > 0 {
			eventually(t, func() error {
				raw, err := p.Get(t.Context(), "releases", rel.Metadata.Name)
				if err = errors.Join(err, json.Unmarshal(raw, &rel)); err != nil {
					return err
				}
				if at := rel.Status.Steps[2+i]; at.State != client.StepDone && at.State != client.StepRunning {
					return fmt.Errorf("%s is %s", at.Name, at.State)
				}
				return nil
			})
		}
		p.delete(t, "doomed")
		if rel = p.ended(t, rel.Metadata.Name); rel.Status.Phase != client.PhaseSucceeded {
			if told := rel.Status.Problem; told == nil || told.Kind != client.Conflict {
				t.Errorf("ended with %v", told)
			}
		}
		if after := p.processes(t); len(after) > before {
			t.Errorf("left running: %v", after)
		}
	}
}

func (p *platform) testRestart(t *testing.T) {
	p.up(t, "restarted", "lasting", nil)
	if _, err := p.Scale(t.Context(), "lasting", "dev", 2, ""); err != nil {
		t.Fatal(err)
	}
	p.healthy(t, "lasting", 2)
	p.up(t, "one", "resting", nil)
	if _, err := p.Scale(t.Context(), "resting", "dev", 0, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if state := p.service(t, "resting").Status.Environments["dev"].State; state != client.StateStopped {
			return fmt.Errorf("resting is %s", state)
		}
		return nil
	})
	p.stop()
	p.noProcesses(t)
	p.reopen(t)
	p.healthy(t, "lasting", 2)
	p.answers(t, "lasting", "restarted")
	if s, err := p.ServiceStatus(t.Context(), "resting"); err != nil || len(s.Environments["dev"].Instances) > 0 {
		t.Errorf("what was stopped runs again: %+v, %v", s, err)
	}
}
