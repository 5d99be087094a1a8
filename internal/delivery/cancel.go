package delivery

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/reconcile"
	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/store"
)

// A release that has not ended is cancelled by its spec, or by the deletion of its
// service. Whoever carries it out looks for that, so that it does not matter which
// process was told; one that waits for its turn is given a job, and ends by it.

// wantedLook is how often a release on its way looks whether it is still wanted.
const wantedLook = time.Second

var (
	errCancelled = errors.New("the release was cancelled")
	errGone      = errors.New("the service is gone, or about to be")
	errEnded     = errors.New("the release has ended")
)

func unwanted(err error) bool { return errors.Is(err, errCancelled) || errors.Is(err, errGone) }

// cancelJob ends a release that is wanted no more, also while all that build are busy.
func cancelJob(rel Release) store.Job {
	return store.Job{Kind: "release", Args: releaseJob{Release: rel.Metadata.Name}}
}

// stillWanted gives the service of a release as it is now, errCancelled or errGone. A
// service of the same name may have come since, which the release is not of.
func (d *Delivery) stillWanted(ctx context.Context, release string) (catalog.Service, error) {
	rel, err := object.Get[Release](ctx, d.store, release)
	if err != nil {
		return catalog.Service{}, err
	}
	s, err := object.Get[catalog.Service](ctx, d.store, rel.Spec.Service)
	switch {
	case problem.Is(err, problem.NotFound), err == nil && (rel.Status.Retired || s.Metadata.Deleted != nil):
		return s, errGone
	case err == nil && rel.Spec.Cancel:
		return s, errCancelled
	}
	return s, err
}

// whileWanted gives a context that ends with the given one, and soon after the release
// is wanted no more; then that is its cause. Stop it when the work is done.
func (d *Delivery) whileWanted(ctx context.Context, release string) (within context.Context, stop func()) {
	within, end := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(wantedLook)
		defer tick.Stop()
		for {
			select {
			case <-within.Done():
				return
			case <-tick.C:
				if _, err := d.stillWanted(within, release); unwanted(err) {
					end(err)
				}
			}
		}
	}()
	return within, func() { end(nil) }
}

// giveUp takes back what was brought up of a release that is wanted no more, and ends
// it, unless another worker has.
func (d *Delivery) giveUp(ctx context.Context, r *run) (reconcile.Outcome, error) {
	if r.rel.Status.step(StepRollout).State != StepWaiting { // else it does not wait for what runs
		leave, err := d.lanes.Enter(ctx, keyOf(r.rel).String())
		if err != nil {
			return reconcile.Outcome{}, err
		}
		defer leave()
	}
	name := r.rel.Metadata.Name
	var err error
	if r.rel, err = object.Get[Release](ctx, d.store, name); err != nil || r.rel.Status.Phase == Succeeded {
		return reconcile.Done(), err
	}
	ended, step := r.rel.Status.Phase.Final(), r.rel.Status.Current().Name
	var told *problem.Problem
	switch r.service, err = d.stillWanted(ctx, name); {
	case errors.Is(err, errGone):
		if err := d.remove(ctx, r.rel); err != nil {
			return reconcile.Outcome{}, err
		}
		told = problem.New(problem.Conflict, "service %s was deleted while release %s was on its way", r.rel.Spec.Service, name)
	case errors.Is(err, errCancelled), err == nil && ended:
		r.revert(ctx)
		told = problem.New(problem.Conflict, "release %s was cancelled at %s", name, step)
		if was := d.serving(ctx, r); was != "" {
			told.Because(was + " still serves")
		}
		if step == StepBuild {
			told.Because(r.masked(r.printed)...)
		}
		told.Do("stoa history release " + name + "    tells who did, and why")
	case err == nil:
		return reconcile.Outcome{}, fmt.Errorf("release %s was given up and is wanted", name)
	default:
		return reconcile.Outcome{}, err
	}
	if ended {
		return reconcile.Done(), nil
	}
	return d.conclude(ctx, r, step, Cancelled, told)
}

// remove ends what runs of a release, and of no other.
func (d *Delivery) remove(ctx context.Context, rel Release) error {
	for _, key := range allKeys(rel) {
		status, err := d.runtime.Status(ctx, key)
		if errors.Is(err, runtime.ErrNotFound) || err == nil && status.Release != rel.Metadata.Name {
			continue
		}
		if err = errors.Join(err, d.runtime.Remove(ctx, key)); err != nil {
			return err
		}
	}
	return nil
}

// conclude ends a release at a step, short of where it was to go.
func (d *Delivery) conclude(ctx context.Context, r *run, step string, phase Phase, told *problem.Problem) (reconcile.Outcome, error) {
	state := map[Phase]StepState{Failed: StepFailed, Cancelled: StepCancelled}[phase]
	now := d.clock()
	fact, err := stepEvent(r.rel, step, state, 0, told.Title)
	if err != nil {
		return reconcile.Outcome{}, err
	}
	finished, err := pipelineFinished(r.rel, phase, told)
	if err != nil {
		return reconcile.Outcome{}, err
	}
	err = r.save(ctx, []event.Event{fact, finished}, func(s *ReleaseStatus) {
		at := s.step(step)
		if at.Started != nil {
			at.Millis = now.Sub(*at.Started).Milliseconds()
		}
		at.State, at.Message = state, told.Title
		s.Phase, s.Finished, s.Problem = phase, &now, told
	})
	if err != nil {
		return reconcile.Outcome{}, err
	}
	return reconcile.Stalled(errors.New(told.Title)), nil
}

// admitCancel lets a release that was admitted before change in one way: that it is
// cancelled, as long as it has not ended.
func admitCancel(draft *admission.Draft) error {
	var was, is Release
	switch {
	case draft.Old == nil && draft.Want.Metadata.Name == "":
		return problem.New(problem.Invalid, "a release that begins cannot be cancelled").WithFields(problem.Field{Path: "spec.cancel", Message: "is for one that is on its way"})
	case draft.Old == nil:
		return object.NotFound(draft.Want.Kind, draft.Want.Metadata.Name)
	case !decode(draft.Want, &is) || !decode(*draft.Old, &was):
		return nil // the schema will say what is wrong
	}
	name, done := was.Metadata.Name, was.Spec.Cancel && was.Status.Phase == Cancelled
	if was.Spec.Cancel = is.Spec.Cancel; !is.Spec.Cancel || !reflect.DeepEqual(was.Spec, is.Spec) {
		return neverChanges(name)
	}
	if was.Status.Phase.Final() && !done {
		return problem.New(problem.Conflict, "release %s cannot be cancelled: it has ended, and is %s", name, was.Status.Phase).
			Do("stoa rollback " + was.Spec.Service + " --env " + was.Spec.Environment + "    goes back to the one before")
	}
	return nil
}

func neverChanges(name string) error {
	return problem.New(problem.Invalid, "a release never changes once it is admitted").
		Do("stoa up    makes a new one", "stoa cancel SERVICE --release "+name+"    ends this one where it is")
}
