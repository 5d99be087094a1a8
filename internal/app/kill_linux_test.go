package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// edges are the moments before and after each step that a worker takes. The
// first is also the one after the admission, the last the one after the end.
func edges() []string {
	var all []string
	for _, step := range []string{client.StepBuild, client.StepRelease, client.StepRollout, client.StepVerify, client.StepRoute} {
		all = append(all, edge(step, false), edge(step, true))
	}
	return all
}

// edgesOnTheWayIn are the moments before and after each step that is taken
// inside the request: nothing of it may be on record yet.
func edgesOnTheWayIn() []string {
	var all []string
	for _, step := range []string{client.StepDetect, client.StepOwner, client.StepGates} {
		all = append(all, edge(step, false), edge(step, true))
	}
	return all
}

// A platform that is killed while a release is on its way in, which was
// confirmed to nobody, has nothing of it after: no release, no service, no team
// that it would have made, no event. The same again succeeds.
func TestKilledOnTheWayIn(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			url := ""
			if database == "postgres" {
				url = testenv.Postgres(t)
			}
			p := startProcess(t, url)
			dir := write(t, "in")
			if err := os.WriteFile(filepath.Join(dir, "CODEOWNERS"), []byte("* @example/orchard\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			digest := uploadBy(t, p.Client, dir)
			for i, at := range edgesOnTheWayIn() {
				p.killedOnTheWayIn(t, at, digest, fmt.Sprint("fruit-", i), i == 0)
			}
			p.verifyLedger(t)
			p.kill()
			p.noProcesses(t)
		})
	}
}

// killedOnTheWayIn asks for the first release of a service, is killed at the
// edge, starts again, finds nothing and asks again.
func (p *platform) killedOnTheWayIn(t *testing.T, at, digest, service string, first bool) {
	t.Helper()
	before, err := p.releases(t)
	if err != nil {
		t.Fatal(err)
	}
	told := len(p.events(t, client.EventQuery{}))
	running := p.processes(t)
	if err := os.WriteFile(filepath.Join(p.data, "kill-at"), []byte(at), 0o600); err != nil {
		t.Fatal(err)
	}
	spec := client.ReleaseSpec{Source: digest, Service: service}
	if rel, err := p.Release(t.Context(), spec, "", "", false); err == nil {
		t.Fatalf("%s: release %s was confirmed", at, rel.Metadata.Name)
	}
	if err := p.wait(); err == nil {
		t.Fatalf("%s: the platform ended by itself", at)
	}
	p.noProcesses(t)
	p.start(t)
	eventually(t, func() error { // what served before serves again, and no more
		if now := p.processes(t); len(now) != len(running) {
			return fmt.Errorf("%d processes run, before the kill %d: %v", len(now), len(running), now)
		}
		return nil
	})
	after, err := p.releases(t)
	if err != nil || len(after) != len(before) {
		t.Errorf("%s: %d releases, before %d (%v)", at, len(after), len(before), err)
	}
	if _, err := p.Get(t.Context(), "services", service); !problem.Is(err, problem.NotFound) {
		t.Errorf("%s: service %s: %v, want that there is none", at, service, err)
	}
	if _, err := p.Get(t.Context(), "teams", "orchard"); first != problem.Is(err, problem.NotFound) {
		t.Errorf("%s: the team that the source names: %v", at, err)
	}
	events := p.events(t, client.EventQuery{})
	for i, e := range events {
		if strings.Contains(e.Subject, service) {
			t.Errorf("%s: there is an event %s of %s", at, e.Type, e.Subject)
		}
		if i > 0 && e.Seq != events[i-1].Seq+1 {
			t.Errorf("%s: event %d comes after event %d", at, e.Seq, events[i-1].Seq)
		}
	}
	if len(events) < told {
		t.Errorf("%s: %d events, before the kill %d", at, len(events), told)
	}
	rel, err := p.Release(t.Context(), spec, "", "", false)
	if err != nil {
		t.Fatalf("%s: the same again: %v", at, err)
	}
	if rel = p.succeeded(t, rel.Metadata.Name); rel.Spec.Number != 1 || rel.Metadata.Owner != "orchard" {
		t.Errorf("%s: the same again is release %d of team %s", at, rel.Spec.Number, rel.Metadata.Owner)
	}
	p.answers(t, service, "in")
	p.onceEach(t, rel)
	if t.Failed() {
		t.Fatalf("after a kill %s", at)
	}
}

// A platform that is killed at any edge of a release carries it to its end at
// the next start, tells each step's end once, and leaves no process behind.
func TestKilledAtEveryEdge(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			url := ""
			if database == "postgres" {
				url = testenv.Postgres(t)
			}
			p := startProcess(t, url)
			p.up(t, "0", "shop", nil)
			for i, at := range edges() {
				if database == "postgres" && i%2 == 0 {
					continue // what differs is how a job is taken back: every second edge shows it
				}
				p.killedAt(t, at, fmt.Sprint(i+1))
			}
			p.verifyLedger(t)
			p.kill()
			p.noProcesses(t)
		})
	}
}

// killedAt releases a version, is killed at the edge, and starts again.
func (p *platform) killedAt(t *testing.T, at, version string) {
	t.Helper()
	digest := p.upload(t, version)
	if err := os.WriteFile(filepath.Join(p.data, "kill-at"), []byte(at), 0o600); err != nil {
		t.Fatal(err)
	}
	rel := p.admit(t, digest, "shop", nil)
	if err := p.wait(); err == nil {
		t.Fatalf("%s: the platform ended by itself", at)
	}
	p.noProcesses(t)
	p.start(t)
	rel = p.succeeded(t, rel.Metadata.Name)
	p.answers(t, "shop", version)
	p.onceEach(t, rel)
	if n := len(p.processes(t)); n != 1 {
		t.Errorf("%s: %d processes run after the restart, want 1: %v", at, n, p.processes(t))
	}
	if t.Failed() {
		t.Fatalf("after a kill %s", at)
	}
}

// Kills at moments that nobody chose: whatever was admitted comes to its end.
func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	const seed = 20261122
	random := rand.New(rand.NewPCG(seed, seed))
	p := startProcess(t, "")
	admitted := map[string]string{} // version of each release that the platform has confirmed
	latest := ""
	for i := range 5 {
		version := fmt.Sprint("random ", i)
		digest := p.upload(t, version)
		killed := time.AfterFunc(time.Duration(random.IntN(1500))*time.Millisecond, func() { _ = p.cmd.Process.Kill() })
		rel, err := p.Release(t.Context(), client.ReleaseSpec{Source: digest, Service: "shop"}, "", "", false)
		switch {
		case err == nil:
			admitted[rel.Metadata.Name] = version
		case !problem.Is(err, problem.Unavailable):
			t.Logf("the answer was cut off: %v", err)
		}
		_ = p.wait()
		killed.Stop()
		p.noProcesses(t)
		p.start(t)
		latest = p.allEnd(t, admitted)
	}
	if latest == "" {
		t.Fatal("not one release was admitted")
	}
	p.verifyLedger(t)
	p.kill()
	p.noProcesses(t)
}

// allEnd waits until every release has succeeded, checks that none is lost and
// returns the name of the newest.
func (p *platform) allEnd(t *testing.T, admitted map[string]string) string {
	t.Helper()
	var releases []client.Release
	eventually(t, func() (err error) {
		if releases, err = p.releases(t); err != nil {
			return err
		}
		for _, rel := range releases {
			if !rel.Status.Phase.Final() {
				return fmt.Errorf("release %s is %s", rel.Metadata.Name, rel.Status.Phase)
			}
		}
		return nil
	})
	found := map[string]bool{}
	newest := client.Release{}
	for _, rel := range releases {
		found[rel.Metadata.Name] = true
		if rel.Status.Phase != client.PhaseSucceeded {
			t.Errorf("release %s: %v", rel.Metadata.Name, rel.Status.Problem)
		}
		p.onceEach(t, rel)
		if rel.Spec.Number > newest.Spec.Number {
			newest = rel
		}
	}
	for name := range admitted {
		if !found[name] {
			t.Errorf("release %s was confirmed and is lost", name)
		}
	}
	if version, ok := admitted[newest.Metadata.Name]; ok {
		p.answers(t, "shop", version)
	}
	if t.Failed() {
		t.FailNow()
	}
	return newest.Metadata.Name
}

func (p *platform) releases(t *testing.T) ([]client.Release, error) {
	t.Helper()
	page, err := p.List(t.Context(), "releases", client.Query{Limit: 1000})
	if err != nil {
		return nil, err
	}
	all := make([]client.Release, len(page.Items))
	for i, raw := range page.Items {
		err = errors.Join(err, json.Unmarshal(raw, &all[i]))
	}
	return all, err
}
