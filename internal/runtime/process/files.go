//go:build linux || darwin

package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// dropFiles removes the copy of an instance that has ended, which nobody waits for
// but Close.
func (r *Runtime) dropFiles(instance string) {
	r.removing.Go(func() { r.remove(filepath.Join(filesIn(r.opts.State), instance)) })
}

func (r *Runtime) remove(dir string) {
	if err := tree.Remove(dir); err != nil {
		r.log.Warn("files of instances are not removed before the next start", "folder", dir, "error", err)
	}
}

// openFiles makes the folder, and moves away what a killed runtime has left in it:
// that is removed while the platform is there already, and what cannot be is no reason
// not to start.
func (r *Runtime) openFiles() error {
	dir := filesIn(r.opts.State)
	if err := os.Rename(dir, dir+left+unlike()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open files of instances: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("open files of instances: %w", err)
	}
	old, err := filepath.Glob(dir + left + "*")
	if err != nil {
		return fmt.Errorf("open files of instances: %w", err)
	}
	for _, one := range old {
		r.removing.Go(func() { r.remove(one) })
	}
	return nil
}

// left is between the folder's name and a number, of what another runtime left.
const left = ".left-"
