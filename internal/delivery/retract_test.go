package delivery

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"testing"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/store"
)

// opened is a store of releases and what they belong to.
func opened(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stoa.db"), store.Options{Fields: func(kind string) []string {
		if kind == "Release" {
			return Kinds()[0].Fields
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// queue is a service with releases on their way to dev, without anything that runs.
type queue struct {
	t testing.TB
	*store.Store
	admitted int
}

// newQueue begins with release shop-1, which runs so.
func newQueue(t testing.TB, runs catalog.Running) *queue {
	t.Helper()
	s := opened(t)
	q := &queue{t, s, 1}
	shop := object.New[catalog.ServiceSpec, catalog.ServiceStatus]("shop", "fruit", catalog.ServiceSpec{Environments: map[string]catalog.Running{"dev": runs}})
	q.put(shop.Object())
	first := object.New[ReleaseSpec, ReleaseStatus]("shop-1", "fruit", ReleaseSpec{Service: "shop", Environment: "dev", Number: 1})
	first.Status = ReleaseStatus{Phase: Succeeded, Settings: &runs}
	q.put(first.Object())
	return q
}

func (q *queue) write(f func(context.Context, *store.Tx) error) {
	q.t.Helper()
	if err := q.Write(q.t.Context(), "stoa/test", f); err != nil {
		q.t.Fatal(err)
	}
}

func (q *queue) put(o object.Object, err error) {
	q.t.Helper()
	q.write(func(ctx context.Context, tx *store.Tx) error {
		if err == nil {
			_, err = tx.Put(ctx, o)
		}
		return err
	})
}

func (q *queue) runs() catalog.Running {
	q.t.Helper()
	s, err := object.Get[catalog.Service](q.t.Context(), q, "shop")
	if err != nil {
		q.t.Fatal(err)
	}
	return s.Spec.Environments["dev"]
}

// changed is what a person has set meanwhile.
func (q *queue) changed(change func(*catalog.Running)) {
	q.t.Helper()
	q.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := object.Update(ctx, tx, "shop", func(s *catalog.Service) error {
			now := s.Spec.Environments["dev"]
			now.Env = maps.Clone(now.Env)
			change(&now)
			s.Spec.Environments["dev"] = now
			return nil
		})
		return err
	})
}

func (q *queue) admit(spec ReleaseSpec, back *catalog.Running) string {
	q.t.Helper()
	q.admitted++
	spec.Service, spec.Environment, spec.Number = "shop", "dev", q.admitted
	rel := object.New[ReleaseSpec, ReleaseStatus](fmt.Sprint("shop-", q.admitted), "fruit", spec)
	had := q.runs()
	has := withSettings(had, spec, back)
	rel.Status = ReleaseStatus{Phase: Pending, SettingsBefore: &had, Settings: &has}
	q.put(rel.Object())
	q.changed(func(now *catalog.Running) { *now = has })
	return rel.Metadata.Name
}

func (q *queue) cancelled(name string) {
	q.t.Helper()
	q.write(func(ctx context.Context, tx *store.Tx) error {
		rel, err := object.Update(ctx, tx, name, func(r *Release) error { r.Status.Phase = Cancelled; return nil })
		if err != nil {
			return err
		}
		_, err = object.Update(ctx, tx, "shop", func(s *catalog.Service) error { return retract(ctx, tx, s, rel) })
		return err
	})
}

// Whatever several releases set, and in whatever order they are cancelled: at the end
// it is as it was, and in between what runs has none of it.
func TestRetractInAnyOrder(t *testing.T) {
	start := catalog.Running{Replicas: 2, Env: map[string]string{"FRUIT": "apple"}}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		for _, fruits := range [][]string{{"plum", "plum", "plum"}, {"plum", "apple", "plum"}, {"plum", "", "pear"}} {
			q := newQueue(t, start)
			var names []string
			for i, fruit := range fruits {
				spec := ReleaseSpec{Set: map[string]string{fmt.Sprint("ONLY_", i): "x"}}
				if fruit != "" {
					spec.Set["FRUIT"] = fruit
				}
				names = append(names, q.admit(spec, nil))
			}
			for _, i := range order {
				if s, err := asOf(t.Context(), q, "shop", "dev", 1); err != nil || !maps.Equal(s.Spec.Environments["dev"].Env, start.Env) {
					t.Errorf("%v, %v: before %s ends what runs has %v (%v)", fruits, order, names[i], s.Spec.Environments["dev"].Env, err)
				}
				q.cancelled(names[i])
			}
			if now := q.runs(); !maps.Equal(now.Env, start.Env) || now.Replicas != start.Replicas {
				t.Errorf("%v, cancelled in the order %v: %+v", fruits, order, now)
			}
		}
	}
}

// What a person has set while releases wait stays when one of them is cancelled.
func TestRetractKeepsWhatPeopleSet(t *testing.T) {
	start := catalog.Running{Replicas: 1, Memory: "1Gi", Env: map[string]string{"FRUIT": "apple"}}
	three := 3
	for what, c := range map[string]struct {
		first, second ReleaseSpec
		back          *catalog.Running
		change        func(*catalog.Running)
		stays         func(catalog.Running) bool
	}{
		"stopped": {change: func(r *catalog.Running) { r.Replicas = 0 }, stays: func(r catalog.Running) bool { return r.Replicas == 0 }},
		"scaled over one that waits": {second: ReleaseSpec{Replicas: &three},
			change: func(r *catalog.Running) { r.Replicas = 5 }, stays: func(r catalog.Running) bool { return r.Replicas == 5 }},
		"a variable over one that waits": {first: ReleaseSpec{Set: map[string]string{"MODE": "x"}}, second: ReleaseSpec{Set: map[string]string{"FRUIT": "plum"}},
			change: func(r *catalog.Running) { r.Env["FRUIT"] = "quince" }, stays: func(r catalog.Running) bool { return r.Env["FRUIT"] == "quince" && r.Env["MODE"] == "" }},
		"memory over one that waits": {second: ReleaseSpec{Memory: "2Gi"},
			change: func(r *catalog.Running) { r.Memory = "4Gi" }, stays: func(r catalog.Running) bool { return r.Memory == "4Gi" }},
		"a variable beside one that goes back": {first: ReleaseSpec{Set: map[string]string{"FRUIT": "plum"}}, second: ReleaseSpec{Cause: CauseRollback, From: "shop-1"}, back: &start,
			change: func(r *catalog.Running) { r.Env["LOG"] = "debug" }, stays: func(r catalog.Running) bool { return r.Env["LOG"] == "debug" && r.Env["FRUIT"] == "apple" }},
	} {
		q := newQueue(t, start)
		first := q.admit(c.first, nil)
		q.admit(c.second, c.back)
		q.changed(c.change)
		q.cancelled(first)
		if now := q.runs(); !c.stays(now) {
			t.Errorf("%s: %+v", what, now)
		}
	}
}
