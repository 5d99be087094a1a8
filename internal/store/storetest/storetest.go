// Package storetest is what a store must do, whichever database is below it.
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/store"
)

// Open opens an empty store for one test and closes it when the test ends.
type Open func(t testing.TB, o store.Options) *store.Store

// Run runs the whole suite, each test on a store of its own.
func Run(t *testing.T, open Open) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"PutGet", testPutGet},
		{"Unchanged", testUnchanged},
		{"Generation", testGeneration},
		{"VersionConflict", testVersionConflict},
		{"FailedWriteLeavesNothing", testFailedWriteLeavesNothing},
		{"PanicLeavesNothing", testPanicLeavesNothing},
		{"AfterCommit", testAfterCommit},
		{"Delete", testDelete},
		{"Finalizers", testFinalizers},
		{"History", testHistory},
		{"ErasePerson", testErasePerson},
		{"PutAll", testPutAll},
		{"TypedUpdate", testTypedUpdate},
		{"Pagination", testPagination},
		{"Filters", testFilters},
		{"FieldLists", testFieldLists},
		{"ForgedCursor", testForgedCursor},
		{"Search", testSearch},
		{"SearchManyHits", testSearchManyHits},
		{"HostileText", testHostileText},
		{"HostileQueries", testHostileQueries},
		{"Limits", testLimits},
		{"ConcurrentUpdates", testConcurrentUpdates},
		{"ConcurrentCreation", testConcurrentCreation},
		{"ConcurrentReading", testConcurrentReading},
		{"Cancelled", testCancelled},
		{"NestedRows", testNestedRows},
		{"Lock", testLock},
		{"Jobs", testJobs},
		{"Model", testModel},
		{"TenThousand", testTenThousand},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

// Fields are the filterable fields of the kinds that the suite uses.
func Fields(kind string) []string {
	if kind == "Widget" {
		return []string{"spec.colour", "spec.size", "spec.on", "spec.tags", "status.phase"}
	}
	return nil
}

// Widget makes an object with the spec.
func Widget(name, owner string, spec any) object.Object {
	raw, err := json.Marshal(spec)
	if err != nil {
		panic(err)
	}
	return object.Object{
		APIVersion: object.APIVersion, Kind: "Widget",
		Metadata: object.Metadata{Name: name, Owner: owner}, Spec: raw,
	}
}

func opened(t testing.TB, open Open) *store.Store {
	t.Helper()
	return open(t, store.Options{Fields: Fields})
}

// put stores objects, one transaction each, and returns the last result.
func put(t testing.TB, s *store.Store, objects ...object.Object) store.PutResult {
	t.Helper()
	var result store.PutResult
	for _, o := range objects {
		write(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
			result, err = tx.PutResult(ctx, o)
			return err
		})
	}
	return result
}

func putAll(t testing.TB, s *store.Store, objects []object.Object) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.PutAll(ctx, objects)
		return err
	})
}

func write(t testing.TB, s *store.Store, fn func(context.Context, *store.Tx) error) {
	t.Helper()
	if err := s.Write(t.Context(), "user/ann", fn); err != nil {
		t.Fatalf("write: %v", err)
	}
}

func get(t testing.TB, s *store.Store, name string) object.Object {
	t.Helper()
	doc, err := s.Get(t.Context(), "Widget", name)
	if err != nil {
		t.Fatalf("get %s: %v", name, err)
	}
	return decode(t, doc)
}

func decode(t testing.TB, doc object.Document) object.Object {
	t.Helper()
	o, err := doc.Object()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// names lists all that q selects, page by page, and checks each page's size.
func names(t testing.TB, r object.Reader, q object.Query) []string {
	t.Helper()
	found := []string{}
	for {
		page, err := r.List(t.Context(), q)
		if err != nil {
			t.Fatalf("list %+v: %v", q, err)
		}
		if q.Limit > 0 && len(page.Items) > q.Limit {
			t.Fatalf("a page has %d items, limit is %d", len(page.Items), q.Limit)
		}
		if page.Next != "" && len(page.Items) == 0 {
			t.Fatal("an empty page says that more follows")
		}
		for _, d := range page.Items {
			found = append(found, d.Name)
		}
		if page.Next == "" {
			return found
		}
		q.After = page.Next
	}
}

func equal[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func numbered(n int) string { return fmt.Sprintf("w%05d", n) }

// clock gives times that grow by a second at each call.
func clock() func() time.Time {
	now := time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.UTC)
	return func() time.Time { now = now.Add(time.Second); return now }
}
