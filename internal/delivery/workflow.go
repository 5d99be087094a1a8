package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stoa-platform/stoa/internal/build"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery/progress"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/reconcile"
	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/secret"
	"github.com/stoa-platform/stoa/internal/store"
)

// actor is who Stoa's own work on releases is done by.
const actor = "stoa/delivery"

// eventSource is where delivery's events come from.
const eventSource = "/stoa/delivery"

type releaseJob struct {
	Release string `json:"release"`
	// Built says that the artifact is on record: what is left waits for the
	// application, and keeps no build from its turn.
	Built bool `json:"built,omitempty"`
}

// jobOf is the job that goes on with a release. One whose artifact is there, or
// that takes one over, builds nothing: it does not wait for those that do.
func jobOf(rel Release) store.Job {
	built := rel.Status.step(StepRelease).State == StepDone
	return store.Job{Kind: "release", Args: releaseJob{rel.Metadata.Name, built}, Long: !built && rel.Spec.From == ""}
}

// run is one attempt at a release.
type run struct {
	d        *Delivery
	rel      Release
	service  catalog.Service
	artifact build.Artifact
	mask     *secret.Redactor // of the service's secrets, once they were read
	observed runtime.Observed
	ran      catalog.Running   // how it was brought up
	unset    []string          // secrets that detection asks for and that are not set
	missing  []detect.Resource // those whose variable is not set

	printed   []string // the last lines of what builds it
	lastWords string   // the last line that it printed before it failed, masked
}

// workRelease takes an admitted release to running. It may be killed at any
// point and begun again: what a step has done is in the release's status or is
// found done (a cached artifact, a running workload) when it is tried again.
func (d *Delivery) workRelease(ctx context.Context, job reconcile.Job) (reconcile.Outcome, error) {
	var args releaseJob
	if err := job.Decode(&args); err != nil {
		return reconcile.Outcome{}, err
	}
	// Two jobs may name one release: the one that a killed process left, and
	// the one that Restore made. The second finds it done.
	done, err := d.lanes.Enter(ctx, "release/"+args.Release)
	if err != nil {
		return reconcile.Outcome{}, err
	}
	defer done()
	rel, err := object.Get[Release](ctx, d.store, args.Release)
	if problem.Is(err, problem.NotFound) {
		return reconcile.Done(), nil
	}
	if err != nil {
		return reconcile.Outcome{}, err
	}
	if rel.Status.Phase.Final() {
		return reconcile.Done(), nil
	}
	r := &run{d: d, rel: rel}
	if rel.Status.Retired || rel.Spec.Cancel {
		return d.giveUp(ctx, r)
	}
	if mine, err := d.hasTurn(ctx, rel); !mine || err != nil {
		return reconcile.Wait(turnLook), err
	}
	within, stop := d.whileWanted(ctx, rel.Metadata.Name)
	defer stop()
	outcome, err := r.carryOut(within, job.Attempt, args.Built)
	if errors.Is(err, errEnded) || unwanted(err) || err != nil && unwanted(context.Cause(within)) {
		return d.giveUp(ctx, r)
	}
	return outcome, err
}

// carryOut takes the steps that are left, as long as the release is wanted.
func (r *run) carryOut(ctx context.Context, attempt int, built bool) (reconcile.Outcome, error) {
	d, rel := r.d, r.rel
	var err error
	if r.service, err = d.stillWanted(ctx, rel.Metadata.Name); err != nil {
		return reconcile.Outcome{}, err
	}
	if built {
		r.artifact, err = d.builder.Get(rel.Status.Artifact)
	}
	if !built || err != nil { // it was deleted meanwhile, once in a while
		if outcome, failed, err := r.takeAll(ctx, attempt, r.making()); failed || err != nil {
			return outcome, err
		}
	}
	if !built && rel.Spec.From == "" {
		return reconcile.Done(), d.enqueue(ctx, jobOf(r.rel))
	}
	// From here on it is about what runs: in turn with scaling and deletion, on the
	// service as it is now.
	leave, err := d.lanes.Enter(ctx, keyOf(rel).String())
	if err != nil {
		return reconcile.Outcome{}, err
	}
	defer leave()
	begun, err := d.starting.Enter(ctx, startsFor)
	if err != nil {
		return reconcile.Outcome{}, err
	}
	defer begun()
	if r.service, err = d.stillWanted(ctx, rel.Metadata.Name); err != nil {
		return reconcile.Outcome{}, err
	}
	outcome, _, err := r.takeAll(ctx, attempt, r.running())
	return outcome, err
}

// maxAttempts is how often a step is tried when what failed may pass: with the
// queue's backoff about two minutes in all.
const maxAttempts = 4

// step is one step of the workflow.
type step struct {
	name string
	// work does it and says in a few words what came of it.
	work func(context.Context) (string, error)
	// fact gives the events that belong to the step's end; nil has none.
	fact func() ([]event.Event, error)
}

// making are the steps until the artifact is on record.
func (r *run) making() []step {
	return []step{{StepBuild, r.build, nil}, {StepRelease, r.release, nil}}
}

// running are the steps from the artifact to what serves.
func (r *run) running() []step {
	return []step{{StepRollout, r.rollout, nil}, {StepVerify, r.verify, nil}, {StepRoute, r.route, r.deployed}}
}

// takeAll takes steps in their order; failed says that the release ended with one.
func (r *run) takeAll(ctx context.Context, attempt int, steps []step) (outcome reconcile.Outcome, failed bool, err error) {
	for _, step := range steps {
		r.d.stepEdge(r.rel.Metadata.Name, step.name, false)
		if outcome, failed, err = r.take(ctx, step, attempt); err != nil {
			return outcome, failed, err
		}
		r.d.stepEdge(r.rel.Metadata.Name, step.name, true)
		if failed {
			break
		}
	}
	return outcome, failed, nil
}

// take takes one step and records how it ended; failed says that the release
// ended with it.
func (r *run) take(ctx context.Context, s step, attempt int) (outcome reconcile.Outcome, failed bool, err error) {
	started := r.d.clock()
	if err := r.begin(ctx, s.name, started); err != nil {
		return outcome, false, err
	}
	message, err := s.work(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return outcome, false, ctx.Err()
	case err != nil && !permanent(err) && attempt < maxAttempts:
		// The database was locked or the disk full: what was switched over stays,
		// and the next attempt finds it running.
		return outcome, false, err
	case err != nil:
		if s.name == StepVerify || s.name == StepRoute {
			r.revert(ctx) // it serves, and nobody would know of it
		}
		outcome, err = r.d.conclude(ctx, r, s.name, Failed, r.d.explain(ctx, r, s.name, err))
		return outcome, true, err
	}
	var facts []event.Event
	if s.fact != nil {
		if facts, err = s.fact(); err != nil {
			return outcome, false, err
		}
	}
	return outcome, false, r.finish(ctx, s.name, started, message, facts)
}

// done reports whether an earlier attempt, which was killed, has recorded the
// end of the step. Its work is done again, because what ran is gone; that it
// ended is told once.
func (r *run) done(name string) bool { return r.rel.Status.step(name).State == StepDone }

// begin notes that a step runs. Only the build and the rollout are long enough
// for anybody to see them run, so the others save the transaction.
func (r *run) begin(ctx context.Context, name string, at time.Time) error {
	if name != StepBuild && name != StepRollout || r.done(name) {
		return nil
	}
	return r.save(ctx, nil, func(s *ReleaseStatus) {
		s.Phase = Releasing
		step := s.step(name)
		step.State, step.Started, step.Message = StepRunning, &at, ""
	})
}

// finish notes that a step is done, as status and as an event.
func (r *run) finish(ctx context.Context, name string, started time.Time, message string, facts []event.Event) error {
	if r.done(name) {
		return nil
	}
	took := r.d.clock().Sub(started)
	fact, err := stepEvent(r.rel, name, StepDone, took, message)
	if err != nil {
		return err
	}
	return r.save(ctx, append([]event.Event{fact}, facts...), func(s *ReleaseStatus) {
		step := s.step(name)
		step.State, step.Started, step.Millis, step.Message = StepDone, &started, took.Milliseconds(), message
		if name == StepRoute {
			now := r.d.clock()
			s.Phase, s.Finished, s.Healthy, s.Settings = Succeeded, &now, true, &r.ran
		}
	})
}

// save writes the release's status and appends the events, in one transaction. One
// that has ended stays as it did: errEnded.
func (r *run) save(ctx context.Context, events []event.Event, change func(*ReleaseStatus)) error {
	err := r.d.store.Write(ctx, actor, func(ctx context.Context, tx *store.Tx) error {
		// First of all, since ends of several releases touch each other's.
		if err := tx.Lock(ctx, turn(r.rel)); err != nil {
			return err
		}
		rel, err := object.Update(ctx, tx, r.rel.Metadata.Name, func(rel *Release) error {
			if rel.Status.Phase.Final() {
				return errEnded
			}
			if change(&rel.Status); rel.Spec.Cancel && rel.Status.Phase == Succeeded {
				return errCancelled
			}
			return nil
		})
		if err != nil {
			return err
		}
		tx.Append(events...)
		if err := r.end(ctx, tx, rel); err != nil {
			return err
		}
		r.rel = rel
		return nil
	})
	if err != nil {
		return fmt.Errorf("save status of release %s: %w", r.rel.Metadata.Name, err)
	}
	r.d.Publish(r.rel.Metadata.Name, progress.Change{Status: true})
	return nil
}

// end writes what follows from the end of the release, if it has ended.
func (r *run) end(ctx context.Context, tx *store.Tx, rel Release) (err error) {
	switch {
	case rel.Status.Retired: // a service of that name is another one
		return nil
	case rel.Status.Phase == Succeeded:
		err = r.settle(ctx, tx, rel)
	case rel.Status.Phase.Final():
		err = r.lament(ctx, tx, rel)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return r.d.letNext(ctx, tx, rel)
}

// settle writes into the service's status what serves now.
func (r *run) settle(ctx context.Context, tx *store.Tx, rel Release) error {
	s, err := object.Update(ctx, tx, rel.Spec.Service, func(s *catalog.Service) error {
		if s.Status.Environments == nil {
			s.Status.Environments = map[string]catalog.Deployment{}
		}
		s.Status.Active = true
		s.Status.Environments[rel.Spec.Environment] = catalog.Deployment{
			Release: rel.Metadata.Name, URL: rel.Status.URL, State: catalog.StateRunning, Since: r.d.clock(),
			Generation: r.service.Metadata.Generation,
			Port:       r.observed.Port, Health: r.observed.Health, Notes: r.observed.Notes,
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s, err = asOf(ctx, tx, rel.Spec.Service, rel.Spec.Environment, rel.Spec.Number); err != nil {
		return err
	}
	if s.Spec.Environments[rel.Spec.Environment].Replicas == 0 {
		// Scaled to nothing while the release waited: one instance ran to prove it.
		return tx.Enqueue(ctx, store.Job{Kind: "service", Args: serviceJob{Service: s.Metadata.Name}})
	}
	return nil
}

// lament undoes what a release that failed or was cancelled has changed of its
// service. That one failed, and why, is written into the service's status: where an
// earlier one serves all would look well, and where none ever has, as if nobody had
// tried.
func (r *run) lament(ctx context.Context, tx *store.Tx, rel Release) error {
	told := rel.Status.Problem
	if told == nil {
		return nil
	}
	s, err := object.Get[catalog.Service](ctx, tx, rel.Spec.Service)
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	env := rel.Spec.Environment
	if err != nil || s.Metadata.Deleted != nil {
		return err
	}
	why := told.Title
	if r.lastWords != "" {
		why += ": " + r.lastWords
	}
	served := s.Status.Environments[env].Release != ""
	_, err = object.Update(ctx, tx, rel.Spec.Service, func(s *catalog.Service) error {
		if s.Status.Environments == nil {
			s.Status.Environments = map[string]catalog.Deployment{}
		}
		if served || rel.Status.Phase == Cancelled {
			if err := retract(ctx, tx, s, rel); err != nil {
				return err
			}
		}
		at := s.Status.Environments[env]
		switch {
		case rel.Status.Phase == Cancelled:
			return nil
		case served:
			at.Missed = &catalog.Missed{Release: rel.Metadata.Name, Message: why, At: r.d.clock()}
		default:
			at = catalog.Deployment{Failed: rel.Metadata.Name, State: catalog.StateFailed, Message: why, Since: r.d.clock(), Generation: s.Metadata.Generation}
		}
		s.Status.Environments[env] = at
		return nil
	})
	if err != nil || !served || rel.Status.step(StepRollout).State == StepWaiting {
		return err
	}
	// Should what served not be what serves, such as where it did not come back.
	return tx.Enqueue(ctx, store.Job{Kind: "service", Args: serviceJob{Service: s.Metadata.Name, Lost: env}})
}
