//go:build linux || darwin

// Package process runs workloads as supervised processes of this machine.
//
// Every instance is a session and process group of its own, and runs from a
// copy of the artifact of its own, which goes with it. The runtime gives
// it a free port in PORT, and then believes only what it sees: the sockets
// that the group has bound, and what answers on them. PORT (with the variable
// that the source was seen to read) and STOA_INSTANCE are all that is added to
// the environment; HOST is left alone, because programs disagree on whether it
// means the address to bind or their public name.
//
// No process outlives the runtime, even when it is killed with SIGKILL: Linux
// kills the direct child when the thread that started it ends, a guardian
// shell kills every group once its pipe is closed, and New kills what a
// runtime of the same state folder has left behind.
//
// CPU and memory are not limited; Observed.Notes says so where they were
// requested. Linux and macOS are supported, Windows is not.
package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stoa-platform/stoa/internal/guardian"
	"github.com/stoa-platform/stoa/internal/runtime"
)

// Options of a Runtime. Only State is needed.
type Options struct {
	State  string              // folder for what is needed to find leftovers; owned by one runtime at a time
	Router runtime.Router      // nil: nothing is routed
	Logs   runtime.Logs        // nil: output is dropped, but for the last lines
	Exits  func(runtime.Event) // hears of instances that end by themselves; must not block for long
	Logger *slog.Logger        // nil: nothing is logged

	Backoff Backoff       // between restarts; zero fields take DefaultBackoff's
	Settle  time.Duration // a worker that is up for as long is healthy; 0 means one second
	Check   time.Duration // between health checks of running instances; 0 means ten seconds
}

// Runtime runs workloads as processes. Make one with New.
type Runtime struct {
	opts     Options
	log      *slog.Logger
	spawner  *spawner
	guardian *guardian.Guardian
	records  *records

	// life ends when Close begins: what is being started then is given up.
	life context.Context
	end  context.CancelFunc

	mu        sync.Mutex
	services  map[runtime.Key]*service
	processes map[*process]struct{}
	ports     map[int]struct{} // given to processes that run

	removing sync.WaitGroup // files of instances that have ended
}

var _ runtime.Runtime = (*Runtime)(nil)

// New returns a runtime after it has killed what another one has left behind
// in the same state folder.
func New(ctx context.Context, opts Options) (*Runtime, error) {
	if opts.State == "" {
		return nil, errors.New("process runtime: no state folder")
	}
	state, err := filepath.Abs(opts.State)
	if err != nil {
		return nil, fmt.Errorf("process runtime: %w", err)
	}
	opts.State = state
	if opts.Router == nil {
		opts.Router = noRouter{}
	}
	if opts.Exits == nil {
		opts.Exits = func(runtime.Event) {}
	}
	opts.Backoff = opts.Backoff.withDefaults()
	opts.Settle = cmp.Or(opts.Settle, time.Second)
	opts.Check = cmp.Or(opts.Check, 10*time.Second)
	log := opts.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}

	records, err := openRecords(ctx, opts.State)
	if err != nil {
		return nil, fmt.Errorf("process runtime: %w", err)
	}
	swept, err := records.sweep(ctx)
	if err != nil {
		log.Error("processes of an earlier run may still be there", "error", err)
	}
	if swept > 0 {
		log.Warn("killed processes that an earlier run had left behind", "processes", swept)
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	r := &Runtime{
		opts: opts, log: log,
		spawner: newSpawner(), guardian: guardian.New(log, "workloads"), records: records,
		life: life, end: end,
		services:  make(map[runtime.Key]*service),
		processes: make(map[*process]struct{}),
		ports:     make(map[int]struct{}),
	}
	if err := r.openFiles(); err != nil {
		return nil, errors.Join(fmt.Errorf("process runtime: %w", err), r.Close(ctx))
	}
	return r, nil
}

// Status implements runtime.Runtime.
func (r *Runtime) Status(_ context.Context, key runtime.Key) (runtime.Status, error) {
	if r.life.Err() != nil {
		return runtime.Status{}, runtime.ErrClosed
	}
	r.mu.Lock()
	s := r.services[key]
	r.mu.Unlock()
	if s == nil {
		return runtime.Status{}, fmt.Errorf("%s: %w", key, runtime.ErrNotFound)
	}
	status, err := s.status()
	if err == nil {
		status.Beside = r.beside(key)
	}
	return status, err
}

// beside is how the further processes of the key run, by name.
func (r *Runtime) beside(key runtime.Key) []runtime.Status {
	r.mu.Lock()
	var processes []*service
	for k, s := range r.services {
		if k.Environment == key.Environment && strings.HasPrefix(k.Service, key.Beside("").Service) {
			processes = append(processes, s)
		}
	}
	r.mu.Unlock()
	slices.SortFunc(processes, func(a, b *service) int { return strings.Compare(a.key.Service, b.key.Service) })
	var all []runtime.Status
	for _, s := range processes {
		if status, err := s.status(); err == nil { // else it has just gone
			all = append(all, status)
		}
	}
	return all
}

// Remove implements runtime.Runtime.
func (r *Runtime) Remove(ctx context.Context, key runtime.Key) error {
	s, err := r.take(ctx, key)
	if err != nil {
		return fmt.Errorf("remove %s: %w", key, err)
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		defer r.give(s)
		s.retire(s.swap(nil), nil)
	}()
	select {
	case <-finished:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("remove %s: still stopping: %w", key, ctx.Err())
	}
}

// Close implements runtime.Runtime. Requests in flight are not waited for:
// whoever closes the runtime has stopped to listen before.
func (r *Runtime) Close(ctx context.Context) error {
	r.mu.Lock()
	closed := r.life.Err() != nil
	r.end()
	services := make([]*service, 0, len(r.services))
	for _, s := range r.services {
		services = append(services, s)
	}
	r.mu.Unlock()
	if closed {
		return runtime.ErrClosed
	}

	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		var all sync.WaitGroup
		for _, s := range services {
			all.Go(s.shut)
		}
		all.Wait()
		r.removing.Wait()
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
	}
	err := r.killRest()
	r.guardian.Close()
	r.spawner.close()
	r.records.close()
	return err
}

// killRest kills what still runs, and says so if it does not die.
func (r *Runtime) killRest() error {
	r.mu.Lock()
	rest := make([]*process, 0, len(r.processes))
	for p := range r.processes {
		rest = append(rest, p)
	}
	r.mu.Unlock()
	for _, p := range rest {
		p.kill()
	}
	deadline := time.After(killPatience)
	for n, p := range rest {
		select {
		case <-p.gone:
		case <-deadline:
			return fmt.Errorf("close process runtime: %d processes do not die of SIGKILL, pid %d is one", len(rest)-n, p.pid)
		}
	}
	return nil
}

// take returns the service of the key once it is the caller's turn to change
// it. Whoever takes it gives it back.
func (r *Runtime) take(ctx context.Context, key runtime.Key) (*service, error) {
	r.mu.Lock()
	if r.life.Err() != nil {
		r.mu.Unlock()
		return nil, runtime.ErrClosed
	}
	s := r.services[key]
	if s == nil {
		s = newService(r, key)
		r.services[key] = s
	}
	s.users++
	r.mu.Unlock()

	var err error
	select {
	case s.turn <- struct{}{}:
		if r.life.Err() == nil {
			return s, nil
		}
		<-s.turn
		err = runtime.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	case <-r.life.Done():
		err = runtime.ErrClosed
	}
	r.leave(s)
	return nil, err
}

func (r *Runtime) give(s *service) {
	<-s.turn
	r.leave(s)
}

// leave forgets a service that nobody waits for and that runs nothing.
func (r *Runtime) leave(s *service) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.users--
	if s.users == 0 && s.idle() {
		delete(r.services, s.key)
	}
}

func (r *Runtime) track(p *process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.processes[p] = struct{}{}
}

func (r *Runtime) untrack(p *process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.processes, p)
	delete(r.ports, p.port)
}

// noRouter is used when nothing is routed.
type noRouter struct{}

func (noRouter) Set(runtime.Key, []runtime.Backend)  {}
func (noRouter) Hold(runtime.Key, bool)              {}
func (noRouter) Drain(context.Context, string) error { return nil }

// artifactDir is the working directory of a workload's processes.
func artifactDir(w runtime.Workload) string {
	if filepath.IsAbs(w.WorkDir) {
		return w.WorkDir
	}
	return filepath.Join(w.Dir, w.WorkDir)
}

func isDir(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is not a folder", path)
	}
	return err
}
