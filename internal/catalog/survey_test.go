package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/store"
)

// watchers see what runs of each service in each environment; of the others
// nothing does.
type watchers map[runtime.Key]runtime.Status

func (w watchers) Status(_ context.Context, key runtime.Key) (runtime.Status, error) {
	if seen, ok := w[key]; ok {
		return seen, nil
	}
	return runtime.Status{}, runtime.ErrNotFound
}

// surveyed is a store with these objects.
func surveyed(t *testing.T, objects ...object.Object) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stoa.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	err = s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.PutAll(ctx, objects)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asService is a service that is declared for environments, with as many
// instances in each, and of which this was stored.
func asService(t *testing.T, name string, declared map[string]int, stored map[string]catalog.Deployment) object.Object {
	t.Helper()
	spec := catalog.ServiceSpec{Environments: map[string]catalog.Running{}}
	for env, replicas := range declared {
		spec.Environments[env] = catalog.Running{Replicas: replicas}
	}
	s := object.New[catalog.ServiceSpec, catalog.ServiceStatus](name, "of-"+name, spec)
	s.Status.Environments = stored
	return encode(t, s)
}

func TestLookAtAll(t *testing.T) {
	since := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	environment := func(name string) object.Object {
		return encode(t, object.New[catalog.EnvironmentSpec, struct{}](name, "", catalog.EnvironmentSpec{}))
	}
	s := surveyed(t, environment("dev"), environment("prod"), environment("empty"),
		asService(t, "shop", map[string]int{"dev": 1, "prod": 0}, map[string]catalog.Deployment{"prod": {Release: "shop-1", State: catalog.StateStopped}}),
		asService(t, "cart", map[string]int{"dev": 1, "prod": 2}, map[string]catalog.Deployment{
			"dev": {Release: "cart-1", State: catalog.StateRunning}, "prod": {Release: "cart-1", State: catalog.StateRunning, Since: since}}),
		asService(t, "bill", map[string]int{"dev": 1}, map[string]catalog.Deployment{"dev": {Release: "bill-1", State: catalog.StateFailed, Message: "exit code 1", Since: since}}),
		asService(t, "left", nil, map[string]catalog.Deployment{"prod": {Release: "left-1", State: catalog.StateRunning}}), // declared no more
		asService(t, "elsewhere", nil, nil),
	)
	w := watchers{
		{Service: "cart", Environment: "dev"}:  instances(runtime.StateHealthy),
		{Service: "cart", Environment: "prod"}: instances(runtime.StateHealthy, runtime.StateUnhealthy),
	}
	bill := catalog.Unwell{Service: "bill", Owner: "of-bill", Environment: "dev", State: catalog.StateFailed, Why: "exit code 1", Since: since}
	cart := catalog.Unwell{Service: "cart", Owner: "of-cart", Environment: "prod", State: catalog.StateDegraded, Why: "1 of 2 instances answer", Since: since}
	for env, want := range map[string]catalog.Survey{
		"": {Services: 5, Unwell: []catalog.Unwell{bill, cart}, States: map[string]int{catalog.StateRunning: 1, catalog.StateDegraded: 1,
			catalog.StateFailed: 1, catalog.StateStopped: 2, catalog.StateUnreleased: 1}},
		"dev": {Services: 3, Unwell: []catalog.Unwell{bill}, States: map[string]int{catalog.StateRunning: 1, catalog.StateFailed: 1,
			catalog.StateUnreleased: 1}},
		"prod":  {Services: 3, Unwell: []catalog.Unwell{cart}, States: map[string]int{catalog.StateDegraded: 1, catalog.StateStopped: 2}},
		"empty": {Unwell: []catalog.Unwell{}, States: map[string]int{}},
	} {
		got, err := catalog.LookAtAll(t.Context(), s, w, env)
		if err != nil {
			t.Errorf("in %q: %v", env, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in %q:\n%s", env, diff)
		}
	}
	if _, err := catalog.LookAtAll(t.Context(), s, w, "nowhere"); !problem.Is(err, problem.NotFound) {
		t.Errorf("an environment that is not there is told as %v", err)
	}
	broken := errors.New("the socket is gone")
	if _, err := catalog.LookAtAll(t.Context(), s, watcher{err: broken}, ""); !errors.Is(err, broken) {
		t.Errorf("a runtime that cannot be asked is told as %v", err)
	}
}

// Of very many that failed the first are named and all are counted, those
// beyond a page of services too.
func TestLookAtAllOfMany(t *testing.T) {
	const many, named = 1001, 500
	var services []object.Object
	for i := range many {
		services = append(services, asService(t, fmt.Sprintf("s-%04d", i), map[string]int{"dev": 1}, map[string]catalog.Deployment{"dev": {Release: "r", State: catalog.StateFailed}}))
	}
	got, err := catalog.LookAtAll(t.Context(), surveyed(t, services...), watchers{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got.Services != many || got.States[catalog.StateFailed] != many || len(got.Unwell) != named || got.Unwell[named-1].Service != fmt.Sprintf("s-%04d", named-1) {
		t.Errorf("of %d services %v, %d are named", got.Services, got.States, len(got.Unwell))
	}
}
