package storetest

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// fill stores n widgets: the owner is one of three, the colour one of four, and
// every fifth has the label.
func fill(t testing.TB, s *store.Store, n int) {
	t.Helper()
	objects := make([]object.Object, n)
	for i := range objects {
		o := Widget(numbered(i), fmt.Sprintf("team%d", i%3), map[string]any{"colour": fmt.Sprintf("c%d", i%4), "size": i % 7, "on": i%2 == 0})
		if i%5 == 0 {
			o.Metadata.Labels = map[string]string{"tier": "web", "n": fmt.Sprint(i)}
		}
		objects[i] = o
	}
	putAll(t, s, objects)
}

func testPagination(t *testing.T, open Open) {
	s := opened(t, open)
	fill(t, s, 53)
	other := Widget("other", "", 1)
	other.Kind = "Other"
	put(t, s, other)

	var all []string
	for i := range 53 {
		all = append(all, numbered(i))
	}
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	for _, limit := range []int{1, 7, 52, 53, 54, 0} {
		equal(t, "by name", names(t, s, object.Query{Kind: "Widget", Limit: limit}), all)
		equal(t, "newest first", names(t, s, object.Query{Kind: "Widget", Limit: limit, Newest: true}), reversed)
		equal(t, "every kind", names(t, s, object.Query{Limit: limit}), append([]string{"other"}, all...))
	}
	// What was there from beginning to end is given once, whatever comes and goes meanwhile.
	for _, newest := range []bool{false, true} {
		var found []string
		q := object.Query{Kind: "Widget", Limit: 5, Newest: newest}
		for turn := 0; ; turn++ {
			page, err := s.List(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range page.Items {
				found = append(found, d.Name)
			}
			if page.Next == "" {
				break
			}
			q.After = page.Next
			passing := fmt.Sprintf("w00025-%d", turn)
			put(t, s, Widget(passing, "", 1))
			put(t, s, Widget(numbered(turn*5), "changed", turn))
			if turn%2 == 0 {
				if err := remove(t, s, passing); err != nil {
					t.Fatal(err)
				}
			}
		}
		kept := slices.DeleteFunc(slices.Clone(found), func(name string) bool { return len(name) > len(numbered(0)) })
		want := all
		if newest {
			want = reversed
		}
		equal(t, "while others write", kept, want)
	}
	if _, err := s.List(t.Context(), object.Query{Kind: "Widget", Limit: 1001}); !problem.Is(err, problem.Invalid) {
		t.Errorf("limit 1001: %v", err)
	}
	if _, err := s.List(t.Context(), object.Query{Kind: "Widget", Limit: -1}); !problem.Is(err, problem.Invalid) {
		t.Errorf("limit -1: %v", err)
	}
}

func testFilters(t *testing.T, open Open) {
	s := opened(t, open)
	fill(t, s, 60)
	withStatus := Widget("zz", "team9", map[string]any{"colour": nil, "size": map[string]any{"deep": 1}})
	withStatus.Status = []byte(`{"phase":"ready"}`)
	put(t, s, withStatus)

	for _, test := range []struct {
		q    object.Query
		want func(i int) bool
	}{
		{object.Query{Owner: "team1"}, func(i int) bool { return i%3 == 1 }},
		{object.Query{Labels: map[string]string{"tier": "web"}}, func(i int) bool { return i%5 == 0 }},
		{object.Query{Labels: map[string]string{"tier": "web", "n": "10"}}, func(i int) bool { return i == 10 }},
		{object.Query{Labels: map[string]string{"tier": "none"}}, func(int) bool { return false }},
		{object.Query{Fields: map[string]string{"spec.colour": "c2"}}, func(i int) bool { return i%4 == 2 }},
		{object.Query{Fields: map[string]string{"spec.size": "3"}}, func(i int) bool { return i%7 == 3 }},
		{object.Query{Fields: map[string]string{"spec.on": "true"}}, func(i int) bool { return i%2 == 0 }},
		{object.Query{Fields: map[string]string{"spec.on": "false", "spec.size": "5"}, Owner: "team0"}, func(i int) bool { return i%2 == 1 && i%7 == 5 && i%3 == 0 }},
		{object.Query{Fields: map[string]string{"spec.colour": "c0"}, Labels: map[string]string{"tier": "web"}}, func(i int) bool { return i%4 == 0 && i%5 == 0 }},
		{object.Query{Search: "w", Owner: "team2", Fields: map[string]string{"spec.colour": "c1"}}, func(i int) bool { return i%3 == 2 && i%4 == 1 }},
	} {
		want := []string{}
		for i := range 60 {
			if test.want(i) {
				want = append(want, numbered(i))
			}
		}
		test.q.Kind = "Widget"
		for _, limit := range []int{1, 4, 0} {
			test.q.Limit = limit
			equal(t, fmt.Sprintf("%+v", test.q), names(t, s, test.q), want)
			if test.q.Search != "" {
				continue
			}
			newest := test.q
			newest.Newest = true
			backwards := slices.Clone(want)
			slices.Reverse(backwards)
			equal(t, fmt.Sprintf("%+v", newest), names(t, s, newest), backwards)
		}
		if n, err := s.Count(t.Context(), test.q); err != nil || n != int64(len(want)) {
			t.Fatalf("count %+v: %d, %v; want %d", test.q, n, err, len(want))
		}
	}
	equal(t, "by status", names(t, s, object.Query{Kind: "Widget", Fields: map[string]string{"status.phase": "ready"}}), []string{"zz"})

	// A change moves an object from one list to the other.
	o := get(t, s, numbered(0))
	o.Metadata.Owner, o.Metadata.Labels = "team1", map[string]string{"tier": "db"}
	o.Spec = []byte(`{"colour":"c3"}`)
	put(t, s, o)
	for _, q := range []object.Query{
		{Owner: "team0"}, {Labels: map[string]string{"tier": "web"}}, {Fields: map[string]string{"spec.colour": "c0"}}, {Fields: map[string]string{"spec.on": "true"}},
	} {
		q.Kind = "Widget"
		if slices.Contains(names(t, s, q), numbered(0)) {
			t.Errorf("%+v still gives the changed object", q)
		}
	}
	for _, q := range []object.Query{
		{Owner: "team1"}, {Labels: map[string]string{"tier": "db"}}, {Fields: map[string]string{"spec.colour": "c3"}},
	} {
		q.Kind = "Widget"
		if !slices.Contains(names(t, s, q), numbered(0)) {
			t.Errorf("%+v does not give the changed object", q)
		}
	}
	for _, q := range []object.Query{
		{Kind: "Widget", Fields: map[string]string{"spec.secret": "x"}},
		{Kind: "Other", Fields: map[string]string{"spec.colour": "x"}},
		{Fields: map[string]string{"spec.colour": "x"}},
	} {
		if _, err := s.List(t.Context(), q); !problem.Is(err, problem.Invalid) {
			t.Errorf("%+v: %v", q, err)
		}
		if _, err := s.Count(t.Context(), q); !problem.Is(err, problem.Invalid) {
			t.Errorf("count %+v: %v", q, err)
		}
	}
	// A transaction sees its own writes in lists too.
	write(t, s, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Put(ctx, Widget("inside", "team7", 1)); err != nil {
			return err
		}
		equal(t, "inside", names(t, tx, object.Query{Kind: "Widget", Owner: "team7"}), []string{"inside"})
		return nil
	})
}

func testForgedCursor(t *testing.T, open Open) {
	s := opened(t, open)
	fill(t, s, 20)
	q := object.Query{Kind: "Widget", Limit: 5}
	page, err := s.List(t.Context(), q)
	if err != nil || page.Next == "" {
		t.Fatalf("%v, %v", page, err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(page.Next)
	if err != nil {
		t.Fatal(err)
	}
	cursors := []string{"x", "w00003", "AAAA", page.Next + "A", page.Next[1:], page.Next + "\n", base64.RawURLEncoding.EncodeToString([]byte(`{"n":"w00003"}`))}
	for i := range raw { // every byte counts
		forged := slices.Clone(raw)
		forged[i] ^= 1
		cursors = append(cursors, base64.RawURLEncoding.EncodeToString(forged))
	}
	for _, c := range cursors {
		q.After = c
		if _, err := s.List(t.Context(), q); !problem.Is(err, problem.Invalid) {
			t.Fatalf("cursor %q: %v", c, err)
		}
	}
	// Nor does a cursor fit another query, but a page may have another size.
	for _, other := range []object.Query{
		{Kind: "Other"}, {Kind: "Widget", Newest: true}, {Kind: "Widget", Owner: "team1"}, {Kind: "Widget", Search: "w"},
		{Kind: "Widget", Labels: map[string]string{"tier": "web"}}, {Kind: "Widget", Fields: map[string]string{"spec.colour": "c1"}},
	} {
		other.After = page.Next
		if _, err := s.List(t.Context(), other); !problem.Is(err, problem.Invalid) {
			t.Errorf("cursor in %+v: %v", other, err)
		}
	}
	q.After, q.Limit = page.Next, 3
	if next, err := s.List(t.Context(), q); err != nil || len(next.Items) != 3 || next.Items[0].Name != numbered(5) {
		t.Fatalf("%v, %v", next, err)
	}
}

// A field that is a list is found by each of its values, and by none that left it.
func testFieldLists(t *testing.T, open Open) {
	s := opened(t, open)
	put(t, s, Widget("one", "", map[string]any{"tags": []string{"a", "b", "a"}}), Widget("two", "", map[string]any{"tags": []string{"b", "c"}}))
	tagged := func(tag string) []string {
		return names(t, s, object.Query{Kind: "Widget", Fields: map[string]string{"spec.tags": tag}})
	}
	equal(t, "tagged b", tagged("b"), []string{"one", "two"})
	put(t, s, Widget("one", "", map[string]any{"tags": []string{"c"}}))
	equal(t, "tagged a", tagged("a"), nil)
	equal(t, "tagged b", tagged("b"), []string{"two"})
	equal(t, "tagged c", tagged("c"), []string{"one", "two"})
}
