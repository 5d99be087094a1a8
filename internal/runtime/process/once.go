//go:build linux || darwin

package process

import (
	"context"
	"fmt"

	"github.com/stoa-platform/stoa/internal/runtime"
)

// Run implements runtime.Runtime.
func (r *Runtime) Run(ctx context.Context, w runtime.Workload) error {
	if r.life.Err() != nil {
		return runtime.ErrClosed
	}
	w.Serves, w.Static = false, ""
	w = w.WithDefaults()
	if err := w.Validate(); err != nil {
		return err
	}
	instance := w.Release + "-once-" + unlike()
	failed := func(reason runtime.Reason, detail string, err error) error {
		return &runtime.StartError{Key: w.Key, Release: w.Release, Instance: instance, Reason: reason, Detail: detail, Err: err}
	}
	own, err := r.withOwnFiles(ctx, w, instance)
	if err != nil {
		return err
	}
	defer r.dropFiles(instance)
	p, err := r.start(own, instance)
	if err != nil {
		return failed(runtime.ReasonCommand, fmt.Sprintf("%s cannot be started: %v", w.Command[0], err), err)
	}
	select {
	case <-p.gone:
	case <-ctx.Done():
		p.kill()
		<-p.gone
		return ctx.Err()
	case <-r.life.Done():
		p.kill()
		<-p.gone
		return runtime.ErrClosed
	}
	if p.exit.Code != 0 || p.exit.Signal != "" {
		told := failed(runtime.ReasonCommand, "it ended with "+p.exit.String(), nil).(*runtime.StartError)
		told.Lines = p.tail.last()
		if next := runtime.MissingProgram(w.Command, p.exit, told.Lines); next != "" {
			told.Next = []string{next}
		}
		return told
	}
	return nil
}
