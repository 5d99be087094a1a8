package history

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/hosted"
)

// The CDEvents types that facts become.
const (
	typeDeployed    = "dev.cdevents.service.deployed.0.3.0"
	typeUpgraded    = "dev.cdevents.service.upgraded.0.3.0"
	typeRolledBack  = "dev.cdevents.service.rolledback.0.3.0"
	typeRun         = "dev.cdevents.pipelinerun.finished.0.3.0"
	typeOpened      = "dev.cdevents.change.created.0.4.0"
	typeUpdated     = "dev.cdevents.change.updated.0.3.0"
	typeMerged      = "dev.cdevents.change.merged.0.3.0"
	typeAbandoned   = "dev.cdevents.change.abandoned.0.3.0"
	typeReported    = "dev.cdevents.incident.reported.0.3.0"
	typeResolved    = "dev.cdevents.incident.resolved.0.3.0"
	typePublished   = "dev.cdevents.service.published.0.3.0"
	typeRepoCreated = "dev.cdevents.repository.created.0.3.0"
)

// fact is one thing that happened in a repository.
type fact struct {
	kind string
	id   string // unique within the source
	at   time.Time
	by   actor

	service     string // of another repository, where the fact says so
	environment string

	about   string // the id of what it is about
	content map[string]any
	custom  map[string]any
}

// actor is who did something.
type actor struct {
	name string // a principal such as "git/ann@example.org"; empty is not known
	bot  bool
}

// reading is one pass over one repository.
type reading struct {
	Options
	repo   Repository
	host   hosted.Repository // of a repository on a host: what its facts are called
	sink   Sink
	future int // facts that claim to lie ahead
}

// tell hands a fact over, unless it lies outside of the time that is read.
func (r *reading) tell(ctx context.Context, f fact) error {
	if f.at.After(r.Now) {
		r.future++
		return nil
	}
	if f.at.Before(r.Since) {
		return nil
	}
	if f.service == "" {
		f.service = r.repo.Service
	}
	if f.by.name == "" {
		f.by = actor{"history/unknown", true} // without one the event would be its poster's doing
	}
	f.id = cut(f.id, maxID)
	e := event.Event{
		ID: f.id, Source: r.repo.Source, Type: f.kind, Subject: "service/" + f.service, Time: f.at.UTC(),
		Actor: f.by.name, Service: f.service, Environment: f.environment,
	}
	if f.service == r.repo.Service {
		e.Team = r.State.team(r.repo.Key, f.at)
	}
	if f.by.bot {
		e.Extensions = map[string]string{event.ExtBot: "true"}
	}
	e, err := e.AsCDEvent(f.about, f.content, f.custom)
	if err != nil {
		return fmt.Errorf("tell of %s: %w", r.repo.Path, err)
	}
	return r.sink.Event(ctx, e)
}

// end tells what was left out.
func (r *reading) end() {
	if r.future > 0 {
		r.sink.Skipped(r.repo.Path, fmt.Sprintf("%d of its facts claim to happen in the future", r.future))
	}
}

// deployed tells that a deployment came to its end.
func (r *reading) deployed(ctx context.Context, d *deployment) error {
	if d.failed {
		return r.tell(ctx, fact{
			kind: typeRun, id: d.id, at: d.at, by: d.by, environment: d.environment, about: d.id,
			content: map[string]any{"pipelineName": "deployment", "outcome": "failure", "uri": d.url},
			custom: keep(map[string]any{
				"service": r.repo.Service, "environment": d.environment, "commit": d.commit, "release": d.release,
			}),
		})
	}
	kind := typeUpgraded
	switch {
	case d.back:
		kind = typeRolledBack
	case d.previous == nil && d.known:
		kind = typeDeployed
	}
	custom := map[string]any{"release": d.release, "cause": d.cause, "commit": d.commit, "fixes": d.fixes, "commitTime": stamp(d.commitTime)}
	if d.previous != nil {
		custom["previous"] = d.previous.release
	}
	switch {
	case d.known:
		custom["changes"], custom["changesCount"] = d.brought.list(), d.brought.commits
	case d.merge: // when it was made would be taken for when the changes were
		delete(custom, "commitTime")
	}
	return r.tell(ctx, fact{
		kind: kind, id: d.id, at: d.at, by: d.by, environment: d.environment, about: r.repo.Service,
		content: map[string]any{"environment": map[string]any{"id": d.environment}, "artifactId": r.purl(d)},
		custom:  keep(custom),
	})
}

// purl names what was deployed as a package URL.
func (r *reading) purl(d *deployment) string {
	version := d.commit
	if version == "" {
		version = d.release
	}
	return "pkg:generic/" + r.repo.Service + "@" + url.PathEscape(version)
}

// merged tells that a change came to the main branch.
func (r *reading) merged(ctx context.Context, id, about, commit string, at, first time.Time, by actor) error {
	return r.tell(ctx, fact{
		kind: typeMerged, id: id, at: at, by: by, about: about,
		content: map[string]any{"repository": map[string]any{"id": r.repo.Name}},
		custom:  keep(map[string]any{"commit": commit, "firstCommitTime": stamp(first)}),
	})
}

// keep drops what is empty.
func keep(m map[string]any) map[string]any {
	for k, v := range m {
		if v == nil || v == "" {
			delete(m, k)
		}
	}
	return m
}

// stamp writes a time; "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
