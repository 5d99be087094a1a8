package delivery

import (
	"context"

	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
)

// prepare runs the command that a Procfile calls release, once, before any
// instance of the new release starts. Its failure fails the release.
func (r *run) prepare(context.Context, runtime.Workload, detect.Command) error {
	return problem.New(problem.Failed, "the runtime cannot run a command before a rollout")
}
