package object_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

func TestNewRegistryRefuses(t *testing.T) {
	good := gadgetKind()
	for name, c := range map[string]struct {
		kinds []object.Kind
		want  string
	}{
		"no plural":      {[]object.Kind{{Name: "Gadget", Spec: gadgetSpec{}}}, "needs Name, Plural and Spec"},
		"no spec":        {[]object.Kind{{Name: "Gadget", Plural: "gadgets"}}, "needs Name, Plural and Spec"},
		"foreign spec":   {[]object.Kind{{Name: "Gadget", Plural: "gadgets", Spec: plainSpec{}}}, `says that it is a "RoadmapItem"`},
		"twice":          {[]object.Kind{good, good}, "already names Gadget"},
		"a word for two": {[]object.Kind{good, {Name: "RoadmapItem", Plural: "roadmap", Short: "GD", Spec: plainSpec{}}}, `"gd" already names Gadget`},
	} {
		if _, err := object.NewRegistry(c.kinds...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestRegistryFinds(t *testing.T) {
	r := registry(t)
	for _, word := range []string{"gadgets", "gadget", "Gadget", "GD", " gd "} {
		if k, err := r.ByPlural(word); err != nil || k.Name != "Gadget" {
			t.Errorf("ByPlural(%q) = %q, %v", word, k.Name, err)
		}
	}
	if _, err := r.ByPlural("gagdets"); !problem.Is(err, problem.NotFound) || !strings.Contains(err.Error(), "did you mean gadgets?") {
		t.Errorf("unknown word: %v", err)
	}
	if _, ok := r.ByName("gadgets"); ok {
		t.Error("ByName takes a plural")
	}
	if k, ok := r.ByName("roadmapitem"); !ok || k.Name != "RoadmapItem" {
		t.Errorf("ByName gave %q", k.Name)
	}
	if all := r.All(); len(all) != 2 || all[0].Name != "Gadget" || all[1].Name != "RoadmapItem" {
		t.Errorf("All gave %v", all)
	}
	if _, err := r.Schema("Gadgte"); !problem.Is(err, problem.NotFound) {
		t.Errorf("schema of an unknown kind: %v", err)
	}
}

// The schema is valid by its own draft and judges whole envelopes as Admit does.
func TestSchemaJudgesEnvelopes(t *testing.T) {
	r := registry(t)
	raw, err := r.Schema("gadget")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("urn:test", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("urn:test")
	if err != nil {
		t.Fatal(err)
	}
	for text, valid := range map[string]bool{
		manyGadgets(1): true,
		"apiVersion: stoa.dev/v1\nkind: Gadget\nmetadata: {name: Shop, owner: a}\nspec: {type: backend, image: i}":                         false,
		"apiVersion: stoa.dev/v1\nkind: Gadget\nmetadata: {name: shop, owner: a, labels: {a/b/c: d}}\nspec: {type: backend, image: i}":     false,
		"apiVersion: stoa.dev/v1\nkind: Gadget\nmetadata: {name: shop, owner: a}\nspec: {type: backend, image: i, ports: [{port: 70000}]}": false,
	} {
		p := decode(t, text)
		instance, err := json.Marshal(p.Object)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(instance)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); (err == nil) != valid {
			t.Errorf("schema says %v of\n%s", err, text)
		}
		if _, fields := r.AdmitParsed(p); (len(fields) == 0) != valid {
			t.Errorf("Admit says %v of\n%s", fields, text)
		}
	}
}
