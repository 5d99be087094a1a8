package delivery

import (
	"cmp"
	"maps"

	"github.com/stoa-platform/stoa/internal/catalog"
)

// withoutSettings gives the service as it was before a release that failed changed
// how it runs; what somebody has changed since stays.
func withoutSettings(s catalog.Service, rel Release) catalog.Service {
	set, before := rel.Status.Settings, rel.Status.SettingsBefore
	now, there := s.Spec.Environments[rel.Spec.Environment]
	if set == nil || before == nil || !there {
		return s
	}
	if maps.Equal(now.Env, set.Env) {
		now.Env = before.Env
	}
	now.Memory, now.CPU = unless(now.Memory, set.Memory, before.Memory), unless(now.CPU, set.CPU, before.CPU)
	now.Replicas = unless(now.Replicas, set.Replicas, before.Replicas)
	s.Spec.Environments = maps.Clone(s.Spec.Environments)
	s.Spec.Environments[rel.Spec.Environment] = now
	return s
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
