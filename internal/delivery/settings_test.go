package delivery

import (
	"maps"
	"testing"

	"github.com/stoa-platform/stoa/internal/catalog"
)

// What was set goes one by one, and what somebody has changed since stays.
func TestUndone(t *testing.T) {
	before := map[string]string{"KEPT": "a", "CHANGED": "a", "GONE": "a"}
	set := map[string]string{"KEPT": "a", "CHANGED": "b", "NEW": "b"}
	for what, c := range map[string]struct{ now, want map[string]string }{
		"as it was set":         {set, before},
		"changed since":         {map[string]string{"KEPT": "c", "CHANGED": "c", "NEW": "c"}, map[string]string{"KEPT": "c", "CHANGED": "c", "NEW": "c", "GONE": "a"}},
		"removed since":         {map[string]string{}, map[string]string{"GONE": "a"}},
		"given back since":      {map[string]string{"GONE": "c", "NEW": "b"}, map[string]string{"GONE": "c"}},
		"and nothing any more":  {nil, map[string]string{"GONE": "a"}},
		"with something beside": {map[string]string{"NEW": "b", "MORE": "d"}, map[string]string{"MORE": "d", "GONE": "a"}},
	} {
		now := maps.Clone(c.now)
		if got := undone(c.now, set, before); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
		if !maps.Equal(now, c.now) {
			t.Errorf("%s: what was given is changed to %v", what, c.now)
		}
	}
}

func TestWithSettings(t *testing.T) {
	three := 3
	is := catalog.Running{Replicas: 2, Memory: "1Gi", Env: map[string]string{"A": "1"}}
	for what, c := range map[string]struct {
		now, want catalog.Running
		rel       ReleaseSpec
		back      *catalog.Running
	}{
		"nothing said": {is, is, ReleaseSpec{}, nil},
		"all said": {is, catalog.Running{Replicas: 3, Memory: "2Gi", CPU: "2", Env: map[string]string{"A": "1", "B": "2"}},
			ReleaseSpec{Replicas: &three, Memory: "2Gi", CPU: "2", Set: map[string]string{"B": "2"}}, nil},
		"stopped": {catalog.Running{}, catalog.Running{Replicas: 1}, ReleaseSpec{}, nil},
		"gone back": {is, catalog.Running{Replicas: 2, CPU: "1", Env: map[string]string{"C": "3", "B": "2"}},
			ReleaseSpec{Set: map[string]string{"B": "2"}}, &catalog.Running{Replicas: 9, CPU: "1", Env: map[string]string{"C": "3"}}},
	} {
		got := withSettings(c.now, c.rel, c.back)
		if got.Replicas != c.want.Replicas || got.Memory != c.want.Memory || got.CPU != c.want.CPU || !maps.Equal(got.Env, c.want.Env) {
			t.Errorf("%s: %+v, want %+v", what, got, c.want)
		}
	}
	if len(is.Env) != 1 {
		t.Errorf("what was given is changed to %v", is.Env)
	}
}
