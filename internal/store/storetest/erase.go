package storetest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// testErasePerson lets a pseudonym take a person's place in objects and their
// history, where their name or principal stands and nowhere else.
func testErasePerson(t *testing.T, open Open) {
	s := opened(t, open)
	const quoting = `Zo "the \ 50%" Tan`
	write(t, s, func(ctx context.Context, tx *store.Tx) error {
		person := object.Object{APIVersion: object.APIVersion, Kind: "Gadget", Metadata: object.Metadata{Name: "zoltan", Title: quoting}, Spec: json.RawMessage(`{}`)}
		if _, err := tx.Put(ctx, person); err != nil {
			return err
		}
		tx.Append(event.Event{Source: "/stoa/test", Type: "com.example.gadget.created", Subject: "user/zoltan", Data: json.RawMessage(`{"n":1}`)})
		return tx.Delete(ctx, "Gadget", "zoltan")
	})
	keep := map[string]any{"size": "zoltan", "colour": "user/zoltan-2 https://host/user/zoltan"}
	first := put(t, s, Widget("shop", "", map[string]any{"tags": []string{"ann", "zoltan", "zoltan-2"}, "note": "by user/zoltan."}))
	put(t, s, Widget("shop", "", map[string]any{"tags": []string{"ann"}, "colour": quoting}))
	put(t, s, Widget("shop", "", map[string]any{"tags": []string{"zoltan"}, "colour": quoting}))
	put(t, s, Widget("gone", "", map[string]any{"tags": []string{"zoltan"}}))
	if err := remove(t, s, "gone"); err != nil {
		t.Fatal(err)
	}
	put(t, s, Widget("kept", "", keep))
	left := Widget("left", "", map[string]any{"size": 1})
	left.Metadata.Annotations = map[string]string{"tool": "members: ZOLTAN"}
	put(t, s, left)

	traces := store.Traces{
		Own: object.Ref{Kind: "Gadget", Name: "zoltan"}, Names: []string{"zoltan", quoting},
		Fields: map[string][]string{"Widget": {"spec.tags", "spec.colour", "spec.absent"}},
		Mark:   `"tool"`,
		Forget: func(o object.Object) (object.Object, bool, error) {
			o.Metadata.Annotations = map[string]string{"tool": "members: none"}
			return o, true, nil
		},
	}
	if err := s.ErasePerson(t.Context(), "user/root", "user/zoltan", store.Traces{Own: object.Ref{Kind: "Widget", Name: "kept"}}); !problem.Is(err, problem.Conflict) {
		t.Errorf("erased while their object is there: %v", err)
	}
	pseudonym, err := s.Pseudonym(t.Context(), "user/zoltan")
	if err != nil || pseudonym == "" {
		t.Fatalf("the subject of an event has pseudonym %q, %v", pseudonym, err)
	}
	if about, err := s.Events(t.Context(), event.Filter{Subject: "user/zoltan"}); err != nil || len(about) != 1 || about[0].Subject != event.PersonPrefix+pseudonym {
		t.Errorf("events about the person: %+v, %v", about, err)
	}
	if err := s.ErasePerson(t.Context(), "user/root", "user/zoltan", traces); err != nil {
		t.Fatal(err)
	}

	now := get(t, s, "shop")
	if want := `{"colour":"` + pseudonym + `","tags":["` + pseudonym + `"]}`; string(now.Spec) != want || now.Metadata.Version != first.Document.Version+2 {
		t.Errorf("version %d with %s, want %s", now.Metadata.Version, now.Spec, want)
	}
	equal(t, "found by the pseudonym", names(t, s, object.Query{Kind: "Widget", Fields: map[string]string{"spec.tags": pseudonym}}), []string{"shop"})
	equal(t, "found by the name", names(t, s, object.Query{Kind: "Widget", Fields: map[string]string{"spec.tags": "zoltan"}}), nil)
	history, err := s.History(t.Context(), "Widget", "shop", 0, 0)
	if err != nil || len(history) != 3 {
		t.Fatalf("%d versions, %v", len(history), err)
	}
	if oldest := string(history[2].Bytes); !strings.Contains(oldest, `"note":"by `+pseudonym+`.","tags":["ann","`+pseudonym+`","zoltan-2"]`) {
		t.Errorf("the oldest version: %s", oldest)
	}
	if gone, err := s.History(t.Context(), "Widget", "gone", 0, 0); err != nil || len(gone) != 2 || strings.Contains(string(gone[1].Bytes), "zoltan") {
		t.Errorf("history of the deleted: %v, %v", gone, err)
	}
	if own, err := s.History(t.Context(), "Gadget", "zoltan", 0, 0); err == nil && len(own) != 0 {
		t.Errorf("%d versions of the person are left", len(own))
	}
	if got, want := string(get(t, s, "kept").Spec), `{"colour":"user/zoltan-2 https://host/user/zoltan","size":"zoltan"}`; got != want {
		t.Errorf("what is no name became %s, want %s", got, want)
	}
	if h, err := s.History(t.Context(), "Widget", "left", 0, 0); err != nil || len(h) != 1 || strings.Contains(string(h[0].Bytes), "ZOLTAN") ||
		get(t, s, "left").Metadata.Annotations["tool"] != "members: none" || get(t, s, "left").Metadata.Version != 1 {
		t.Errorf("what another tool has left: %s, %v", h[0].Bytes, err)
	}
	about, err := s.Events(t.Context(), event.Filter{Subject: event.PersonPrefix + pseudonym})
	if err != nil || len(about) != 2 || !about[0].Erased || about[1].Type != event.TypePersonErased {
		t.Errorf("events about the pseudonym: %+v, %v", about, err)
	}
	if err := s.ErasePerson(t.Context(), "user/root", "user/zoltan", traces); !problem.Is(err, problem.NotFound) {
		t.Errorf("erased twice: %v", err)
	}
}
