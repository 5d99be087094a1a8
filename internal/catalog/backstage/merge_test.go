package backstage

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
)

func reading(t testing.TB, text string) *Reading {
	return &Reading{Entities: parse(t, text), Paths: []string{""}}
}

func TestThreeWays(t *testing.T) {
	type m = map[string]any
	l := func(v ...any) []any { return v }
	for name, c := range map[string]struct{ was, next, now, pruned, kept any }{
		"nobody changed it":          {"a", "a", "a", "a", "a"},
		"the catalog changed it":     {"a", "b", "a", "b", "b"},
		"people changed it":          {"a", "a", "c", "c", "c"},
		"both changed it":            {"a", "b", "c", "b", "b"},
		"people removed it":          {"a", "a", nil, nil, nil},
		"the catalog removed it":     {"a", nil, "a", nil, "a"},
		"people alone have it":       {nil, nil, "a", "a", "a"},
		"the catalog is the first":   {nil, "a", nil, "a", "a"},
		"both say it":                {nil, "a", "b", "a", "a"},
		"fields":                     {m{"a": "1", "b": "1", "c": "1"}, m{"a": "2", "b": "1", "d": "1"}, m{"a": "1", "b": "3", "c": "1", "e": "1"}, m{"a": "2", "b": "3", "d": "1", "e": "1"}, m{"a": "2", "b": "3", "c": "1", "d": "1", "e": "1"}},
		"lists":                      {l("a", "b"), l("a", "c"), l("b", "z", "a"), l("z", "a", "c"), l("b", "z", "a", "c")},
		"a list that goes":           {l("a"), nil, l("a"), nil, l("a")},
		"a list that people emptied": {l("a"), l("a"), nil, nil, nil},
		"a list of maps is people's": {nil, nil, l(m{"a": "b"}), l(m{"a": "b"}), l(m{"a": "b"})},
		"a map becomes text":         {m{"a": "b"}, "x", m{"a": "b"}, "x", "x"},
		"a map that goes":            {m{"a": "b"}, nil, m{"a": "b"}, nil, m{"a": "b"}},
		"a map that people add to":   {m{"a": "b"}, nil, m{"a": "b", "c": "d"}, m{"c": "d"}, m{"a": "b", "c": "d"}},
	} {
		for _, keep := range []bool{false, true} {
			want, now := c.pruned, c.now
			if keep {
				want = c.kept
			}
			if fields, ok := now.(m); ok { // three changes it
				copied := m{}
				for k, v := range fields {
					copied[k] = v
				}
				now = copied
			}
			if got := three(c.was, c.next, now, keep); !cmp.Equal(got, want) {
				t.Errorf("%s (keep %v): %v", name, keep, cmp.Diff(want, got))
			}
		}
	}
}

// A service that Stoa runs is not stopped by an import, and keeps what people
// have said of it.
func TestWhatPeopleSetStays(t *testing.T) {
	own := object.New[catalog.ServiceSpec, struct{}]("shop", "store", catalog.ServiceSpec{
		Type: "worker", Language: "go", OwnerSource: "CODEOWNERS:1", Confirmed: []string{"port"},
		Environments: map[string]catalog.Running{"dev": {Replicas: 2, Env: map[string]string{"A": "b"}}},
	})
	own.Metadata.Version, own.Metadata.UID, own.Metadata.Labels = 7, "u1", map[string]string{"mine": "yes"}
	raw, err := own.Object()
	if err != nil {
		t.Fatal(err)
	}
	text := entity("Group", "payments", "members: [ann]") + component("shop", "type: service, owner: payments")
	platform, _ := imports(t, []object.Object{raw}, reading(t, text), false)
	var got catalog.Service
	if err := got.From(find(t, platform, "service/shop")); err != nil {
		t.Fatal(err)
	}
	want := own.Spec
	want.Type, want.OwnerSource = "backend", "" // the catalog says both
	if diff := cmp.Diff(want, got.Spec); diff != "" {
		t.Error(diff)
	}
	if m := got.Metadata; m.Owner != "payments" || m.Version != 7 || m.UID != "u1" || m.Labels["mine"] != "yes" || m.Labels[LabelFrom] != "backstage" {
		t.Errorf("metadata is %+v", m)
	}

	// Afterwards people change some of it, and the catalog something else.
	edit(t, platform, "service/shop", func(m *object.Metadata, s *catalog.ServiceSpec) { m.Owner, s.Type = "store", "job" })
	edit(t, platform, "team/payments", func(_ *object.Metadata, s *catalog.TeamSpec) { s.Owners, s.Contact = []string{"dee"}, "#pay" })
	text = entity("Group", "payments", "members: [bob]") + component("shop", "type: service, owner: payments, lifecycle: deprecated")
	platform, notes := imports(t, platform, reading(t, text), false)
	if err := got.From(find(t, platform, "service/shop")); err != nil {
		t.Fatal(err)
	}
	if got.Metadata.Owner != "store" || got.Spec.Type != "job" || got.Spec.Lifecycle != "deprecated" {
		t.Errorf("shop is %+v %+v", got.Metadata, got.Spec)
	}
	var team catalog.Team
	if err := team.From(find(t, platform, "team/payments")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(catalog.TeamSpec{Owners: []string{"dee"}, Members: []string{"bob"}, Contact: "#pay"}, team.Spec); diff != "" {
		t.Error(diff)
	}
	if len(notes) != 1 || notes[0].What != "made" || !strings.HasPrefix(notes[0].Text, "user/bob") {
		t.Errorf("notes are %v", notes)
	}
}

func TestInferredOwners(t *testing.T) {
	text := component("shop", "type: service")
	by := func(team, source string) *Reading {
		r := reading(t, text)
		r.Entities[0].Team, r.Entities[0].TeamSource = team, source
		return r
	}
	owner := func(platform []object.Object, team, source string) {
		t.Helper()
		var s catalog.Service
		if err := s.From(find(t, platform, "service/shop")); err != nil {
			t.Fatal(err)
		}
		if s.Metadata.Owner != team || s.Spec.OwnerSource != source {
			t.Errorf("the owner is %s by %q, want %s by %q", s.Metadata.Owner, s.Spec.OwnerSource, team, source)
		}
	}
	platform, notes := imports(t, nil, by("payments", "CODEOWNERS:3"), false)
	owner(platform, "payments", "CODEOWNERS:3")
	if want := (Note{"inferred", "component:default/shop is owned by payments, unconfirmed", "CODEOWNERS:3"}); !slices.Contains(notes, want) {
		t.Errorf("notes are %v", notes)
	}
	if values, _ := exported(t, platform); len(values) != 1 {
		t.Errorf("exported are %v", values)
	}
	platform, _ = imports(t, platform, by("billing", "CODEOWNERS:3"), false)
	owner(platform, "billing", "CODEOWNERS:3")
	edit(t, platform, "service/shop", func(_ *object.Metadata, s *catalog.ServiceSpec) { s.OwnerSource = "" }) // confirmed
	platform, _ = imports(t, platform, by("payments", "CODEOWNERS:4"), false)
	owner(platform, "billing", "")
	text = component("shop", "type: service")
	text += entity("User", "ann", "memberOf: []")
	alone, _ := imports(t, nil, by("ann", "CODEOWNERS:1"), false)
	if values, _ := exported(t, alone); len(values) != 2 {
		t.Errorf("exported are %v", values)
	}
	if again, _ := imports(t, alone, by("ann", "CODEOWNERS:1"), false); !cmp.Equal(alone, again) {
		t.Error(cmp.Diff(alone, again))
	}
	owner(alone, "user-ann", "CODEOWNERS:1")
	text = component("shop", "type: service, owner: sales")
	platform, _ = imports(t, platform, reading(t, text), false)
	owner(platform, "sales", "")
}

// What one tree says of another's things comes true whichever is imported first.
func TestOrderOfImports(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(name string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, name) }
		var entities []string
		for _, name := range []string{"a", "b", "c"} {
			entities = append(entities,
				component(name, fmt.Sprintf("owner: %s, providesApis: [%s], consumesApis: [%s, %s]", pick("owner", "t1", "t2", "user:u1"), pick("p", "x", "y"), pick("c1", "x", "y", "z"), pick("c2", "x", "y", "z"))),
				entity("User", "u"+name, fmt.Sprintf("memberOf: [%s]", pick("team", "t1", "t2", "t3"))),
				entity("Group", "t"+string(name[0]-'a'+'1'), fmt.Sprintf("members: [%s], children: [%s]", pick("member", "ua", "ub", "u1"), pick("child", "t1", "t2", "t4"))),
			)
		}
		entities = append(entities, entity("API", "x", "owner: t1, definition: d"), entity("API", "y", "owner: t2"))
		order := rapid.Permutation(entities).Draw(rt, "order")
		at := rapid.IntRange(0, len(order)).Draw(rt, "cut")
		known := func(platform []object.Object) map[string]string {
			m := map[string]string{}
			for _, o := range platform {
				// Who was the first to name a team depends on who came first.
				m[o.Ref().String()] = o.Metadata.Owner + o.Metadata.Labels[LabelParent] + canonical(o.Spec)
			}
			return m
		}
		together, _ := imports(t, nil, reading(t, strings.Join(order, "")), false)
		var apart []object.Object
		for _, part := range [][]string{order[:at], order[at:]} {
			if len(part) > 0 {
				apart, _ = imports(t, apart, reading(t, strings.Join(part, "")), false)
			}
		}
		if diff := cmp.Diff(known(together), known(apart)); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// canonical writes a spec with its lists in order.
func canonical(spec []byte) string {
	fields, _ := tree(object.Object{Spec: spec})["spec"].(map[string]any)
	for _, v := range fields {
		if list, ok := v.([]any); ok {
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
	}
	return fmt.Sprint(fields)
}

func TestWhatIsGone(t *testing.T) {
	both := component("a", "owner: t") + component("b", "owner: t") + entity("User", "ann", "memberOf: [t]")
	platform, _ := imports(t, nil, reading(t, both), false)
	after, notes := imports(t, platform, reading(t, component("a", "owner: t")), false)
	if len(after) != len(platform) {
		t.Error("an import has removed something")
	}
	var gone []string
	for _, n := range notes {
		gone = append(gone, n.What+" "+n.Text)
	}
	slices.Sort(gone)
	want := []string{"gone component:default/b is no longer declared: stoa delete service b", "gone user:default/ann is no longer declared: stoa delete user ann"}
	if diff := cmp.Diff(want, gone); diff != "" {
		t.Error(diff)
	}

	// Somebody removes a person and a team that were only named; they do not come
	// back as long as nothing new names them.
	text := entity("Group", "g", "members: [bob]") + component("c", "owner: u")
	platform, _ = imports(t, nil, reading(t, text), false)
	platform = slices.DeleteFunc(platform, func(o object.Object) bool { return o.Ref().String() == "user/bob" })
	edit(t, platform, "team/g", func(_ *object.Metadata, s *catalog.TeamSpec) { s.Members = nil })
	platform, _ = imports(t, platform, reading(t, text), false)
	for _, o := range platform {
		if o.Ref().String() == "user/bob" || strings.Contains(string(o.Spec), "bob") {
			t.Errorf("%s is back: %s", o.Ref(), o.Spec)
		}
	}
	platform, notes = imports(t, platform, reading(t, text+entity("Group", "h", "members: [bob]")), false)
	find(t, platform, "user/bob")
	if !slices.ContainsFunc(notes, func(n Note) bool { return n.What == "made" && strings.HasPrefix(n.Text, "user/bob") }) {
		t.Errorf("notes are %v", notes)
	}
}

// Who imports a caller may not be allowed to change what it calls; who may does
// so later, whatever they import.
func TestCallersAreNotForgotten(t *testing.T) {
	api := entity("API", "x", "owner: t, definition: d")
	platform, _ := imports(t, nil, reading(t, api+component("a", "owner: t, consumesApis: [x]")), false)
	edit(t, platform, "api/x", func(_ *object.Metadata, s *catalog.APISpec) { s.Consumers = nil })
	platform, _ = imports(t, platform, reading(t, component("b", "owner: t, providesApis: [x]")), false)
	var x catalog.API
	if err := x.From(find(t, platform, "api/x")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(catalog.APISpec{Definition: "d", Provider: "b", Consumers: []string{"a"}}, x.Spec); diff != "" {
		t.Error(diff)
	}
	platform, _ = imports(t, platform, reading(t, component("a", "owner: t")), false)
	if err := x.From(find(t, platform, "api/x")); err != nil || len(x.Spec.Consumers) > 0 {
		t.Errorf("who no longer calls is listed still: %v, %v", x.Spec.Consumers, err)
	}
}

// Whom people have made an owner is no second time a member.
func TestOwnersOfTeams(t *testing.T) {
	own := object.New[catalog.TeamSpec, struct{}]("t", "t", catalog.TeamSpec{Owners: []string{"ann"}, Members: []string{"dee"}})
	raw, err := own.Object()
	if err != nil {
		t.Fatal(err)
	}
	platform, _ := imports(t, []object.Object{raw}, reading(t, entity("Group", "t", "members: [ann, bob]")), false)
	var team catalog.Team
	if err := team.From(find(t, platform, "team/t")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(catalog.TeamSpec{Owners: []string{"ann"}, Members: []string{"dee", "bob"}}, team.Spec); diff != "" {
		t.Error(diff)
	}
}

func TestForget(t *testing.T) {
	text := "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: g}\nspec:\n  x: &m [Ann.Ash, bob]\n  members: *m\n"
	platform, _ := imports(t, nil, reading(t, text+"---\n"+component("c", "owner: g")), false)
	for i, c := range []struct {
		ref, user string
		changed   bool
	}{{"team/g", "nobody", false}, {"service/c", "ann-ash", false}, {"team/g", "ann-ash", true}} {
		before := find(t, platform, c.ref)
		after, changed, err := Forget(before, c.user)
		if err != nil || changed != c.changed || changed == cmp.Equal(before, after) {
			t.Errorf("%d: changed is %v, %v", i, changed, err)
		}
		if kept := after.Metadata.Annotations[AnnotationEntity]; changed && (strings.Count(strings.ToLower(kept), "ann.ash") != 1 || strings.Count(kept, "bob") != 2) {
			t.Errorf("kept is %s", kept) // what is no member is another matter
		}
	}
}

// An API that was defined by a file and is defined by an address now, or was
// declared elsewhere, is the one that the catalog tells of last.
func TestAnotherDefinition(t *testing.T) {
	first := reading(t, entity("API", "x", "owner: t, definition: {$text: ./x.yaml}"))
	first.Entities[0].Definition, first.Entities[0].Path = "openapi: 3.1.0", "a/catalog-info.yaml"
	platform, _ := imports(t, nil, first, false)
	for text, want := range map[string]catalog.APISpec{
		"{$text: 'https://example.com/x'}": {DefinitionURL: "https://example.com/x"}, "other": {Definition: "other"},
	} {
		second := reading(t, entity("API", "x", "owner: t, definition: "+text))
		second.Entities[0].Path = "b/catalog-info.yaml"
		after, notes := imports(t, platform, second, false)
		var x catalog.API
		if err := x.From(find(t, after, "api/x")); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, x.Spec); diff != "" {
			t.Error(diff)
		}
		if want := (Note{"moved", "api:default/x was declared in a/catalog-info.yaml before", "catalog-info.yaml:1"}); !slices.Contains(notes, want) {
			t.Errorf("notes are %v", notes)
		}
	}
}
