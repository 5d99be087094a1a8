package delivery

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/internal/build"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
)

func TestPermanent(t *testing.T) {
	for what, c := range map[string]struct {
		cause error
		want  bool
	}{
		"its program crashes":        {&runtime.StartError{Reason: runtime.ReasonCrashLoop}, true},
		"no room for its files":      {&runtime.StartError{Reason: runtime.ReasonFiles}, false},
		"its build fails":            {&build.Error{}, true},
		"the platform is overloaded": {problem.New(problem.Unavailable, "full"), false},
		"its input is wrong":         {problem.New(problem.Invalid, "wrong"), true},
	} {
		if got := permanent(fmt.Errorf("rollout: %w", c.cause)); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestWantedResources(t *testing.T) {
	postgres, mysql := detect.Resource{Type: "postgres", Variables: []string{"DATABASE_URL", "DATABASE_CERT"}}, detect.Resource{Type: "mysql", Variables: []string{"DATABASE_URL"}}
	redis, unnamed := detect.Resource{Type: "redis", Variables: []string{"REDIS_URL"}}, detect.Resource{Type: "s3"}
	cert := detect.Resource{Type: "postgres", Variables: []string{"DATABASE_CERT"}}
	all := []detect.Resource{postgres, mysql, redis, unnamed}
	for name, c := range map[string]struct {
		told []string
		w    runtime.Workload
		want []detect.Resource
	}{
		"none is set":     {nil, runtime.Workload{Env: []string{"REDIS_URLS=x"}}, []detect.Resource{postgres, redis}},
		"one is set":      {nil, runtime.Workload{Env: []string{"REDIS_URL=x"}}, []detect.Resource{postgres}},
		"one is told of":  {[]string{"DATABASE_URL"}, runtime.Workload{}, []detect.Resource{cert, redis}},
		"a part is set":   {nil, runtime.Workload{Env: []string{"DATABASE_URL=x", "REDIS_URL=x"}}, []detect.Resource{cert}},
		"of static files": {nil, runtime.Workload{Static: "dist"}, nil},
	} {
		if got := missing(all, c.told, c.w); !cmp.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
