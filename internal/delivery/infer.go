package delivery

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery/component"
	"github.com/stoa-platform/stoa/internal/delivery/ownership"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// inferred travels from Infer to Initial and Plan.
type inferred struct {
	release   Release
	detecting time.Duration
	owning    time.Duration
	ownerNote string
	back      *catalog.Running // how the release ran that is gone back to
	before    *catalog.Running // how the service ran
	settings  catalog.Running  // how it will
}

// infer fills in all that a release does not say: what the source is, which
// service it belongs to, whose that is.
func (d *Delivery) infer(ctx context.Context, r object.Reader, c *admission.Change, draft *admission.Draft) error {
	var rel Release
	if !decode(draft.Want, &rel) {
		return nil // the schema will say what is wrong
	}
	if rel.Spec.Cancel {
		return nil // as it may of one that was admitted before
	}
	if rel.Metadata.Version != 0 || rel.Spec.Number != 0 {
		return neverChanges(rel.Metadata.Name)
	}
	draft.CreateOnly = true
	note := &inferred{}
	d.stepEdge("", StepDetect, false)
	started := d.clock()
	// Told here, as one mistake: the release and its service both name them.
	err := known[catalog.Environment](ctx, r, "environment", rel.Spec.Environment)
	if err == nil {
		err = known[catalog.Team](ctx, r, "team", rel.Metadata.Owner)
	}
	if err != nil {
		return err
	}
	rel.Spec.Environment = cmp.Or(rel.Spec.Environment, d.firstEnvironment(ctx, r))
	if rel.Spec.From != "" {
		err = d.inferFrom(ctx, r, &rel, note)
	} else {
		err = d.inferSource(ctx, r, c.By, &rel)
	}
	if err != nil {
		return err
	}
	note.detecting = d.clock().Sub(started)
	d.stepEdge("", StepDetect, true)

	d.stepEdge("", StepOwner, false)
	started = d.clock()
	service, err := d.inferService(ctx, r, c, &rel, note)
	if err != nil {
		return err
	}
	note.owning = d.clock().Sub(started)
	d.stepEdge("", StepOwner, true)

	raw, err := service.Object()
	if err != nil {
		return err
	}
	// One that is new here may be made by another release meanwhile.
	c.Add(&admission.Draft{Want: raw, CreateOnly: service.Metadata.Version == 0})
	rel.Metadata.Owner = service.Metadata.Owner
	if err := inferChanges(ctx, r, service, &rel); err != nil {
		return err
	}
	if o := rel.Spec.Origin; o != nil {
		kept := *o
		kept.TopAuthors = nil // they were asked for the owner; nobody's work is counted
		kept.Recent = nil
		rel.Spec.Origin = &kept
	}
	if draft.Want, err = rel.Object(); err != nil {
		return err
	}
	note.release = rel
	draft.Inferred = note
	return nil
}

// inferFrom takes everything over from the release whose artifact is released again.
func (d *Delivery) inferFrom(ctx context.Context, r object.Reader, rel *Release, note *inferred) error {
	from, err := object.Get[Release](ctx, r, rel.Spec.From)
	if err != nil {
		return err
	}
	if rel.Spec.Service != "" && rel.Spec.Service != from.Spec.Service {
		return problem.New(problem.Invalid, "release %s is of service %s, not of %s", rel.Spec.From, from.Spec.Service, rel.Spec.Service)
	}
	if from.Status.Retired {
		return problem.New(problem.Invalid, "release %s is of a service of that name that was deleted", rel.Spec.From).Do("stoa up DIR    makes a new one")
	}
	if from.Status.Artifact == "" {
		return problem.New(problem.Invalid, "release %s has no artifact: it is %s", rel.Spec.From, from.Status.Phase).
			Do("stoa history " + from.Spec.Service + "    lists the releases")
	}
	rel.Spec.Service, rel.Spec.Source, rel.Spec.Origin = from.Spec.Service, from.Spec.Source, from.Spec.Origin
	rel.Spec.Component = from.Spec.Component
	rel.Spec.Workload, rel.Spec.Detected = from.Spec.Workload, from.Spec.Detected
	rel.Spec.Cause = CausePromote
	if from.Spec.Environment == rel.Spec.Environment {
		rel.Spec.Cause = CauseRollback
		note.back = from.Status.Settings
	}
	return nil
}

// inferSource detects what the uploaded source is.
func (d *Delivery) inferSource(ctx context.Context, r object.Reader, by auth.Principal, rel *Release) error {
	if rel.Spec.Source == "" {
		return problem.New(problem.Invalid, "a release needs a source or a release to take the artifact from").
			WithFields(problem.Field{Path: "spec.source", Message: "is missing"}).
			Do("stoa up DIR")
	}
	result, err := d.Detect(ctx, by, rel.Spec.Source, rel.Spec.Origin, rel.Spec.Folder, rel.Spec.Answers)
	if err != nil {
		return err
	}
	chosen, err := component.Choose(result, cmp.Or(rel.Spec.Component, rel.Spec.Answers["component"]))
	if err != nil {
		return err
	}
	named := rel.Spec.Service != ""
	rel.Spec.Service = cmp.Or(rel.Spec.Service, chosen.Name)
	rel.Spec.Component = chosen.Dir
	rel.Spec.Cause = CauseDeploy
	service, err := object.Get[catalog.Service](ctx, r, rel.Spec.Service)
	if err != nil && !problem.Is(err, problem.NotFound) {
		return err
	}
	chosen.Override(service.Spec.Overrides)
	rel.Spec.Workload, rel.Spec.Detected = &chosen, chosen.Settings
	if !named && service.Metadata.Name != "" {
		return sameSource(ctx, r, *rel)
	}
	return nil
}

// inferService gives the service as it shall be.
func (d *Delivery) inferService(ctx context.Context, r object.Reader, c *admission.Change, rel *Release, note *inferred) (catalog.Service, error) {
	service, err := object.Get[catalog.Service](ctx, r, rel.Spec.Service)
	switch {
	case problem.Is(err, problem.NotFound):
		service = object.New[catalog.ServiceSpec, catalog.ServiceStatus](rel.Spec.Service, "", catalog.ServiceSpec{})
		if err := d.inferOwner(ctx, r, c, rel, &service, note); err != nil {
			return service, err
		}
	case err != nil:
		return service, err
	default:
		if rel.Metadata.Owner != "" && rel.Metadata.Owner != service.Metadata.Owner {
			return service, problem.New(problem.Invalid, "service %s is owned by team %s, not by %s", rel.Spec.Service, service.Metadata.Owner, rel.Metadata.Owner).
				Do("stoa up    without --team", "stoa up --name OTHER --team "+rel.Metadata.Owner+"    makes another service")
		}
		if rel.Metadata.Owner != "" {
			service.Spec.OwnerSource = "" // said again, so it is a guess no more
		}
		note.ownerNote = "as before"
		rel.Spec.Detected = ownership.Keep(rel.Spec.Detected, service)
	}
	if w := rel.Spec.Workload; w != nil {
		service.Spec.Type, service.Spec.Language = serviceType(w.Type), w.Language
	}
	if o := rel.Spec.Origin; o != nil && o.Remote != "" {
		service.Spec.Repository = o.Remote
	}
	service.Spec.Environments = maps.Clone(service.Spec.Environments)
	if service.Spec.Environments == nil {
		service.Spec.Environments = map[string]catalog.Running{}
	}
	running, ran := service.Spec.Environments[rel.Spec.Environment]
	if ran {
		before := running
		note.before = &before
	}
	if service.Status.Environments[rel.Spec.Environment].Release == "" { // values may have been set for it
		if running.Secrets, err = withReady(ctx, r, rel.Spec.Service, rel.Spec.Environment, running.Secrets); err != nil {
			return service, err
		}
	}
	running = withSettings(running, rel.Spec, note.back)
	service.Spec.Environments[rel.Spec.Environment], note.settings = running, running
	return service, nil
}

// serviceType maps a component's type to a service's.
func serviceType(component string) string {
	if component == detect.TypeStatic {
		return detect.TypeFrontend
	}
	return component
}

// admit numbers the release. Admissions take turns, so the number is unique.
func (d *Delivery) admit(ctx context.Context, r object.Reader, _ *admission.Change, draft *admission.Draft) error {
	if draft.Delete {
		return guardRelease(ctx, r, *draft.Old)
	}
	note, ok := draft.Inferred.(*inferred)
	if !ok {
		return admitCancel(draft)
	}
	last, _, err := object.List[Release](ctx, r, object.Query{
		Fields: map[string]string{"spec.service": note.release.Spec.Service}, Newest: true, Limit: 1,
	})
	if err != nil {
		return err
	}
	rel := note.release
	rel.Spec.Number = 1
	if len(last) > 0 {
		rel.Spec.Number = last[0].Spec.Number + 1
	}
	rel.Metadata.Name = fmt.Sprintf("%s-%d", rel.Spec.Service, rel.Spec.Number)
	note.release = rel
	d.stepEdge("", StepGates, false)
	draft.Want, err = rel.Object()
	return err
}

// guardRelease refuses to delete a release that is on its way or serves: a
// restart could not bring it up again.
func guardRelease(ctx context.Context, r object.Reader, stored object.Object) error {
	var rel Release
	if !decode(stored, &rel) {
		return nil
	}
	name, service, env := rel.Metadata.Name, rel.Spec.Service, rel.Spec.Environment
	if !rel.Status.Phase.Final() {
		return problem.New(problem.Conflict, "release %s is on its way to %s", name, env).Do("wait until it has ended: stoa describe release "+name, "stoa cancel "+service+" --release "+name+"    ends it where it is")
	}
	s, err := object.Get[catalog.Service](ctx, r, service)
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	if err == nil && s.Status.Environments[env].Release == name {
		return problem.New(problem.Conflict, "release %s is what %s runs in %s", name, service, env).
			Do("stoa rollback "+service+" --env "+env+"    goes back to the one before", "stoa delete service "+service+"    ends it whole")
	}
	return err
}

// initial is the status that a release starts with: the steps of the way in
// are done.
func (d *Delivery) initial(c *admission.Change, draft *admission.Draft, verdicts []problem.Verdict) (any, error) {
	note, ok := draft.Inferred.(*inferred)
	if !ok {
		return ReleaseStatus{Phase: Pending}, nil
	}
	d.stepEdge("", StepGates, true)
	rel := note.release
	started := c.Now
	done := func(name string, took time.Duration, message string) Step {
		return Step{Name: name, State: StepDone, Started: &started, Millis: took.Milliseconds(), Message: message}
	}
	status := ReleaseStatus{
		Phase: Pending, Started: &started, Gates: verdicts, Detected: rel.Spec.Detected, Settings: &note.settings, SettingsBefore: note.before,
		Steps: []Step{
			done(StepDetect, note.detecting, summary(rel.Spec.Workload)),
			done(StepOwner, note.owning, "team "+rel.Metadata.Owner+" ("+note.ownerNote+")"),
			done(StepGates, c.Judged, gatesMessage(verdicts)),
		},
	}
	if o := rel.Spec.Origin; o != nil && !o.Dirty && o.Commit != "" {
		status.Commit = o.Commit
		at := o.CommitTime.UTC()
		status.CommitTime = &at
	}
	for _, name := range []string{StepBuild, StepRelease, StepRollout, StepVerify, StepRoute} {
		status.Steps = append(status.Steps, Step{Name: name, State: StepWaiting})
	}
	return status, nil
}

func decode[O any, P object.Loader[O]](o object.Object, into P) bool { return into.From(o) == nil }
