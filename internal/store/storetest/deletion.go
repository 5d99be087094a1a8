package storetest

import (
	"context"
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

func remove(t testing.TB, s *store.Store, name string) error {
	t.Helper()
	return s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
		return tx.Delete(ctx, "Widget", name)
	})
}

func testDelete(t *testing.T, open Open) {
	s := opened(t, open)
	o := Widget("shop", "payments", map[string]any{"colour": "red"})
	o.Metadata.Labels = map[string]string{"tier": "web"}
	first := put(t, s, o)
	if err := remove(t, s, "shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "Widget", "shop"); !problem.Is(err, problem.NotFound) {
		t.Fatalf("get of the deleted: %v", err)
	}
	if err := remove(t, s, "shop"); !problem.Is(err, problem.NotFound) {
		t.Fatalf("delete of the deleted: %v", err)
	}
	for _, q := range []object.Query{
		{Kind: "Widget"}, {Kind: "Widget", Newest: true}, {Kind: "Widget", Search: "shop"}, {Kind: "Widget", Owner: "payments"},
		{Kind: "Widget", Labels: map[string]string{"tier": "web"}}, {Kind: "Widget", Fields: map[string]string{"spec.colour": "red"}},
	} {
		equal(t, "objects", names(t, s, q), nil)
	}
	// A new one of the same name is another object, but the history goes on.
	again := put(t, s, o)
	if !again.Created || again.Document.UID == first.Document.UID || again.Document.Version != 3 {
		t.Fatalf("after the deletion: %+v, before %+v", again.Document, first.Document)
	}
	if m := get(t, s, "shop").Metadata; m.Generation != 1 {
		t.Fatalf("generation %d of a new object", m.Generation)
	}
	old := get(t, s, "shop")
	old.Metadata.Version = 1
	err := s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Put(ctx, old)
		return err
	})
	if !problem.Is(err, problem.Conflict) {
		t.Fatalf("write over the new object with the old one's version: %v", err)
	}
}

func testFinalizers(t *testing.T, open Open) {
	s := opened(t, open)
	o := Widget("shop", "", 1)
	o.Metadata.Finalizers = []string{"runtime", "route"}
	put(t, s, o)
	for range 2 { // the second changes nothing
		if err := remove(t, s, "shop"); err != nil {
			t.Fatal(err)
		}
		if m := get(t, s, "shop").Metadata; m.Deleted == nil || m.Version != 2 || m.Generation != 1 {
			t.Fatalf("metadata %+v", m)
		}
	}
	// Nobody brings it back, or holds it back longer.
	going := get(t, s, "shop")
	going.Metadata.Deleted, going.Metadata.Version = nil, 0
	if r := put(t, s, going); r.Changed {
		t.Fatalf("deletion was undone: %s", r.Document.Bytes)
	}
	going.Metadata.Finalizers = []string{"runtime", "route", "other"}
	err := s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Put(ctx, going)
		return err
	})
	if !problem.Is(err, problem.Conflict) {
		t.Fatalf("new finalizer: %v", err)
	}
	going.Metadata.Finalizers = []string{"route"}
	if r := put(t, s, going); r.Removed || !r.Changed {
		t.Fatalf("first finalizer: %+v", r)
	}
	going.Metadata.Finalizers = nil
	if r := put(t, s, going); !r.Removed || !r.Changed {
		t.Fatalf("last finalizer: %+v", r)
	}
	if _, err := s.Get(t.Context(), "Widget", "shop"); !problem.Is(err, problem.NotFound) {
		t.Fatalf("get: %v", err)
	}
	history, err := s.History(t.Context(), "Widget", "shop", 0, 0)
	if err != nil || len(history) != 4 || !history[0].Deleted || history[1].Deleted {
		t.Fatalf("history %+v, %v", history, err)
	}
}

func testHistory(t *testing.T, open Open) {
	s := open(t, store.Options{Clock: clock()})
	for n := range 5 {
		put(t, s, Widget("shop", "", n))
	}
	put(t, s, Widget("other", "", 1))
	if err := remove(t, s, "shop"); err != nil {
		t.Fatal(err)
	}
	put(t, s, Widget("shop", "", 9))

	var versions []int64
	var all []store.Revision
	for before := int64(0); ; before = versions[len(versions)-1] {
		page, err := s.History(t.Context(), "Widget", "shop", before, 2)
		if err != nil || len(page) > 2 {
			t.Fatalf("page %v, %v", page, err)
		}
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			versions, all = append(versions, r.Version), append(all, r)
		}
	}
	equal(t, "versions", versions, []int64{7, 6, 5, 4, 3, 2, 1})
	for i, r := range all {
		o := decode(t, object.Document{Bytes: r.Bytes})
		if o.Metadata.Version != r.Version || !o.Metadata.Updated.Equal(r.At) || r.Actor == "" || r.Deleted != (r.Version == 6) {
			t.Errorf("revision %+v: %s", r, r.Bytes)
		}
		if i > 0 && !r.At.Before(all[i-1].At) {
			t.Errorf("version %d at %v is not before version %d at %v", r.Version, r.At, all[i-1].Version, all[i-1].At)
		}
	}
	if o := decode(t, object.Document{Bytes: all[1].Bytes}); o.Metadata.Deleted == nil || string(o.Spec) != "4" {
		t.Errorf("the removal keeps %s", all[1].Bytes)
	}
	if all[0].UID == all[1].UID || all[1].UID != all[6].UID {
		t.Errorf("uids %d, %d, %d", all[0].UID, all[1].UID, all[6].UID)
	}
	if none, err := s.History(t.Context(), "Widget", "none", 0, 0); err != nil || len(none) != 0 {
		t.Errorf("history of none: %v, %v", none, err)
	}
	if _, err := s.History(t.Context(), "Widget", "shop", 0, -1); !problem.Is(err, problem.Invalid) {
		t.Errorf("negative limit: %v", err)
	}
}
