package object_test

import (
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
)

// Each case is one wrong field: the message names it, its line and a way out.
func TestAdmitRefuses(t *testing.T) {
	const head = "apiVersion: stoa.dev/v1\nkind: Gadget\nmetadata:\n  name: shop\n  owner: payments\n"
	const spec = head + "spec:\n  type: backend\n  image: i\n"
	for name, c := range map[string]struct{ text, want string }{
		"api version":      {"apiVersion: apps/v1\nkind: Gadget\nmetadata: {name: shop, owner: a}", `file.yaml:1: apiVersion: is "apps/v1", must be stoa.dev/v1`},
		"unknown kind":     {"apiVersion: stoa.dev/v1\nkind: Gadgte\n", `file.yaml:2: kind: there is no kind "Gadgte"; did you mean Gadget?`},
		"no kind":          {"metadata: {name: shop}\n", "file.yaml:1: kind: is missing; known are Gadget, RoadmapItem"},
		"bad name":         {"kind: Gadget\nmetadata:\n  owner: a\n  name: My Shop\nspec: {type: worker}", `file.yaml:4: metadata.name: "My Shop" is not a name: lower-case letters, digits and '-', at most 63, first and last a letter or digit; try "my-shop"`},
		"no owner":         {"kind: Gadget\nmetadata:\n  name: shop\nspec: {type: worker}", "file.yaml:2: metadata.owner: is missing: every Gadget has an owning team"},
		"label key":        {"kind: RoadmapItem\nmetadata:\n  name: a\n  labels:\n    -a: b", `file.yaml:5: metadata.labels["-a"]: "-a" is not a key`},
		"label value":      {"kind: RoadmapItem\nmetadata:\n  name: a\n  labels:\n    a: b c", `file.yaml:5: metadata.labels.a: "b c" is not a label value`},
		"annotations":      {"kind: RoadmapItem\nmetadata:\n  name: a\n  annotations:\n    a: " + strings.Repeat("x", 256<<10), "file.yaml:4: metadata.annotations: have 262145 bytes in all, the limit is 262144"},
		"unknown field":    {spec + "  imgae: x\n", "file.yaml:9: spec.imgae: unknown field; did you mean image?"},
		"wrong case":       {spec + "  Tags: []\n", "file.yaml:9: spec.Tags: unknown field; did you mean tags?"},
		"unknown deep":     {spec + "  ports:\n  - port: 1\n    prot: 2\n", "file.yaml:11: spec.ports[0].prot: unknown field; did you mean port?"},
		"unknown no guess": {spec + "  zzzzzz: x\n", "unknown field; known are environments, image, params"},
		"missing":          {head + "spec: {}\n", "file.yaml:6: spec.type: is required"},
		"missing deep":     {spec + "  ports:\n  - name: x\n", "file.yaml:10: spec.ports[0].port: is required"},
		"number for text":  {spec + "  version: 1.10\n", `file.yaml:9: spec.version: must be text, and 1.10 reads as a number: write "1.10" in quotes`},
		"boolean for text": {spec + "  version: true\n", `spec.version: must be text, and true reads as a boolean: write "true" in quotes`},
		"yes for boolean":  {spec + "  public: yes\n", `spec.public: must be true or false, and "yes" is text: write true`},
		"off for boolean":  {spec + "  public: off\n", `spec.public: must be true or false, and "off" is text: write false`},
		"text for number":  {spec + "  ports: [{port: \"80\"}]\n", `spec.ports[0].port: must be a whole number, and "80" in quotes is text: write 80`},
		"list for text":    {spec + "  version: [1]\n", "spec.version: must be text, not a list"},
		"fraction":         {spec + "  ports: [{port: 80.5}]\n", "spec.ports[0].port: must be a whole number, not 80.5"},
		"enum":             {head + "spec:\n  type: backnd\n  image: i\n", `file.yaml:7: spec.type: "backnd" is not one of backend, frontend, worker; did you mean backend?`},
		"pattern":          {spec + "  environments:\n    dev:\n      memory: 5GB\n", `file.yaml:11: spec.environments.dev.memory: "5GB" does not match the pattern ^[0-9]+(Mi|Gi)$, such as 512Mi`},
		"maximum":          {spec + "  ports: [{port: 70000}]\n", "spec.ports[0].port: is 70000, must be at most 65535"},
		"minimum":          {spec + "  environments: {dev: {replicas: 0}}\n", "spec.environments.dev.replicas: is 0, must be at least 1"},
		"exclusive":        {spec + "  ratio: 0\n", "spec.ratio: is 0, must be more than 0"},
		"too long":         {spec + "  ports: [{port: 1, name: abcdefghijklmnop}]\n", "spec.ports[0].name: has 16 characters, must have at most 15"},
		"empty":            {spec + "  ports: [{port: 1, name: \"\"}]\n", "spec.ports[0].name: must not be empty"},
		"too many":         {spec + "  ports: [{port: 1}, {port: 2}, {port: 3}, {port: 4}]\n", "spec.ports: has 4 entries, must have at most 3"},
		"twice in a list":  {spec + "  tags: [a, b, a]\n", "spec.tags: entries 1 and 3 are the same"},
		"format":           {spec + "  since: 2026-02-30\n", `spec.since: "2026-02-30" is not a valid date`},
		"huge number":      {spec + "  params: {a: 1e999999999}\n", "spec.params.a: \"1e999999999\" is out of the range of numbers"},
		"does not fit":     {spec + "  environments: {dev: {replicas: 4000000000}}\n", "spec.environments.dev.replicas: number 4000000000 does not fit int32"},
		"own rule":         {head + "spec:\n  type: worker\n  ports:\n  - port: 1\n", "file.yaml:8: spec.ports: a worker has no ports"},
		"after defaults":   {"kind: Gadget\nmetadata: {name: imageless, owner: a}\nspec:\n  type: worker\n", "file.yaml:3: spec.image: is required: what is run"},
	} {
		t.Run(name, func(t *testing.T) {
			_, fields := registry(t).AdmitParsed(decode(t, c.text))
			if len(fields) != 1 {
				t.Fatalf("fields: %v, want one", fields)
			}
			if got := fields[0].String(); !strings.Contains(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAdmitTellsAllInOrderOfLines(t *testing.T) {
	p := decode(t, `kind: Gadget
spec:
  type: bakend
  colour: red
  ports:
  - port: x
metadata:
  name: A
`)
	_, fields := registry(t).AdmitParsed(p)
	var got []string
	for _, f := range fields {
		got = append(got, f.Path)
	}
	want := "spec.type spec.colour spec.ports[0].port metadata.owner metadata.name"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestAdmitFills(t *testing.T) {
	p := decode(t, "kind: gadget\nmetadata: {name: shop, owner: payments}\nspec: {type: backend, tags: null, params: {a: null, b: 1}}")
	o, fields := registry(t).AdmitParsed(p)
	if len(fields) > 0 {
		t.Fatal(fields)
	}
	if o.APIVersion != object.APIVersion || o.Kind != "Gadget" {
		t.Errorf("identity %s %s", o.APIVersion, o.Kind)
	}
	if got, want := string(o.Spec), `{"type":"backend","image":"registry/shop","params":{"b":1}}`; got != want {
		t.Errorf("spec %s, want %s", got, want)
	}
	again, fields := registry(t).Admit(o)
	if len(fields) > 0 || string(again.Spec) != string(o.Spec) {
		t.Errorf("admitting twice: %s %v", again.Spec, fields)
	}
}

func TestAdmitRefusesBrokenSpecs(t *testing.T) {
	for _, spec := range []string{`{`, `[]`, `"x"`, `{} {}`, `{"type":}`} {
		o := object.Object{Kind: "RoadmapItem", Metadata: object.Metadata{Name: "a"}, Spec: []byte(spec)}
		if _, fields := registry(t).Admit(o); len(fields) == 0 {
			t.Errorf("spec %s was admitted", spec)
		}
	}
	for _, spec := range []string{``, `null`, `{}`} {
		o := object.Object{Kind: "RoadmapItem", Metadata: object.Metadata{Name: "a"}, Spec: []byte(spec)}
		if got, fields := registry(t).Admit(o); len(fields) > 0 || string(got.Spec) != "{}" {
			t.Errorf("spec %q: %s %v", spec, got.Spec, fields)
		}
	}
}
