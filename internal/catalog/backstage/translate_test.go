package backstage

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/problem"
)

// summary writes what entities become, an object a line.
func summary(t *testing.T, text string) (objects, notes []string) {
	t.Helper()
	got, wrong := Translate(parse(t, text))
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for _, item := range got.Items {
		line := item.Object.Ref().String() + " " + item.Object.Metadata.Owner + " " + string(item.Object.Spec)
		if item.Entity == nil {
			line += " named by " + item.Object.Metadata.Annotations[AnnotationInferred]
		}
		objects = append(objects, line)
	}
	for _, n := range got.Notes {
		notes = append(notes, n.What+": "+n.Text)
	}
	return objects, notes
}

func TestTranslate(t *testing.T) {
	for name, c := range map[string]struct {
		text           string
		objects, notes []string
	}{
		"types and lifecycles": {
			component("a", "type: Service, lifecycle: production, owner: t") + component("b", "type: cronjob, lifecycle: sunset, owner: t") + component("c", "type: plugin, lifecycle: sunset, owner: t"),
			[]string{
				`team/t t {} named by component:default/a`,
				`service/a t {"type":"backend","lifecycle":"production"}`, `service/b t {"type":"job"}`, `service/c t {}`,
			},
			[]string{`kept: lifecycle "sunset" of 2 Components has no like here`, `kept: type "plugin" of 1 Component has no like here`},
		},
		"owners that are persons": {
			entity("User", "ann", "memberOf: []") + component("a", "owner: user:ann") + component("b", "owner: {kind: User, name: Dee}"),
			[]string{
				`team/user-ann user-ann {"members":["ann"]} named by component:default/a`, `team/user-dee user-dee {"members":["dee"]} named by component:default/b`,
				`user/ann  {}`, `user/dee  {} named by component:default/b`, `service/a user-ann {}`, `service/b user-dee {}`,
			}, nil,
		},
		"members from both sides": {
			entity("Group", "t", "members: [ann, bob], children: [u]") + entity("User", "cy", "memberOf: [T, u]") + entity("User", "ann", "profile: {email: a@example.com}, memberOf: [t]"),
			[]string{
				`team/t t {"members":["ann","bob","cy"]}`, `team/u u {"members":["cy"]} named by group:default/t`,
				`user/ann  {"email":"a@example.com"}`, `user/bob  {} named by group:default/t`, `user/cy  {}`,
			}, nil,
		},
		"providers and consumers": {
			entity("API", "x", "type: openapi, owner: t, definition: y") + component("a", "owner: t, providesApis: [x]") + component("b", "owner: t, providesApis: [x], consumesApis: [x, gone]"),
			[]string{
				`team/t t {} named by api:default/x`, `service/a t {}`, `service/b t {}`,
				`api/x t {"type":"openapi","provider":"a","consumers":["b"],"definition":"y"}`,
			},
			[]string{"kept: api:default/gone is declared nowhere", "kept: being a second provider of an API of 1 Component has no like here"},
		},
		"namespaces": {
			strings.ReplaceAll(component("A.b", "owner: default/t, system: core"), "metadata: {", "metadata: {namespace: Pay, ") + entity("System", "core", "owner: pay/t"),
			[]string{`team/pay-t pay-t {} named by system:default/core`, `team/t t {} named by component:pay/a.b`, `system/core pay-t {}`, `service/pay-a-b t {"system":"pay-core"}`},
			[]string{"renamed: component:pay/A.b is service/pay-a-b here"},
		},
		"kinds without a like": {
			entity("Resource", "db", "type: database, owner: t") + entity("Domain", "pay", "owner: t") + entity("System", "s", "owner: t, domain: pay") + entity("Location", "all", "targets: [https://example.com/x]"),
			[]string{
				`team/t t {} named by domain:default/pay`, `system/s t {"domain":"pay"}`, `entity/domain-pay t {"format":"backstage","type":"Domain"}`,
				`entity/location-all  {"format":"backstage","type":"Location"}`, `entity/resource-db t {"format":"backstage","type":"Resource"}`,
			}, nil,
		},
		"a kind of one's own": {
			strings.Replace(entity("Board", "b", "owner: [not, a, reference], system: {}"), "backstage.io/v1alpha1", "acme.example/v1", 1),
			[]string{`entity/board-b  {"format":"backstage","type":"Board"}`}, nil,
		},
		"merged maps and aliases": {
			"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: &m {name: a}\nx: &x {owner: t, type: library}\nspec: {<<: *x, lifecycle: production}\n",
			[]string{`team/t t {} named by component:default/a`, `service/a t {"type":"library","lifecycle":"production"}`}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			objects, notes := summary(t, c.text)
			if diff := cmp.Diff(c.objects, objects); diff != "" {
				t.Error(diff)
			}
			slices.Sort(notes)
			if diff := cmp.Diff(c.notes, notes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRepository(t *testing.T) {
	for annotations, want := range map[string]string{
		"github.com/project-slug: acme/shop":                                                                "https://github.com/acme/shop",
		"gitlab.com/project-slug: acme/team/shop":                                                           "https://gitlab.com/acme/team/shop",
		"'backstage.io/source-location': 'url:https://git.example.com/shop/'":                               "https://git.example.com/shop",
		"github.com/project-slug: acme/shop, 'backstage.io/source-location': 'url:https://git.example.com'": "https://github.com/acme/shop",
		"'backstage.io/source-location': 'file:/tmp/shop'":                                                  "",
		"github.com/project-slug: ''":                                                                       "",
	} {
		e := parse(t, "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: a, annotations: {"+annotations+"}}\n")[0]
		if got := e.repository(); got != want {
			t.Errorf("%s gives %q, want %q", annotations, got, want)
		}
	}
}

func TestDefinitions(t *testing.T) {
	long := strings.Repeat("x", catalog.MaxDefinition+1)
	for definition, want := range map[string][2]string{
		"text":                                {"text", ""},
		"{$text: https://example.com/a.yaml}": {"", "https://example.com/a.yaml"},
		"{$openapi: ./a.yaml}":                {"", ""}, // there is no tree to read it from
		"{a: b}":                              {"", ""},
		"[a]":                                 {"", ""},
	} {
		e := parse(t, entity("API", "x", "owner: t, definition: "+definition))[0]
		if text, address := e.contract(); text != want[0] || address != want[1] {
			t.Errorf("%s is %q and %q, want %q", definition, text, address, want)
		}
	}
	if _, wrong := Translate(parse(t, entity("API", "x", "owner: t, definition: "+long)+component("a", "owner: t, providesApis: [x]"))); len(wrong) != 1 || !strings.Contains(wrong[0].Message, "$text: ./FILE") || wrong[0].Line != 4 {
		t.Errorf("a long definition is told as %v", wrong)
	}
}

func TestEntitiesThatCannotStandTogether(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"twice":              {component("a", "owner: t") + component("A", "owner: t"), "catalog-info.yaml:8: metadata.name: component:default/a is declared twice, first in catalog-info.yaml:1"},
		"names that collide": {component("a.b", "owner: t") + component("a_b", "owner: t"), "catalog-info.yaml:8: metadata.name: component:default/a_b would be service/a-b here, and so would component:default/a.b of catalog-info.yaml:1: rename one of them"},
	} {
		_, _, err := Merge(nil, &Reading{Entities: parse(t, c.text)}, false)
		if p := problem.From(err); !problem.Is(err, problem.Invalid) || len(p.Fields) != 1 || p.Fields[0].String() != c.want {
			t.Errorf("%s is told as %v %v", name, err, p.Fields)
		}
	}
}

// Each field that admission refuses is told where it stands in the catalog.
func TestLines(t *testing.T) {
	e := parse(t, "# first\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: a\n  labels:\n    x: y\nspec:\n  type: service\n  owner: t\n")[0]
	w := Wanted{Entity: e, line: 99}
	for path, want := range map[string]int{"metadata.owner": 10, "metadata.name": 5, "metadata.labels": 6, "spec.type": 9, "spec.system": 8, "other": 2, "": 2} {
		if got := w.Line(path); got != want {
			t.Errorf("%s stands in line %d, want %d", path, got, want)
		}
	}
	if got := (Wanted{line: 7}).Line("metadata.owner"); got != 7 {
		t.Errorf("what is only named stands in line %d", got)
	}
}
