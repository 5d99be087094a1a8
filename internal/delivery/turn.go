package delivery

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/delivery/progress"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/store"
)

// Releases of one service to one environment take their turns in the order of
// their numbers. One whose turn has not come waits: the transaction in which the one
// before ends inserts a job for it. The lock of a turn keeps the two from passing each
// other by.

// turnLook is how often one that waits looks by itself, in case what was before it
// has gone in a way that nobody tells, as by a hand in the database.
const turnLook = 10 * time.Minute

func turn(rel Release) string { return "turn/" + keyOf(rel).String() }

// hasTurn reports whether no earlier release is on its way. Where one is, the end of
// the one before inserts a job for it.
func (d *Delivery) hasTurn(ctx context.Context, rel Release) (bool, error) {
	first, err := firstUnfinished(ctx, d.store, rel)
	mine := func() bool { return first.Metadata.Name == "" || first.Metadata.Name == rel.Metadata.Name }
	if err != nil || mine() {
		return err == nil, err // as nearly always, without the lock
	}
	err = d.store.Write(ctx, actor, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Lock(ctx, turn(rel)); err != nil {
			return err
		}
		first, err = firstUnfinished(ctx, tx, rel)
		if err != nil || mine() {
			return err
		}
		_, err = object.Update(ctx, tx, rel.Metadata.Name, func(r *Release) error {
			r.Status.step(StepBuild).Message = "waits for " + first.Metadata.Name
			return nil
		})
		return err
	})
	d.Publish(rel.Metadata.Name, progress.Change{Status: true})
	return err == nil && mine(), err
}

// letNext inserts the job of the release whose turn comes as this one ends. Whoever
// ends one has the lock of the turn.
func (d *Delivery) letNext(ctx context.Context, tx *store.Tx, ended Release) error {
	next, err := firstUnfinished(ctx, tx, ended)
	if err != nil || next.Spec.Number <= ended.Spec.Number { // none, or one that has a job
		return err
	}
	return tx.Enqueue(ctx, jobOf(next))
}

// firstUnfinished is the earliest release of the same service to the same
// environment that has not ended, the zero Release where all have.
func firstUnfinished(ctx context.Context, r object.Reader, rel Release) (Release, error) {
	all, err := unfinished(ctx, r, map[string]string{"spec.service": rel.Spec.Service, "spec.environment": rel.Spec.Environment})
	if err != nil || len(all) == 0 {
		return Release{}, err
	}
	return slices.MinFunc(all, func(a, b Release) int { return cmp.Compare(a.Spec.Number, b.Spec.Number) }), nil
}

// OnTheWay are the releases of a service that have not ended.
func OnTheWay(ctx context.Context, r object.Reader, service string) ([]Release, error) {
	return unfinished(ctx, r, map[string]string{"spec.service": service})
}

// unfinished are the releases with these fields that have not ended, but for those of
// services that are gone.
func unfinished(ctx context.Context, r object.Reader, fields map[string]string) ([]Release, error) {
	var all []Release
	for _, phase := range []Phase{Pending, Releasing} {
		of := map[string]string{"status.phase": string(phase)}
		maps.Copy(of, fields)
		found, err := object.All[Release](ctx, r, object.Query{Fields: of})
		if err != nil {
			return nil, err
		}
		all = append(all, slices.DeleteFunc(found, func(r Release) bool { return r.Status.Retired })...)
	}
	return all, nil
}
