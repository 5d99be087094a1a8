//go:build linux || darwin

package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/tree"
)

// Programs write beside their code: a database in a file, uploads, caches. The
// artifact is what other instances, a rollback and the next build with the same
// source run from, so each instance has a copy of its own, over all its lives.
// Copies lie in the state folder, so that the next runtime finds those that a
// killed one has left.

func filesIn(state string) string { return filepath.Join(state, "files") }

// withOwnFiles copies the artifact for an instance and gives the workload that
// runs from the copy: what named the artifact names the copy.
func (r *Runtime) withOwnFiles(ctx context.Context, w runtime.Workload, instance string) (runtime.Workload, error) {
	dir := filepath.Join(filesIn(r.opts.State), instance)
	if err := tree.Copy(ctx, w.Dir, dir); err != nil {
		return w, errors.Join(fmt.Errorf("copy the artifact: %w", err), tree.Remove(dir))
	}
	named := strings.NewReplacer(w.Dir, dir)
	w.Command, w.Env = slices.Clone(w.Command), slices.Clone(w.Env)
	for i, arg := range w.Command {
		w.Command[i] = named.Replace(arg)
	}
	for i, pair := range w.Env {
		w.Env[i] = named.Replace(pair)
	}
	w.Dir, w.WorkDir = dir, named.Replace(w.WorkDir)
	return w, nil
}

// dropFiles removes the copy of an instance that has ended.
func (r *Runtime) dropFiles(instance string) {
	if err := tree.Remove(filepath.Join(filesIn(r.opts.State), instance)); err != nil {
		r.log.Warn("the files of an instance are not removed before the next start", "instance", instance, "error", err)
	}
}

// openFiles removes what a killed runtime has left, and makes the folder.
func openFiles(state string) error {
	dir := filesIn(state)
	if err := errors.Join(tree.Remove(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return fmt.Errorf("open files of instances: %w", err)
	}
	return nil
}
