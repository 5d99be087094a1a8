package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

func testPutGet(t *testing.T, open Open) {
	s := open(t, store.Options{Fields: Fields, Clock: clock()})
	o := Widget("shop", "payments", map[string]any{"colour": "red"})
	o.Metadata.Title, o.Metadata.Labels = "A <shop> & more", map[string]string{"tier": "web"}
	// What the store sets is not taken from the writer.
	o.Metadata.UID, o.Metadata.Generation, o.Metadata.Deleted = "7", 9, &time.Time{}
	first := put(t, s, o)
	if !first.Created || !first.Changed || !first.Spec {
		t.Fatalf("first put: %+v", first)
	}
	doc, err := s.Get(t.Context(), "Widget", "shop")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(doc.Bytes, first.Document.Bytes) || doc.UID != first.Document.UID || !doc.Updated.Equal(first.Document.Updated) {
		t.Fatalf("stored %+v, put gave %+v", doc, first.Document)
	}
	m := decode(t, doc).Metadata
	if m.UID == "7" || m.UID == "" || m.Version != 1 || m.Generation != 1 || m.Deleted != nil || m.Title != o.Metadata.Title || m.Labels["tier"] != "web" {
		t.Fatalf("metadata %+v", m)
	}
	if m.Created == nil || !m.Created.Equal(*m.Updated) || m.Created.Nanosecond()%1000 != 0 || m.Created.Location() != time.UTC {
		t.Fatalf("created %v, updated %v", m.Created, m.Updated)
	}
	if !strings.Contains(string(doc.Bytes), "A <shop> & more") {
		t.Fatalf("text is escaped without need: %s", doc.Bytes)
	}

	o.Spec = json.RawMessage(`{"colour":"blue"}`)
	second := put(t, s, o)
	if second.Created || !second.Changed || !second.Spec || second.Document.Version != 2 || second.Document.UID != doc.UID {
		t.Fatalf("second put: %+v", second)
	}
	n := get(t, s, "shop").Metadata
	if !n.Created.Equal(*m.Created) || !n.Updated.After(*m.Updated) || n.UID != m.UID {
		t.Fatalf("second version: %+v, first %+v", n, m)
	}
	if _, err := s.Get(t.Context(), "Widget", "none"); !problem.Is(err, problem.NotFound) {
		t.Fatalf("get of none: %v", err)
	}
	if _, err := s.Get(t.Context(), "Other", "shop"); !problem.Is(err, problem.NotFound) {
		t.Fatalf("get of another kind: %v", err)
	}
}

func testUnchanged(t *testing.T, open Open) {
	s := opened(t, open)
	o := Widget("shop", "payments", nil)
	o.Spec = json.RawMessage(`{"a":1,"b":[true,null]}`)
	first := put(t, s, o)
	for _, spec := range []string{`{"a":1,"b":[true,null]}`, ` { "b" : [true, null], "a" : 1 } `} {
		o.Spec = json.RawMessage(spec)
		again := put(t, s, o)
		if again.Changed || again.Created || again.Spec || again.Document.Version != 1 || !bytes.Equal(again.Document.Bytes, first.Document.Bytes) {
			t.Fatalf("put of the same as %s: %+v", spec, again)
		}
	}
	history, err := s.History(t.Context(), "Widget", "shop", 0, 0)
	if err != nil || len(history) != 1 {
		t.Fatalf("history %v, %v", history, err)
	}
	// What was read can be written back as it is.
	if back := put(t, s, get(t, s, "shop")); back.Changed {
		t.Fatal("writing back what was read made a version")
	}
}

func testGeneration(t *testing.T, open Open) {
	s := opened(t, open)
	for _, step := range []struct {
		spec, status, title string
		version, generation int64
	}{
		{`{"a":1}`, ``, "", 1, 1},
		{`{"a":1}`, `{"phase":"up"}`, "", 2, 1},
		{`{ "a": 1 }`, `{"phase":"down"}`, "", 3, 1},
		{`{"a":1}`, `{"phase":"down"}`, "Title", 4, 1},
		{`{"a":2}`, `{"phase":"down"}`, "Title", 5, 2},
		{`{"a":2}`, `{"phase":"down"}`, "Title", 5, 2},
		{`{"a":9007199254740993}`, `{"phase":"down"}`, "Title", 6, 3},
		{`{"a":9007199254740992}`, `{"phase":"down"}`, "Title", 7, 4},
	} {
		o := Widget("shop", "", nil)
		o.Spec, o.Metadata.Title = json.RawMessage(step.spec), step.title
		if step.status != "" {
			o.Status = json.RawMessage(step.status)
		}
		put(t, s, o)
		if m := get(t, s, "shop").Metadata; m.Version != step.version || m.Generation != step.generation {
			t.Fatalf("%+v: version %d, generation %d", step, m.Version, m.Generation)
		}
	}
}

func testVersionConflict(t *testing.T, open Open) {
	s := opened(t, open)
	put(t, s, Widget("shop", "", 1), Widget("shop", "", 2))
	for _, step := range []struct {
		version int64
		want    problem.Kind
	}{{1, problem.Conflict}, {3, problem.Conflict}, {2, ""}, {2, problem.Conflict}} {
		o := Widget("shop", "", []int64{3, step.version})
		o.Metadata.Version = step.version
		err := s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Put(ctx, o)
			return err
		})
		if step.want == "" && err != nil || step.want != "" && !problem.Is(err, step.want) {
			t.Fatalf("version %d: %v, want %q", step.version, err, step.want)
		}
	}
	if m := get(t, s, "shop").Metadata; m.Version != 3 {
		t.Fatalf("version %d after one that was right", m.Version)
	}
	o := Widget("gone", "", 1)
	o.Metadata.Version = 4
	err := s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Put(ctx, o)
		return err
	})
	if !problem.Is(err, problem.Conflict) {
		t.Fatalf("version of an object that is not there: %v", err)
	}
}

func testFailedWriteLeavesNothing(t *testing.T, open Open) {
	s := opened(t, open)
	put(t, s, Widget("old", "", 1))
	failure := errors.New("no")
	err := s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Put(ctx, Widget("new", "", 1)); err != nil {
			return err
		}
		if err := tx.Delete(ctx, "Widget", "old"); err != nil {
			return err
		}
		tx.AfterCommit(func() { t.Error("AfterCommit ran without a commit") })
		return failure
	})
	if !errors.Is(err, failure) {
		t.Fatalf("write: %v", err)
	}
	equal(t, "objects", names(t, s, object.Query{Kind: "Widget"}), []string{"old"})
	if h, _ := s.History(t.Context(), "Widget", "new", 0, 0); len(h) != 0 {
		t.Fatalf("history of what was never made: %v", h)
	}
}

func testPanicLeavesNothing(t *testing.T, open Open) {
	s := opened(t, open)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.Put(ctx, Widget("new", "", 1)); err != nil {
				return err
			}
			panic("on purpose")
		})
	}()
	put(t, s, Widget("later", "", 1)) // the connection is free again
	equal(t, "objects", names(t, s, object.Query{Kind: "Widget"}), []string{"later"})
}

func testAfterCommit(t *testing.T, open Open) {
	s := opened(t, open)
	var order []string
	write(t, s, func(ctx context.Context, tx *store.Tx) error {
		tx.AfterCommit(func() {
			// What was written can be seen, by another connection too.
			if _, err := s.Get(ctx, "Widget", "new"); err != nil {
				t.Errorf("get after commit: %v", err)
			}
			order = append(order, "first")
		})
		tx.AfterCommit(func() { order = append(order, "second") })
		_, err := tx.Put(ctx, Widget("new", "", 1))
		return err
	})
	equal(t, "order", order, []string{"first", "second"})
}

type gadgetSpec struct {
	N int `json:"n"`
}

func (gadgetSpec) Kind() string { return "Gadget" }

type gadget = object.Typed[gadgetSpec, struct{}]

func testTypedUpdate(t *testing.T, open Open) {
	s := opened(t, open)
	write(t, s, func(ctx context.Context, tx *store.Tx) error {
		g := object.New[gadgetSpec, struct{}]("one", "", gadgetSpec{1})
		o, err := g.Object()
		if err != nil {
			return err
		}
		if _, err = tx.Put(ctx, o); err != nil {
			return err
		}
		// The transaction sees what it wrote, again and again.
		for range 2 {
			if _, err := object.Update[gadget](ctx, tx, "one", func(g *gadget) error { g.Spec.N++; return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	g, err := object.Get[gadget](t.Context(), s, "one")
	if err != nil || g.Spec.N != 3 || g.Metadata.Version != 3 || g.Metadata.Generation != 3 {
		t.Fatalf("%+v, %v", g, err)
	}
}

func testPutAll(t *testing.T, open Open) {
	s := opened(t, open)
	put(t, s, Widget("same", "", 1), Widget("other", "", 1))
	var results []store.PutResult
	write(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
		results, err = tx.PutAll(ctx, []object.Object{Widget("new", "", 1), Widget("same", "", 1), Widget("other", "", 2)})
		return err
	})
	for i, want := range []store.PutResult{{Created: true, Changed: true, Spec: true}, {}, {Changed: true, Spec: true}} {
		got := results[i]
		got.Document = object.Document{}
		if got.Created != want.Created || got.Changed != want.Changed || got.Spec != want.Spec {
			t.Fatalf("result %d: %+v", i, got)
		}
	}
	// One bad among many: nothing of all.
	bad := Widget("later", "", 1)
	bad.Metadata.Version = 3
	for _, objects := range [][]object.Object{
		{Widget("later2", "", 1), bad},
		{Widget("twice", "", 1), Widget("twice", "", 2)},
		{Widget("later3", "", 1), {Kind: "Widget"}},
		{Widget("later4", "", 1), {Kind: "Widget", Metadata: object.Metadata{Name: "x"}, Spec: json.RawMessage(`{"a":`)}},
	} {
		err := s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.PutAll(ctx, objects)
			return err
		})
		if !problem.Is(err, problem.Conflict) && !problem.Is(err, problem.Invalid) {
			t.Fatalf("put of %v: %v", objects, err)
		}
	}
	equal(t, "objects", names(t, s, object.Query{Kind: "Widget"}), []string{"new", "other", "same"})
	write(t, s, func(ctx context.Context, tx *store.Tx) error { _, err := tx.PutAll(ctx, nil); return err })
}
