package storetest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// model is what a store should hold, kept in maps.
type model struct {
	s       *store.Store
	objects map[string]modelObject
	history map[string][]string // specs by name, oldest first; "deleted" for a removal
	made    int
	touched []string // by the last action
}

type modelObject struct {
	made                int // place in the order of creation
	version, generation int64
	owner, colour, tier string
	finalizers          bool
	deleted             bool
}

func (m modelObject) object(name string) object.Object {
	o := Widget(name, m.owner, map[string]string{"colour": m.colour})
	if m.tier != "" {
		o.Metadata.Labels = map[string]string{"tier": m.tier}
	}
	if m.finalizers {
		o.Metadata.Finalizers = []string{"worker"}
	}
	return o
}

// testModel does many random things to a store and to a model of it and
// compares all that can be asked.
func testModel(t *testing.T, open Open) {
	s := opened(t, open)
	rapid.Check(t, func(r *rapid.T) {
		m := &model{s: s, objects: map[string]modelObject{}, history: map[string][]string{}}
		m.clear(t, r)
		r.Repeat(map[string]func(*rapid.T){
			"put":    func(r *rapid.T) { m.put(t, r) },
			"delete": func(r *rapid.T) { m.delete(t, r) },
			"":       func(r *rapid.T) { m.compare(t, r) },
		})
	})
}

// clear empties the store, history too: rapid needs each of its tries to start
// from the same.
func (m *model) clear(t *testing.T, r *rapid.T) {
	err := m.s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
		for _, table := range []string{"objects", "object_labels", "object_fields", "object_history", "object_search"} {
			if _, err := tx.Exec(ctx, "DELETE FROM "+table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
}

var (
	someNames   = rapid.SampledFrom([]string{"a", "a-b", "ab", "b", "b0", "shop", "shop-api"})
	someOwners  = rapid.SampledFrom([]string{"", "x", "y"})
	someColours = rapid.SampledFrom([]string{"red", "blue", "1"})
	someTiers   = rapid.SampledFrom([]string{"", "web", "db"})
)

// put puts one to three objects in one transaction, all or none.
func (m *model) put(t *testing.T, r *rapid.T) {
	names := rapid.SliceOfNDistinct(someNames, 1, 3, rapid.ID).Draw(r, "names")
	m.touched = names
	next, history, made := maps.Clone(m.objects), map[string][]string{}, m.made
	var objects []object.Object
	var want []store.PutResult
	failing := false
	for _, name := range names {
		is := modelObject{
			owner: someOwners.Draw(r, "owner"), colour: someColours.Draw(r, "colour"),
			tier: someTiers.Draw(r, "tier"), finalizers: rapid.Bool().Draw(r, "finalizers"),
		}
		was, exists := next[name]
		o := is.object(name)
		o.Metadata.Version = int64(rapid.SampledFrom([]int{0, 0, 0, int(was.version), int(was.version) + 1}).Draw(r, "version"))
		objects = append(objects, o)
		if v := o.Metadata.Version; v != 0 && v != was.version {
			failing = true
		}
		if was.deleted && is.finalizers && !was.finalizers {
			failing = true
		}
		result := store.PutResult{Created: !exists, Changed: true, Spec: true}
		is.made, is.generation, is.deleted = was.made, was.generation, was.deleted
		is.version = int64(len(m.history[name]) + 1)
		if exists {
			result.Spec = is.colour != was.colour
			result.Changed = result.Spec || is.owner != was.owner || is.tier != was.tier || is.finalizers != was.finalizers
			result.Removed = is.deleted && !is.finalizers
		}
		switch {
		case !exists:
			made++
			is.made, is.generation = made, 1
		case result.Spec:
			is.generation++
		}
		want = append(want, result)
		if !result.Changed {
			continue
		}
		history[name] = append(slices.Clone(m.history[name]), is.colour)
		if next[name] = is; result.Removed {
			delete(next, name)
			history[name][len(history[name])-1] = "deleted"
		}
	}
	var got []store.PutResult
	err := m.s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) (err error) {
		got, err = tx.PutAll(ctx, objects)
		return err
	})
	if failing {
		if !problem.Is(err, problem.Conflict) {
			r.Fatalf("put %v: %v, want a conflict", names, err)
		}
		return
	}
	if err != nil {
		r.Fatalf("put %v: %v", names, err)
	}
	for i, g := range got {
		decoded, err := g.Document.Object()
		if err != nil {
			r.Fatalf("put %s: %v", names[i], err)
		}
		if !sameObject(g.Object, decoded) {
			r.Fatalf("put %s: object %+v, document %+v", names[i], g.Object, decoded)
		}
		if g.Document, g.Object = (object.Document{}), (object.Object{}); fmt.Sprint(g) != fmt.Sprint(want[i]) {
			r.Fatalf("put %s: %+v, want %+v", names[i], g, want[i])
		}
	}
	m.objects, m.made = next, made
	maps.Copy(m.history, history)
}

// sameObject compares what two objects are encoded as.
func sameObject(a, b object.Object) bool {
	x, xErr := json.Marshal(a)
	y, yErr := json.Marshal(b)
	return xErr == nil && yErr == nil && bytes.Equal(x, y)
}

func (m *model) delete(t *testing.T, r *rapid.T) {
	name := someNames.Draw(r, "name")
	m.touched = []string{name}
	was, exists := m.objects[name]
	err := remove(t, m.s, name)
	switch {
	case !exists:
		if !problem.Is(err, problem.NotFound) {
			r.Fatalf("delete %s: %v", name, err)
		}
		return
	case err != nil:
		r.Fatalf("delete %s: %v", name, err)
	case was.finalizers && was.deleted:
		return
	}
	was.version, was.deleted = was.version+1, true
	if m.objects[name] = was; was.finalizers {
		m.history[name] = append(m.history[name], was.colour)
		return
	}
	delete(m.objects, name)
	m.history[name] = append(m.history[name], "deleted")
}

// compare asks the store for one random list and for what was touched last.
func (m *model) compare(t *testing.T, r *rapid.T) {
	q := object.Query{Kind: "Widget", Limit: rapid.IntRange(1, 8).Draw(r, "limit"), Newest: rapid.Bool().Draw(r, "newest")}
	colour, tier := "", ""
	if rapid.Bool().Draw(r, "filtered") {
		q.Owner = someOwners.Draw(r, "owner")
		if colour = rapid.SampledFrom([]string{"", "red", "1"}).Draw(r, "colour"); colour != "" {
			q.Fields = map[string]string{"spec.colour": colour}
		}
		if tier = someTiers.Draw(r, "tier"); tier != "" {
			q.Labels = map[string]string{"tier": tier}
		}
	}
	var want []string
	for name, o := range m.objects {
		if (q.Owner == "" || o.owner == q.Owner) && (colour == "" || o.colour == colour) && (tier == "" || o.tier == tier) {
			want = append(want, name)
		}
	}
	slices.SortFunc(want, func(a, b string) int {
		if q.Newest {
			// Objects made by one transaction come in the order of their making.
			return cmp.Compare(m.objects[b].made, m.objects[a].made)
		}
		return cmp.Compare(a, b)
	})
	if got := names(t, m.s, q); !slices.Equal(got, want) {
		r.Fatalf("list %+v: %v, want %v", q, got, want)
	}
	if n, err := m.s.Count(t.Context(), q); err != nil || int(n) != len(want) {
		r.Fatalf("count %+v: %d, %v; want %d", q, n, err, len(want))
	}
	for _, name := range m.touched {
		m.compareOne(t, r, name, m.history[name])
	}
}

func (m *model) compareOne(t *testing.T, r *rapid.T, name string, specs []string) {
	history, err := m.s.History(t.Context(), "Widget", name, 0, 1000)
	if err != nil || len(history) != len(specs) {
		r.Fatalf("history of %s: %d versions, %v; want %d", name, len(history), err, len(specs))
	}
	for i, rev := range history {
		want := specs[len(specs)-1-i]
		var doc struct{ Spec struct{ Colour string } }
		if err := json.Unmarshal(rev.Bytes, &doc); err != nil {
			r.Fatal(err)
		}
		if rev.Deleted != (want == "deleted") || !rev.Deleted && doc.Spec.Colour != want || rev.Version != int64(len(specs)-i) {
			r.Fatalf("history of %s: %s at version %d, want %s", name, rev.Bytes, rev.Version, want)
		}
	}
	is, exists := m.objects[name]
	doc, err := m.s.Get(t.Context(), "Widget", name)
	if !exists {
		if !problem.Is(err, problem.NotFound) {
			r.Fatalf("get %s: %v", name, err)
		}
		return
	}
	if err != nil {
		r.Fatalf("get %s: %v", name, err)
	}
	o := decode(t, doc)
	if o.Metadata.Version != is.version || o.Metadata.Generation != is.generation || o.Metadata.Owner != is.owner || (o.Metadata.Deleted != nil) != is.deleted {
		r.Fatalf("get %s: %s, want %+v", name, doc.Bytes, is)
	}
	if len(history) == 0 || !bytes.Equal(doc.Bytes, history[0].Bytes) {
		r.Fatalf("%s is %s, its history is %v", name, doc.Bytes, history)
	}
}
