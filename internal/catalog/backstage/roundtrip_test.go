package backstage

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
)

// acme reads a whole tree, with every kind that Backstage has.
func acme(t *testing.T) *Reading {
	t.Helper()
	read, err := Read(t.Context(), []string{"testdata/acme"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// exported gives what an export says of each entity, as plain values, and its texts.
func exported(t *testing.T, platform []object.Object) (values map[string]any, texts map[string]string) {
	t.Helper()
	docs, lost, err := Export(platform)
	if err != nil || len(lost) > 0 {
		t.Fatal(err, lost)
	}
	values, texts = map[string]any{}, map[string]string{}
	for _, doc := range docs {
		if values[doc.Ref.String()], err = Values(doc.Text); err != nil {
			t.Fatal(err)
		}
		texts[doc.Ref.String()] = doc.Text
	}
	return values, texts
}

func TestExportGivesBackWhatWasImported(t *testing.T) {
	read := acme(t)
	kinds := map[string]bool{}
	want := map[string]any{}
	for _, e := range read.Entities {
		kinds[e.Kind] = true
		value, err := Values(e.Text)
		if err != nil {
			t.Fatal(err)
		}
		want[e.String()] = value
	}
	for _, kind := range []string{"Component", "System", "API", "Group", "User", "Resource", "Domain", "Location", "Template"} {
		if !kinds[kind] {
			t.Errorf("the fixture has no %s", kind)
		}
	}
	platform, _ := imports(t, nil, read, false)
	got, texts := exported(t, platform)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// Only the definition of an API is taken out and put in again; all else is
	// the very text, with its comments.
	for _, e := range read.Entities {
		if e.Ref.Kind != "api" && texts[e.String()] != e.Text {
			t.Errorf("%s is written %q, was %q", e.Ref, texts[e.String()], e.Text)
		}
	}
	docs, _, err := Export(platform)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(docs, func(d Document) bool { return d.Ref.Name == "shop" })
	if docs[at].File != "acme/services/shop/catalog-info.yaml" {
		t.Errorf("shop goes into %s", docs[at].File)
	}

	again, notes := imports(t, platform, read, false)
	if diff := cmp.Diff(platform, again); diff != "" {
		t.Errorf("the same import again changes %s", diff)
	}
	if i := slices.IndexFunc(notes, func(n Note) bool { return n.What == "made" || n.What == "gone" }); i >= 0 {
		t.Errorf("the same import again says %v", notes[i])
	}
}

func TestExportShowsWhatChanged(t *testing.T) {
	platform, _ := imports(t, nil, acme(t), false)
	before, _ := exported(t, platform)
	edit(t, platform, "service/shop", func(m *object.Metadata, s *catalog.ServiceSpec) {
		m.Owner, m.Title, m.Description = "sales", "The new shop", ""
		m.Labels["tier"], m.Annotations["acme.example/new"] = "two", "yes"
		s.Type, s.Lifecycle, s.System, s.Repository = "worker", "", "billing", "https://github.com/acme/store"
	})
	edit(t, platform, "api/rates", func(_ *object.Metadata, a *catalog.APISpec) { a.Consumers = []string{"cart"} })
	edit(t, platform, "api/orders", func(_ *object.Metadata, a *catalog.APISpec) { a.Definition = "openapi: 3.1.1\n" })
	edit(t, platform, "team/payments", func(m *object.Metadata, s *catalog.TeamSpec) {
		s.Owners, s.Members = []string{"partners-cy"}, []string{"ann"}
	})
	edit(t, platform, "service/cart", func(m *object.Metadata, s *catalog.ServiceSpec) { s.OwnerSource = "" }) // confirmed
	edit(t, platform, "system/checkout", func(_ *object.Metadata, s *catalog.SystemSpec) { s.Domain = "" })
	after, texts := exported(t, platform)
	changed := map[string]bool{}
	for ref := range after {
		if !cmp.Equal(before[ref], after[ref]) {
			changed[ref] = true
		}
	}
	want := map[string]bool{
		"component:default/shop": true, "component:default/cart": true, "component:default/web_front.end": true, "api:default/orders": true,
		"group:default/payments": true, "user:default/bob.bee": true, "user:partners/cy": true, "system:default/checkout": true,
	}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Error(diff)
	}
	shop := after["component:default/shop"].(map[string]any)
	if diff := cmp.Diff(map[string]any{
		"name": "shop", "title": "The new shop", "labels": map[string]any{"tier": "two"}, "tags": []any{"go"},
		"annotations": map[string]any{
			"acme.example/new": "yes", "pagerduty.com/service-id": "P123", "github.com/project-slug": "acme/store",
			"backstage.io/source-location": "url:https://github.com/acme/store",
		},
		"links": []any{map[string]any{"url": "https://example.com/dashboard", "title": "Dashboard", "icon": "dashboard"}},
	}, shop["metadata"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{
		"type": "worker", "owner": "sales", "system": "billing", "providesApis": []any{"orders"},
		"consumesApis": []any{"elsewhere/ledger"}, "dependsOn": []any{"resource:default/orders_db"},
	}, shop["spec"]); diff != "" {
		t.Error(diff)
	}
	for ref, text := range map[string]string{
		"component:default/cart": "owner: payments", "api:default/orders": "definition: |\n    openapi: 3.1.1\n",
		"group:default/payments": "partners/cy", "user:default/bob.bee": "- sales",
	} {
		if !strings.Contains(texts[ref], text) {
			t.Errorf("%s has no %q: %s", ref, text, texts[ref])
		}
	}
	if strings.Contains(texts["user:default/bob.bee"], "payments") || strings.Contains(texts["group:default/payments"], "bob") {
		t.Error("who has left a team is still in it")
	}
	if !strings.Contains(texts["group:default/payments"], "# Those who take the money.") {
		t.Error("a change costs the comments")
	}
}

func TestExportOfStoasOwn(t *testing.T) {
	var platform []object.Object
	add := func(o object.Object, err error) {
		if err != nil {
			t.Fatal(err)
		}
		platform = append(platform, o)
	}
	team := object.New[catalog.TeamSpec, struct{}]("payments", "payments", catalog.TeamSpec{Owners: []string{"ann"}, Members: []string{"bob"}, Contact: "pay@example.com"})
	team.Metadata.Labels = map[string]string{LabelParent: "sales"}
	add(team.Object())
	sales := object.New[catalog.TeamSpec, struct{}]("sales", "sales", catalog.TeamSpec{Contact: "#sales"})
	add(sales.Object())
	ann := object.New[catalog.UserSpec, struct{}]("ann", "", catalog.UserSpec{Email: "ann@example.com"})
	ann.Metadata.Title = "Ann Ash"
	add(ann.Object())
	bob := object.New[catalog.UserSpec, struct{}]("bob", "", catalog.UserSpec{})
	add(bob.Object())
	prod := object.New[catalog.EnvironmentSpec, struct{}]("prod", "", catalog.EnvironmentSpec{Production: true})
	add(prod.Object())
	shop := object.New[catalog.ServiceSpec, catalog.ServiceStatus]("shop", "payments", catalog.ServiceSpec{Type: "backend", Repository: "https://github.com/acme/shop", OwnerSource: "CODEOWNERS:1"})
	shop.Metadata.Annotations = map[string]string{"stoa.dev/x": "not for others"}
	shop.Status.Environments = map[string]catalog.Deployment{"prod": {State: catalog.StateRunning}}
	add(shop.Object())
	web := object.New[catalog.ServiceSpec, catalog.ServiceStatus]("web", "payments", catalog.ServiceSpec{System: "front", Repository: "/srv/git/web"}) // which is nobody else's to open
	add(web.Object())
	orders := object.New[catalog.APISpec, struct{}]("orders", "payments", catalog.APISpec{Provider: "shop", Consumers: []string{"web"}})
	add(orders.Object())
	docs, lost, err := Export(platform)
	if err != nil || len(lost) > 0 {
		t.Fatal(err, lost)
	}
	got := map[string]any{}
	for _, doc := range docs {
		if got[doc.File], err = Values(doc.Text); err != nil {
			t.Fatal(err)
		}
	}
	whole := func(kind, name string, spec map[string]any, metadata map[string]any) map[string]any {
		metadata["name"] = name
		return map[string]any{"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
	}
	type m = map[string]any
	want := m{
		"teams/payments/catalog-info.yaml": whole("Group", "payments", m{"type": "team", "parent": "sales", "children": []any{}, "members": []any{"ann", "bob"}, "profile": m{"email": "pay@example.com"}}, m{}),
		"teams/sales/catalog-info.yaml":    whole("Group", "sales", m{"type": "team", "children": []any{}, "members": []any{}}, m{}),
		"users/ann/catalog-info.yaml":      whole("User", "ann", m{"profile": m{"displayName": "Ann Ash", "email": "ann@example.com"}, "memberOf": []any{"payments"}}, m{}),
		"users/bob/catalog-info.yaml":      whole("User", "bob", m{"memberOf": []any{"payments"}}, m{}),
		"services/shop/catalog-info.yaml": whole("Component", "shop", m{"type": "service", "lifecycle": "production", "owner": "payments", "providesApis": []any{"orders"}},
			m{"annotations": m{"github.com/project-slug": "acme/shop", "backstage.io/source-location": "url:https://github.com/acme/shop"}}),
		"services/web/catalog-info.yaml": whole("Component", "web", m{"type": "service", "lifecycle": "experimental", "owner": "payments", "system": "front", "consumesApis": []any{"orders"}}, m{}),
		"apis/orders/catalog-info.yaml":  whole("API", "orders", m{"type": "openapi", "lifecycle": "experimental", "owner": "payments", "definition": "not declared"}, m{}),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// What is exported can be imported, and comes to the same.
	var all strings.Builder
	for _, doc := range docs {
		all.WriteString(doc.Text + "---\n")
	}
	back, _ := imports(t, nil, &Reading{Entities: parse(t, all.String())}, false)
	var service catalog.Service
	if err := service.From(find(t, back, "service/shop")); err != nil {
		t.Fatal(err)
	}
	if service.Spec.Type != "backend" || service.Spec.Repository != "https://github.com/acme/shop" || service.Metadata.Owner != "payments" {
		t.Errorf("shop comes back as %+v", service)
	}
}

// Somebody may have taken away or broken what was kept.
func TestExportWithoutWhatWasKept(t *testing.T) {
	platform, _ := imports(t, nil, acme(t), false)
	for i := range platform {
		switch platform[i].Ref().String() {
		case "entity/domain-commerce":
			delete(platform[i].Metadata.Annotations, AnnotationEntity)
		case "service/shop":
			platform[i].Metadata.Annotations[AnnotationEntity] = "{broken: ["
		case "service/cart":
			platform[i].Metadata.Annotations[AnnotationEntity] = component("other", "type: service, owner: payments")
		case "api/orders":
			platform[i].Metadata.Annotations[AnnotationFile] = "../../etc/passwd.yaml"
		}
	}
	docs, lost, err := Export(platform)
	if err != nil {
		t.Fatal(err)
	}
	if len(lost) != 1 || lost[0].String() != "entity/domain-commerce" {
		t.Errorf("lost are %v", lost)
	}
	files := map[string]string{}
	for _, doc := range docs {
		files[doc.Ref.String()] = doc.File
	}
	for ref, want := range map[string]string{
		"component:default/shop": "services/shop/catalog-info.yaml", "component:default/cart": "services/cart/catalog-info.yaml", "api:default/orders": "apis/orders/catalog-info.yaml",
	} {
		if files[ref] != want {
			t.Errorf("%s goes into %q, want %q", ref, files[ref], want)
		}
	}
}

// A definition is taken out of its entity and put in again, whatever is in it.
func TestDefinitionsComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		piece := rapid.SampledFrom([]string{"a", " ", "  ", "\n", "\n\n", "\t", "#", ": ", "- ", "---\n", "'", `"`, "\\", "é", "{", "|", ">", "\r\n", "\u0085", "\u2028", "true", "1", "%", "@", "~"})
		definition := strings.Join(rapid.SliceOf(piece).Draw(rt, "definition"), "")
		want := map[string]any{
			"apiVersion": "backstage.io/v1alpha1", "kind": "API", "metadata": map[string]any{"name": "a", "description": definition},
			"spec": map[string]any{"owner": "t", "definition": definition},
		}
		text, err := encode(nodeOf(want))
		if err != nil {
			rt.Fatal(err)
		}
		platform, _ := imports(t, nil, reading(t, text), false)
		got, _ := exported(t, platform)
		if diff := cmp.Diff(any(want), got["api:default/a"]); diff != "" {
			rt.Fatal(diff)
		}
	})
}
