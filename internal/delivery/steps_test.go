package delivery

import (
	"fmt"
	"testing"

	"github.com/stoa-platform/stoa/internal/build"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
)

func TestVerified(t *testing.T) {
	for took, want := range map[int64]string{0: "GET /healthz answered 200 in <1 ms", 7: "GET /healthz answered 200 in 7 ms"} {
		if got := verified("health", runtime.Observed{Health: "/healthz", HealthStatus: 200, HealthMillis: took}); got != want {
			t.Errorf("%d ms is told as %q, want %q", took, got, want)
		}
	}
}

// A service that does not come up is not tried again, but for what may pass.
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
