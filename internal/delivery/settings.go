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

// asOf gives a service without what releases after the one of a number have changed of
// how it runs in an environment, which are still on their way.
func asOf(ctx context.Context, r object.Reader, service, env string, number int) (catalog.Service, error) {
	// Before the service: of one that ends in between it is rid then, and nothing is
	// left to undo.
	later, err := behind(ctx, r, service, env, number)
	if err != nil {
		return catalog.Service{}, err
	}
	s, err := object.Get[catalog.Service](ctx, r, service)
	now, there := s.Spec.Environments[env]
	if err != nil || !there {
		return s, err
	}
	for _, rel := range slices.Backward(later) {
		now = swapped(now, *rel.Status.Settings, before(rel))
	}
	s.Spec.Environments = maps.Clone(s.Spec.Environments)
	s.Spec.Environments[env] = now
	return s, nil
}

// behind are the releases after the one of a number that are on their way, in the order
// of their turns.
func behind(ctx context.Context, r object.Reader, service, env string, number int) ([]Release, error) {
	all, err := unfinished(ctx, r, map[string]string{"spec.service": service, "spec.environment": env})
	all = slices.DeleteFunc(all, func(r Release) bool { return r.Spec.Number <= number || r.Status.Settings == nil })
	slices.SortFunc(all, func(a, b Release) int { return a.Spec.Number - b.Spec.Number })
	return all, err
}

// before are the settings that a service had before a release. What was nowhere before
// was in no other number of instances.
func before(rel Release) catalog.Running {
	if b := rel.Status.SettingsBefore; b != nil {
		return *b
	}
	return catalog.Running{Replicas: rel.Status.Settings.Replicas}
}

// swapped gives how a service runs with one thing in the place of another; what is
// neither, since somebody has changed it, stays.
func swapped(now, from, to catalog.Running) catalog.Running {
	now.Env = undone(now.Env, from.Env, to.Env)
	now.Memory, now.CPU = unless(now.Memory, from.Memory, to.Memory), unless(now.CPU, from.CPU, to.CPU)
	now.Replicas = unless(now.Replicas, from.Replicas, to.Replicas)
	return now
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
// service, and out of what the releases behind it were admitted on. What somebody has
// changed since stays.
func retract(ctx context.Context, tx *store.Tx, s *catalog.Service, rel Release) error {
	if rel.Status.Settings == nil {
		return nil
	}
	env := rel.Spec.Environment
	later, err := behind(ctx, tx, s.Metadata.Name, env, rel.Spec.Number)
	if err != nil {
		return err
	}
	from, to := *rel.Status.Settings, before(rel)
	for _, next := range later {
		back, err := goesBack(ctx, tx, next.Spec)
		if err != nil {
			return err
		}
		had := swapped(before(next), from, to)
		has := withSettings(had, next.Spec, back)
		from, to = *next.Status.Settings, has
		if _, err := object.Update(ctx, tx, next.Metadata.Name, func(r *Release) error {
			r.Status.SettingsBefore, r.Status.Settings = &had, &has
			return nil
		}); err != nil {
			return err
		}
	}
	if now, there := s.Spec.Environments[env]; there {
		s.Spec.Environments[env] = swapped(now, from, to)
	}
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
