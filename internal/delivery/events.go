package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/store"
)

// The CDEvents types that delivery tells. There is none for a deployment that
// failed: a pipeline run that finished with its outcome says it.
const (
	typeDeployed         = "dev.cdevents.service.deployed.0.3.0"
	typeUpgraded         = "dev.cdevents.service.upgraded.0.3.0"
	typeRolledBack       = "dev.cdevents.service.rolledback.0.3.0"
	typeRemoved          = "dev.cdevents.service.removed.0.3.0"
	typePipelineFinished = "dev.cdevents.pipelinerun.finished.0.3.0"
)

// stepEvent tells that a step of a release ended.
func stepEvent(rel Release, step string, state StepState, took time.Duration, message string) (event.Event, error) {
	e := releaseEvent(rel, "dev.stoa.release."+step+"."+string(state))
	var err error
	e.Data, err = json.Marshal(map[string]any{"release": rel.Metadata.Name, "ms": took.Milliseconds(), "message": message})
	if err != nil {
		return event.Event{}, fmt.Errorf("encode event %s of release %s: %w", e.Type, rel.Metadata.Name, err)
	}
	return e, nil
}

// admittedEvents tell of the steps that were done on the way in, and of what by
// was asked and has answered.
func admittedEvents(rel Release, by string) ([]event.Event, error) {
	var events []event.Event
	for _, id := range slices.Sorted(maps.Keys(rel.Spec.Answers)) {
		e := releaseEvent(rel, "dev.stoa.input.answered")
		data, err := json.Marshal(map[string]string{"id": id, "answer": rel.Spec.Answers[id]})
		if err != nil {
			return nil, err
		}
		e.Actor, e.Extensions, e.Data = by, map[string]string{"question": id}, data
		events = append(events, e)
	}
	for _, step := range rel.Status.Steps {
		if step.State != StepDone {
			continue
		}
		e, err := stepEvent(rel, step.Name, step.State, time.Duration(step.Millis)*time.Millisecond, step.Message)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// deployed tells that the release serves now.
func (r *run) deployed() ([]event.Event, error) {
	kind := typeDeployed
	switch {
	case r.rel.Spec.Cause == CauseRollback:
		kind = typeRolledBack
	case r.rel.Status.Previous != "":
		kind = typeUpgraded
	}
	content := map[string]any{
		"environment": map[string]any{"id": r.rel.Spec.Environment},
		"artifactId":  purl(r.rel),
	}
	custom := map[string]any{
		"release": r.rel.Metadata.Name, "cause": eventCause(r.rel), "previous": r.rel.Status.Previous,
		"commit": r.rel.Status.Commit, "commitTime": r.rel.Status.CommitTime,
	}
	if r.rel.Spec.Changes != nil {
		custom["changes"] = r.rel.Spec.Changes
	}
	if r.rel.Spec.Fixes != "" {
		custom["fixes"] = r.rel.Spec.Fixes
	}
	e, err := releaseEvent(r.rel, kind).AsCDEvent(r.rel.Spec.Service, content, custom)
	return []event.Event{e}, err
}

// pipelineFinished tells that the release failed or was cancelled.
func pipelineFinished(rel Release, phase Phase, because *problem.Problem) (event.Event, error) {
	outcome := map[Phase]string{Failed: "failure", Cancelled: "cancel"}[phase]
	content := map[string]any{"pipelineName": "release", "outcome": outcome, "errors": because.Title}
	return releaseEvent(rel, typePipelineFinished).AsCDEvent(rel.Metadata.Name, content, map[string]any{
		"release": rel.Metadata.Name, "service": rel.Spec.Service, "environment": rel.Spec.Environment, "commit": rel.Status.Commit,
	})
}

// removedEvents tell that a service is gone from where it ran.
func removedEvents(s catalog.Service) ([]event.Event, error) {
	var events []event.Event
	for _, env := range slices.Sorted(maps.Keys(s.Status.Environments)) {
		e, err := event.Event{
			Source: eventSource, Type: typeRemoved, Subject: s.Ref().String(), Time: time.Now(), Actor: actor,
			Team: s.Metadata.Owner, Service: s.Metadata.Name, Environment: env,
		}.AsCDEvent(s.Metadata.Name, map[string]any{"environment": map[string]any{"id": env}}, nil)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

func releaseEvent(rel Release, kind string) event.Event {
	return event.Event{
		Source: eventSource, Type: kind, Subject: rel.Ref().String(), Time: time.Now(), Actor: actor,
		Team: rel.Metadata.Owner, Service: rel.Spec.Service, Environment: rel.Spec.Environment, Capability: event.CapabilityDeploy,
	}
}

// purl names the artifact as a package URL.
func purl(rel Release) string {
	return "pkg:generic/" + rel.Spec.Service + "@" + rel.Status.Artifact
}

// NoteExit records that an instance of a serving release ends again and again.
// A single exit is in the logs; a loop is a fact.
func (d *Delivery) NoteExit(e runtime.Event) {
	if !e.CrashLoop {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	name, _ := e.Key.Parts()
	err := d.store.Write(ctx, actor, func(ctx context.Context, tx *store.Tx) error {
		s, err := object.Get[catalog.Service](ctx, tx, name)
		if err != nil {
			return err
		}
		loops, err := crashLoop(s, e)
		if err != nil {
			return err
		}
		tx.Append(loops)
		return nil
	})
	if err != nil {
		d.log.Error("crash loop not recorded", "service", name, "error", err)
	}
}

// crashLoop tells that an instance of the service, or of a further process of
// it, ends again and again.
func crashLoop(s catalog.Service, e runtime.Event) (event.Event, error) {
	data := map[string]any{"release": e.Release, "instance": e.Instance, "exit": e.Exit.String(), "restarts": e.Restarts}
	who := "an instance"
	if _, process := e.Key.Parts(); process != "" {
		data["process"], who = process, "process "+process
	}
	data["message"] = who + " ends again and again: " + e.Exit.String()
	raw, err := json.Marshal(data)
	return event.Event{
		Source: eventSource, Type: "dev.stoa.service.crashlooping", Subject: s.Ref().String(), Actor: actor,
		Team: s.Metadata.Owner, Service: s.Metadata.Name, Environment: e.Key.Environment, Data: raw,
	}, err
}
