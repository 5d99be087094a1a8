package delivery

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// A release's settings become the service's when it is admitted: that is what a person
// sees, and what the next release starts from. What runs does not get them before the
// release does, and loses them if it does not come to its good end.

// asOf gives the service without what releases after the one of a number have changed
// of how it runs in an environment, which are still on their way.
func (d *Delivery) asOf(ctx context.Context, s catalog.Service, env string, number int) (catalog.Service, error) {
	later, err := unfinished(ctx, d.store, map[string]string{"spec.service": s.Metadata.Name, "spec.environment": env})
	if err != nil {
		return s, err
	}
	slices.SortFunc(later, func(a, b Release) int { return b.Spec.Number - a.Spec.Number })
	for _, rel := range later {
		if rel.Spec.Number > number {
			s = withoutSettings(s, rel)
		}
	}
	return s, nil
}

// withoutSettings gives the service as it was before a release changed how it runs;
// what somebody has changed since stays.
func withoutSettings(s catalog.Service, rel Release) catalog.Service {
	set, before := rel.Status.Settings, rel.Status.SettingsBefore
	now, there := s.Spec.Environments[rel.Spec.Environment]
	if set == nil || !there {
		return s
	}
	if before == nil { // it was the first there: it is in no other number of instances
		before = &catalog.Running{Replicas: set.Replicas}
	}
	now.Env = undone(now.Env, set.Env, before.Env)
	now.Memory, now.CPU = unless(now.Memory, set.Memory, before.Memory), unless(now.CPU, set.CPU, before.CPU)
	now.Replicas = unless(now.Replicas, set.Replicas, before.Replicas)
	s.Spec.Environments = maps.Clone(s.Spec.Environments)
	s.Spec.Environments[rel.Spec.Environment] = now
	return s
}

// withSettings gives how a service runs with what a release says of that; back is how
// a release ran that is gone back to, nil where none is.
func withSettings(now catalog.Running, rel ReleaseSpec, back *catalog.Running) catalog.Running {
	if back != nil {
		now.Env, now.Memory, now.CPU = back.Env, back.Memory, back.CPU
	}
	if now.Replicas == 0 {
		now.Replicas = 1
	}
	if rel.Replicas != nil {
		now.Replicas = *rel.Replicas
	}
	now.Memory, now.CPU = cmp.Or(rel.Memory, now.Memory), cmp.Or(rel.CPU, now.CPU)
	if len(rel.Set) > 0 {
		set := maps.Clone(now.Env)
		if set == nil {
			set = map[string]string{}
		}
		maps.Copy(set, rel.Set)
		now.Env = set
	}
	return now
}

// goesBack is how the release ran that another goes back to, nil where it does not.
func goesBack(ctx context.Context, r object.Reader, rel ReleaseSpec) (*catalog.Running, error) {
	if rel.Cause != CauseRollback {
		return nil, nil
	}
	from, err := object.Get[Release](ctx, r, rel.From)
	if problem.Is(err, problem.NotFound) {
		return nil, nil
	}
	return from.Status.Settings, err
}

// retract takes what a release has set, which does not come to its good end, out of the
// service, and out of what the releases behind it were admitted on.
func retract(ctx context.Context, tx *store.Tx, s *catalog.Service, rel Release) error {
	behind, err := unfinished(ctx, tx, map[string]string{"spec.service": s.Metadata.Name, "spec.environment": rel.Spec.Environment})
	if err != nil {
		return err
	}
	behind = slices.DeleteFunc(behind, func(r Release) bool { return r.Spec.Number <= rel.Spec.Number })
	slices.SortFunc(behind, func(a, b Release) int { return a.Spec.Number - b.Spec.Number })
	for _, next := range slices.Backward(behind) {
		*s = withoutSettings(*s, next)
	}
	*s = withoutSettings(*s, rel)
	running, there := s.Spec.Environments[rel.Spec.Environment]
	if !there {
		return nil
	}
	for _, next := range behind {
		back, err := goesBack(ctx, tx, next.Spec)
		if err != nil {
			return err
		}
		before := running
		running = withSettings(running, next.Spec, back)
		after := running
		if _, err := object.Update(ctx, tx, next.Metadata.Name, func(r *Release) error {
			r.Status.SettingsBefore, r.Status.Settings = &before, &after
			return nil
		}); err != nil {
			return err
		}
	}
	s.Spec.Environments[rel.Spec.Environment] = running // withoutSettings has made a map of its own
	return nil
}

// undone gives the variables that are set now without what was set in the place of what
// was before, each by itself; what is otherwise by now stays.
func undone(now, set, before map[string]string) map[string]string {
	all := maps.Clone(now)
	same := func(a, b map[string]string, key string) bool {
		x, in := a[key]
		y, too := b[key]
		return in == too && x == y
	}
	names := slices.Concat(slices.Collect(maps.Keys(set)), slices.Collect(maps.Keys(before)))
	for _, key := range names {
		if same(set, before, key) || !same(now, set, key) {
			continue
		}
		if was, had := before[key]; !had {
			delete(all, key)
		} else {
			if all == nil {
				all = map[string]string{}
			}
			all[key] = was
		}
	}
	return all
}

// unless is what was before, unless it is something else by now than was set.
func unless[T cmp.Ordered](now, set, before T) T {
	if now != set {
		return now
	}
	return before
}

// SameSettings reports whether two releases were admitted with the same settings,
// as far as that is known of both.
func SameSettings(a, b Release) bool {
	x, y := a.Status.Settings, b.Status.Settings
	return x == nil || y == nil || maps.Equal(x.Env, y.Env) && x.Memory == y.Memory && x.CPU == y.CPU
}
