package delivery

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Admitter is the one way in.
type Admitter interface {
	Apply(ctx context.Context, c *admission.Change) (admission.Result, error)
}

// Verbs are what people do with a service beside declaring it. Each becomes a
// change of objects and goes through admission like any other.
type Verbs struct {
	Admit   Admitter
	Objects object.Reader
}

// By says who acts, through which door, what that counts it as a use of, and why.
type By struct {
	Principal  auth.Principal
	Surface    string
	Capability string
	Reason     string
}

// Up admits a release of an uploaded source, or of an earlier artifact.
func (v Verbs) Up(ctx context.Context, by By, spec ReleaseSpec, team string, dryRun bool) (Release, error) {
	rel := object.New[ReleaseSpec, ReleaseStatus]("", team, spec)
	raw, err := rel.Object()
	if err != nil {
		return rel, err
	}
	result, err := v.Admit.Apply(ctx, &admission.Change{
		By: by.Principal, Surface: by.Surface, Capability: by.Capability, Reason: by.Reason, DryRun: dryRun,
		Drafts: []*admission.Draft{{Want: raw, CreateOnly: true}},
	})
	if err != nil {
		return rel, err
	}
	for _, item := range result.Items {
		if item.Kind == rel.Kind {
			return rel, rel.Load(item.Document.Bytes)
		}
	}
	return rel, fmt.Errorf("admission gave no release back")
}

// Rollback releases an earlier artifact again: the one of release to, or of
// the release that served before the present one.
func (v Verbs) Rollback(ctx context.Context, by By, service, env, to string) (Release, error) {
	if to == "" {
		var err error
		if to, err = v.before(ctx, service, env); err != nil {
			return Release{}, err
		}
	}
	return v.Up(ctx, by, ReleaseSpec{Service: service, Environment: env, From: to}, "", false)
}

// before finds the last release that succeeded before the one that serves and
// has another artifact or other settings.
func (v Verbs) before(ctx context.Context, service, env string) (string, error) {
	s, err := object.Get[catalog.Service](ctx, v.Objects, service)
	if err != nil {
		return "", err
	}
	serving := s.Status.Environments[env].Release
	if serving == "" {
		return "", problem.New(problem.Invalid, "service %s has no release in %s", service, env).Do("stoa history " + service)
	}
	present, err := object.Get[Release](ctx, v.Objects, serving)
	if err != nil {
		return "", err
	}
	all, err := v.Releases(ctx, service, env)
	if err != nil {
		return "", err
	}
	for _, rel := range all {
		if rel.Spec.Number < present.Spec.Number && rel.Status.Phase == Succeeded &&
			(rel.Status.Artifact != present.Status.Artifact || !SameSettings(rel, present)) {
			return rel.Metadata.Name, nil
		}
	}
	return "", problem.New(problem.Invalid, "service %s has no earlier release in %s to go back to", service, env).
		Because("no release that succeeded before " + serving + " has another artifact or other settings").Do("stoa history " + service)
}

// Releases lists a service's releases, newest first; env "" is every environment.
func (v Verbs) Releases(ctx context.Context, service, env string) ([]Release, error) {
	fields := map[string]string{"spec.service": service}
	if env != "" {
		fields["spec.environment"] = env
	}
	all, err := object.All[Release](ctx, v.Objects, object.Query{Fields: fields})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(r Release) bool { return r.Status.Retired })
	slices.SortFunc(all, func(a, b Release) int { return b.Spec.Number - a.Spec.Number })
	return all, nil
}

// Promote releases the very artifact that serves in one environment to another.
func (v Verbs) Promote(ctx context.Context, by By, service, from, to string) (Release, error) {
	s, err := object.Get[catalog.Service](ctx, v.Objects, service)
	if err != nil {
		return Release{}, err
	}
	serving := s.Status.Environments[from].Release
	if serving == "" {
		return Release{}, problem.New(problem.Invalid, "service %s has no release in %s to promote", service, from).Do("stoa up --env " + from)
	}
	return v.Up(ctx, by, ReleaseSpec{Service: service, Environment: to, From: serving}, "", false)
}

// Cancel ends a release that has not ended.
func (v Verbs) Cancel(ctx context.Context, by By, release string) (Release, error) {
	rel, err := object.Get[Release](ctx, v.Objects, release)
	if err != nil {
		return rel, err
	}
	rel.Spec.Cancel, rel.Metadata.Version = true, 0 // of whatever version: its status changes by the moment
	raw, err := rel.Object()
	if err != nil {
		return rel, err
	}
	result, err := v.Admit.Apply(ctx, &admission.Change{
		By: by.Principal, Surface: by.Surface, Capability: by.Capability, Reason: by.Reason, Drafts: []*admission.Draft{{Want: raw}},
	})
	if err != nil {
		return rel, err
	}
	return rel, rel.Load(result.Items[0].Document.Bytes)
}

// Run changes how a service runs in an environment where it was released.
func (v Verbs) Run(ctx context.Context, by By, service, env string, change func(*catalog.Running)) (catalog.Service, error) {
	return v.Change(ctx, by, service, func(s *catalog.Service) error {
		running, ok := s.Spec.Environments[env]
		if !ok {
			return catalog.NotIn(service, env, catalog.EnvironmentsOf(*s))
		}
		change(&running)
		s.Spec.Environments[env] = running
		return nil
	})
}

// Scale sets the number of instances; 0 stops the service there.
func (v Verbs) Scale(ctx context.Context, by By, service, env string, replicas int) (catalog.Service, error) {
	return v.Run(ctx, by, service, env, func(r *catalog.Running) { r.Replicas = replicas })
}

// Restart replaces all instances, one after another, without a lost request.
func (v Verbs) Restart(ctx context.Context, by By, service, env string, at time.Time) (catalog.Service, error) {
	return v.Run(ctx, by, service, env, func(r *catalog.Running) { r.Restart = at.UTC().Format(time.RFC3339Nano) })
}

// Change alters a service through admission; when somebody else was faster it
// reads again and retries.
func (v Verbs) Change(ctx context.Context, by By, service string, change func(*catalog.Service) error) (catalog.Service, error) {
	for attempt := 1; ; attempt++ {
		s, err := object.Get[catalog.Service](ctx, v.Objects, service)
		if err != nil {
			return s, err
		}
		if err := change(&s); err != nil {
			return s, err
		}
		raw, err := s.Object()
		if err != nil {
			return s, err
		}
		result, err := v.Admit.Apply(ctx, &admission.Change{
			By: by.Principal, Surface: by.Surface, Capability: by.Capability, Reason: by.Reason, Drafts: []*admission.Draft{{Want: raw}},
		})
		if problem.Is(err, problem.Conflict) && attempt < 5 {
			continue
		}
		if err != nil {
			return s, err
		}
		return s, s.Load(result.Items[0].Document.Bytes)
	}
}
