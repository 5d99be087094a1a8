package delivery

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/secret"
	"github.com/stoa-platform/stoa/internal/store"
)

// finalizer keeps a deleted service until all that runs of it has stopped and
// nothing is left that whoever takes its name next would inherit.
const finalizer = "delivery"

// finalize lets a deleted service go: its logs, its home and its secrets are
// deleted, its releases stay as history from which nothing can be released
// again; those that wait for their turn end. With the last finalizer the store removes the service.
func (d *Delivery) finalize(ctx context.Context, s catalog.Service) error {
	name := s.Metadata.Name
	for _, env := range catalog.EnvironmentsOf(s) {
		if err := d.forget(name, env); err != nil {
			return fmt.Errorf("delete logs of %s in %s: %w", name, env, err)
		}
		home := filepath.Join(d.homes, runtime.Key{Service: name, Environment: env}.String())
		if err := os.RemoveAll(home); err != nil {
			return fmt.Errorf("delete home of %s in %s: %w", name, env, err)
		}
	}
	secrets, err := object.All[secret.Secret](ctx, d.store, object.Query{Fields: map[string]string{"spec.service": name}})
	if err != nil {
		return err
	}
	releases, err := object.All[Release](ctx, d.store, object.Query{Fields: map[string]string{"spec.service": name}})
	if err != nil {
		return err
	}
	return d.store.Write(ctx, actor, func(ctx context.Context, tx *store.Tx) error {
		for _, sec := range secrets {
			if err := d.secrets.Erase(ctx, tx, sec.Metadata.Name); err != nil {
				return err
			}
			if err := tx.Delete(ctx, sec.Kind, sec.Metadata.Name); err != nil && !problem.Is(err, problem.NotFound) {
				return err
			}
		}
		for _, rel := range releases {
			if rel.Status.Retired {
				continue
			}
			retired, err := object.Update(ctx, tx, rel.Metadata.Name, func(r *Release) error {
				r.Status.Retired = true
				return nil
			})
			if err == nil && !retired.Status.Phase.Final() { // so that it ends
				err = tx.Enqueue(ctx, cancelJob(retired))
			}
			if err != nil {
				return err
			}
		}
		gone, err := object.Update(ctx, tx, name, func(s *catalog.Service) error {
			s.Metadata.Finalizers = slices.DeleteFunc(s.Metadata.Finalizers, func(f string) bool { return f == finalizer })
			return nil
		})
		if err != nil {
			return err
		}
		events, err := removedEvents(gone)
		if err != nil {
			return err
		}
		tx.Append(events...)
		return nil
	})
}
