package delivery

import (
	"context"
	"errors"
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
)

func unwanted(err error) bool { return errors.Is(err, errCancelled) || errors.Is(err, errGone) }

// cancelJob ends a release that is cancelled, also while all that build are busy.
func cancelJob(rel Release) store.Job {
	return store.Job{Kind: "release", Args: releaseJob{Release: rel.Metadata.Name, Built: true}}
}

// wanted gives the service of a release as it is now, errCancelled or errGone. A
// service of the same name may have come since, which the release is not of.
func (d *Delivery) wanted(ctx context.Context, release string) (catalog.Service, error) {
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
				if _, err := d.wanted(within, release); unwanted(err) {
					end(err)
				}
			}
		}
	}()
	return within, func() { end(nil) }
}

// giveUp ends a release that is wanted no more. What it has brought up is taken back;
// of a service that is deleted all is removed anyway.
func (d *Delivery) giveUp(ctx context.Context, r *run, why error) (reconcile.Outcome, error) {
	name, step := r.rel.Metadata.Name, r.rel.Status.Current()
	if errors.Is(why, errGone) {
		return d.conclude(ctx, r, step.Name, Cancelled, problem.New(problem.Conflict, "service %s was deleted while release %s was on its way", r.rel.Spec.Service, name))
	}
	if r.rel.Status.step(StepRollout).State != StepWaiting {
		leave, err := d.lanes.Enter(ctx, runtime.Key{Service: r.rel.Spec.Service, Environment: r.rel.Spec.Environment}.String())
		if err != nil {
			return reconcile.Outcome{}, err
		}
		defer leave()
		if r.service, err = d.wanted(ctx, name); errors.Is(err, errGone) {
			return d.giveUp(ctx, r, err)
		} else if !unwanted(err) {
			return reconcile.Outcome{}, err
		}
		r.revert(ctx)
	}
	told := problem.New(problem.Conflict, "release %s was cancelled at %s", name, step.Name)
	if was := r.service.Status.Environments[r.rel.Spec.Environment].Release; was != "" {
		told.Because(was + " still serves")
	}
	return d.conclude(ctx, r, step.Name, Cancelled, told.Do("stoa history release "+name+"    tells who did, and why"))
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
	name, asked := was.Metadata.Name, was.Spec.Cancel
	if was.Spec.Cancel = is.Spec.Cancel; !is.Spec.Cancel || !reflect.DeepEqual(was.Spec, is.Spec) {
		return neverChanges(name)
	}
	if was.Status.Phase.Final() && !asked {
		return problem.New(problem.Conflict, "release %s cannot be cancelled: it has ended, and is %s", name, was.Status.Phase).
			Do("stoa rollback " + was.Spec.Service + " --env " + was.Spec.Environment + "    goes back to the one before")
	}
	return nil
}

func neverChanges(name string) error {
	return problem.New(problem.Invalid, "a release never changes once it is admitted").
		Do("stoa up    makes a new one", "stoa cancel SERVICE --release "+name+"    ends this one where it is")
}
