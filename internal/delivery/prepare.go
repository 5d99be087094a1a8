package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
)

// prepareLimit bounds a migration.
const prepareLimit = 10 * time.Minute

// prepare runs the command that a Procfile calls release, once, before any
// instance of the new release starts. Its failure fails the release, and what
// served before still serves.
func (r *run) prepare(ctx context.Context, w runtime.Workload, c detect.Command) error {
	w.Command = argv(c, environment(w, r.artifact), nil)
	w.Key = w.Key.Beside("release")
	limited, cancel := context.WithTimeout(ctx, prepareLimit)
	defer cancel()
	err := r.d.runtime.Run(limited, w)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return problem.New(problem.Failed, "%s did not end within %v", c, prepareLimit).Because("it runs once before each rollout, as the Procfile's release")
	}
	return err
}
