package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/reconcile"
	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/store"
)

type serviceJob struct {
	Service string `json:"service"`
	// Restores says that nobody waits for it: it comes of a restart or is a retry.
	Restores bool `json:"restores,omitempty"`
	// Lost is an environment in which a release did not come to its good end: it is
	// looked at alone, and left as it is where what served serves.
	Lost string `json:"lost,omitempty"`
}

// workService makes what runs of a service match what is declared: after a
// change of scale or settings, after a restart of Stoa, after a deletion.
func (d *Delivery) workService(ctx context.Context, job reconcile.Job) (reconcile.Outcome, error) {
	var args serviceJob
	if err := job.Decode(&args); err != nil {
		return reconcile.Outcome{}, err
	}
	s, err := object.Get[catalog.Service](ctx, d.store, args.Service)
	if problem.Is(err, problem.NotFound) {
		return reconcile.Done(), nil
	}
	if err != nil {
		return reconcile.Outcome{}, err
	}
	if args.Restores {
		leave, err := d.starting.Enter(ctx, startsFor)
		if err != nil {
			return reconcile.Outcome{}, err
		}
		defer leave()
	}
	envs := catalog.EnvironmentsOf(s)
	if args.Lost != "" {
		if envs = []string{args.Lost}; s.Metadata.Deleted != nil || d.serves(ctx, s, args.Lost) {
			return reconcile.Done(), nil // its deletion has a job
		}
	}
	down, failed := d.reconcileEnvironments(ctx, s, envs)
	switch {
	case failed != nil:
		return reconcile.Outcome{}, failed
	case down != nil:
		// What it needs may come up later, as after a restart of the machine. What it
		// printed is left out: others read this log than those who may read that.
		after := d.retries.Later(args.Service)
		d.log.Warn("service does not start, will be tried again", "service", args.Service, "after", after, "error", message(down))
		return reconcile.Done(), nil
	case s.Metadata.Deleted != nil:
		d.retries.Forget(args.Service)
		return reconcile.Done(), d.finalize(ctx, s)
	}
	if args.Lost == "" {
		d.retries.Forget(args.Service)
	}
	return reconcile.Done(), nil
}

// serves reports whether what is on record is what serves, well or badly.
func (d *Delivery) serves(ctx context.Context, s catalog.Service, env string) bool {
	rel, err := object.Get[Release](ctx, d.store, s.Status.Environments[env].Release)
	if err != nil {
		return false
	}
	for _, key := range allKeys(rel) {
		if status, err := d.runtime.Status(ctx, key); err != nil || status.Release != rel.Metadata.Name {
			return false
		}
	}
	return true
}

// reconcileEnvironments does it for some environments side by side: one in which
// the service hangs keeps no other waiting. down is why it does not come up
// somewhere, failed what else went wrong.
func (d *Delivery) reconcileEnvironments(ctx context.Context, s catalog.Service, envs []string) (down, failed error) {
	errs := make([]error, len(envs))
	var all sync.WaitGroup
	for i, env := range envs {
		all.Go(func() { errs[i] = d.reconcileEnvironment(ctx, s.Metadata.Name, env) })
	}
	all.Wait()
	for i, err := range errs {
		var start *runtime.StartError
		switch {
		case errors.As(err, &start):
			down = err
		case err != nil:
			failed = errors.Join(failed, fmt.Errorf("%s in %s: %w", s.Metadata.Name, envs[i], err))
		}
	}
	return down, failed
}

// reconcileEnvironment does it for one environment, in turn with releases.
func (d *Delivery) reconcileEnvironment(ctx context.Context, name, env string) error {
	leave, err := d.lanes.Enter(ctx, name+"."+env)
	if err != nil {
		return err
	}
	defer leave()
	s, err := asOf(ctx, d.store, name, env, 0)
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	deployed, generation := s.Status.Environments[env], s.Metadata.Generation
	running, declared := s.Spec.Environments[env]
	unwanted := s.Metadata.Deleted != nil || !declared || running.Replicas == 0
	if deployed.Release == "" {
		// No release is on record; what a failed one may have left is not wanted.
		if unwanted {
			return d.runtime.Remove(ctx, runtime.Key{Service: name, Environment: env})
		}
		return nil
	}
	if unwanted {
		if err := d.stop(ctx, s, env); err != nil {
			return err
		}
		return d.saveDeployment(ctx, name, env, func(at *catalog.Deployment) {
			at.Generation, at.State, at.Message = generation, catalog.StateStopped, ""
		})
	}
	observed, err := d.run(ctx, s, deployed.Release, env)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	state, why := catalog.StateRunning, ""
	if err != nil {
		state, why = d.failedState(ctx, name, env), message(err)
	}
	return errors.Join(err, d.saveDeployment(ctx, name, env, func(at *catalog.Deployment) {
		at.Generation, at.State, at.Message = generation, state, why
		if err != nil {
			return
		}
		at.Port, at.Health, at.Notes = observed.Port, observed.Health, observed.Notes
		if at.URL != "" {
			at.URL = d.url(name, env) // the platform may listen elsewhere than before its restart
		}
	}))
}

// failedState says what is left of a service that could not be changed: what
// ran before may still serve.
func (d *Delivery) failedState(ctx context.Context, name, env string) string {
	status, err := d.runtime.Status(ctx, runtime.Key{Service: name, Environment: env})
	if err == nil && status.Healthy() > 0 {
		return catalog.StateDegraded
	}
	return catalog.StateFailed
}

// message says in one line why a service does not run as it shall.
func message(err error) string {
	var start *runtime.StartError
	if errors.As(err, &start) {
		return ofProcess(start, "") + start.Detail
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

// run brings the workload of a release that was deployed before up again, as the
// service given says.
func (d *Delivery) run(ctx context.Context, s catalog.Service, release, env string) (runtime.Observed, error) {
	rel, err := object.Get[Release](ctx, d.store, release)
	if err != nil {
		return runtime.Observed{}, err
	}
	r := &run{d: d, rel: rel, service: s}
	if r.artifact, err = d.builder.Get(rel.Status.Artifact); err != nil {
		if _, err = r.build(ctx); err != nil {
			return runtime.Observed{}, err
		}
	}
	w, err := r.as(ctx, s)
	if err != nil {
		return runtime.Observed{}, err
	}
	observed, err := d.runtime.Apply(ctx, w, nil)
	if err != nil {
		return observed, err
	}
	for _, process := range processes(rel, w, r.artifact) {
		if _, err := d.runtime.Apply(ctx, process, nil); err != nil {
			return observed, err
		}
	}
	return observed, nil
}

// stop takes a service out of an environment, with its further processes.
func (d *Delivery) stop(ctx context.Context, s catalog.Service, env string) error {
	key := runtime.Key{Service: s.Metadata.Name, Environment: env}
	if err := d.runtime.Remove(ctx, key); err != nil {
		return err
	}
	rel, err := object.Get[Release](ctx, d.store, s.Status.Environments[env].Release)
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, process := range processKeys(rel) {
		if err := d.runtime.Remove(ctx, process); err != nil {
			return err
		}
	}
	return nil
}

// saveDeployment changes how it stands with a service in an environment, which a
// release that ends meanwhile changes too.
func (d *Delivery) saveDeployment(ctx context.Context, name, env string, change func(*catalog.Deployment)) error {
	return d.store.Write(ctx, actor, func(ctx context.Context, tx *store.Tx) error {
		_, err := object.Update(ctx, tx, name, func(s *catalog.Service) error {
			at := s.Status.Environments[env]
			was := at.State
			if change(&at); at.State != was {
				at.Since = d.clock()
			}
			s.Status.Environments[env] = at
			s.Status.Active = slices.ContainsFunc(slices.Collect(maps.Values(s.Status.Environments)), func(at catalog.Deployment) bool {
				return at.Release != "" && at.State != catalog.StateStopped
			})
			return nil
		})
		return err
	})
}

// Restore brings what ran before a restart of Stoa up again, and goes on with
// the releases that were on their way, also after the jobs for them were lost
// with a restored backup. It returns at once; the workers do it.
func (d *Delivery) Restore(ctx context.Context) error {
	active, err := object.All[catalog.Service](ctx, d.store, object.Query{Fields: map[string]string{"status.active": "true"}})
	if err != nil {
		return err
	}
	var jobs []store.Job
	for _, s := range active {
		jobs = append(jobs, store.Job{Kind: "service", Args: serviceJob{Service: s.Metadata.Name, Restores: true}})
	}
	rest, err := unfinished(ctx, d.store, nil)
	if err != nil {
		return err
	}
	for _, rel := range rest {
		jobs = append(jobs, jobOf(rel))
	}
	if len(jobs) == 0 {
		return nil
	}
	return d.enqueue(ctx, jobs...)
}
