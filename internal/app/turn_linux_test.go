package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/client"
)

// A release that waits for its turn does not look for it again and again: the end of
// the one before gives it a job.
func (p *platform) testTurns(t *testing.T) {
	const queued = 3
	digest := p.upload(t, "one")
	names := []string{p.admit(t, digest, "turns", map[string]string{"MODE": "waits"}).Metadata.Name}
	for range queued {
		names = append(names, p.admit(t, digest, "turns", map[string]string{"MODE": "waits"}).Metadata.Name)
	}
	db := p.sql(t)
	for _, name := range names[1:] {
		eventually(t, func() error {
			var state string
			err := db.QueryRowContext(t.Context(), `SELECT state FROM river_job WHERE CAST(args AS TEXT) LIKE '%"`+name+`"%'`).Scan(&state)
			if err != nil || state != "scheduled" {
				return fmt.Errorf("the job of %s, which waits, is %s (%v)", name, state, err)
			}
			return nil
		})
		raw, err := p.Get(t.Context(), "releases", name)
		if err != nil || !strings.Contains(string(raw), `"phase": "pending"`) && !strings.Contains(string(raw), `"phase":"pending"`) {
			t.Fatalf("before its turn %s is %s (%v)", name, raw, err)
		}
	}
	eventually(t, func() error { return os.WriteFile(filepath.Join(p.data, "homes", "turns.dev", "go"), nil, 0o600) })
	previous := ""
	for _, name := range names {
		if rel := p.succeeded(t, name); rel.Status.Previous != previous {
			t.Errorf("%s came after %q, want %q", name, rel.Status.Previous, previous)
		}
		previous = name
	}
}

// A release of which it cannot be recorded that it serves fails, and what is on
// record serves: nobody would know of the other.
func TestUnrecordedReleaseIsTakenBack(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	p.up(t, "recorded", "shop", nil)
	for what, statement := range map[string]string{
		"no end of verify is recorded": `CREATE TRIGGER unrecorded BEFORE UPDATE ON objects
			WHEN NEW.kind = 'Release' AND NEW.name = 'shop-2' AND NEW.doc LIKE '%"observed"%' AND NEW.doc NOT LIKE '%"failed"%'
			BEGIN SELECT RAISE(ABORT, 'out of paper'); END`,
		"the second attempt is the last": `CREATE TRIGGER impatient AFTER UPDATE ON river_job
			WHEN OLD.state = 'running' AND NEW.state <> 'running' AND NEW.attempt = 1 AND NEW.finalized_at IS NULL
			BEGIN UPDATE river_job SET attempt = 3 WHERE id = NEW.id; END`,
	} {
		db := p.sql(t)
		eventually(t, func() error { // the platform writes too
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			return nil
		})
	}
	rel := p.ended(t, p.admit(t, p.upload(t, "unrecorded"), "shop", nil).Metadata.Name)
	if told := rel.Status.Problem; rel.Status.Phase != client.PhaseFailed || told == nil || !strings.Contains(told.Title, "out of paper") {
		t.Fatalf("the release is %s: %+v", rel.Status.Phase, told)
	}
	if _, body, err := p.get("shop", "/"); body != "recorded" {
		t.Errorf("after the end of the release shop answers %q (%v)", body, err)
	}
	s := p.service(t, "shop").Status.Environments["dev"]
	if s.Release != "shop-1" || s.State != client.StateRunning || s.Missed == nil || s.Missed.Release != "shop-2" {
		t.Errorf("the service is %+v", s)
	}
}

// What was being released when its service was deleted is never a release of the
// service that took the name since.
func TestReleaseOfADeletedService(t *testing.T) {
	t.Parallel()
	built, goOn := make(chan struct{}), make(chan struct{})
	p := &platform{data: t.TempDir(), root: t, onEdge: func(release, step string, done bool) {
		if release == "shop-1" && step == client.StepBuild && done {
			close(built)
			<-goOn
		}
	}}
	p.database = filepath.Join(p.data, "stoa.db")
	p.reopen(t)
	old := p.admit(t, p.upload(t, "of the old one"), "shop", nil)
	<-built
	waits := p.admit(t, p.upload(t, "of the old one too"), "shop", nil)
	p.delete(t, "shop")
	fresh := p.admit(t, p.upload(t, "of the new one"), "shop", nil)
	p.succeeded(t, fresh.Metadata.Name)
	p.answers(t, "shop", "of the new one")
	close(goOn)
	for _, rel := range []client.Release{old, waits} {
		if rel = p.ended(t, rel.Metadata.Name); rel.Status.Phase != client.PhaseCancelled || rel.Status.Problem == nil || rel.Status.Problem.Kind != client.Conflict {
			t.Errorf("%s of the deleted service: %s, %v", rel.Metadata.Name, rel.Status.Phase, rel.Status.Problem)
		}
	}
	p.answers(t, "shop", "of the new one")
	if s := p.service(t, "shop").Status.Environments["dev"]; s.Release != fresh.Metadata.Name || s.State != client.StateRunning || s.Missed != nil {
		t.Errorf("the new service is %+v", s)
	}
}
