package catalog_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
)

func TestSystemsAPIsAndEntities(t *testing.T) {
	registry, err := object.NewRegistry(catalog.Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", catalog.MaxDefinition+1)
	for text, want := range map[string]string{
		`{kind: System, metadata: {name: a, owner: t}, spec: {domain: pay}}`:                                                                   "",
		`{kind: System, metadata: {name: a}}`:                                                                                                  "metadata.owner: is missing",
		`{kind: System, metadata: {name: a, owner: t}, spec: {doman: pay}}`:                                                                    "did you mean domain",
		`{kind: API, metadata: {name: a, owner: t}, spec: {type: grpc, lifecycle: production, provider: s, consumers: [b, c], definition: x}}`: "",
		`{kind: API, metadata: {name: a}}`:                                                                                                     "metadata.owner: is missing",
		`{kind: API, metadata: {name: a, owner: t}, spec: {type: soap}}`:                                                                       "spec.type",
		`{kind: API, metadata: {name: a, owner: t}, spec: {lifecycle: new}}`:                                                                   "spec.lifecycle",
		`{kind: API, metadata: {name: a, owner: t}, spec: {consumers: [b, c, b]}}`:                                                             "spec.consumers: b is listed twice",
		`{kind: API, metadata: {name: a, owner: t}, spec: {definitionURL: "https://x.example/a"}}`:                                             "",
		`{kind: API, metadata: {name: a, owner: t}, spec: {definitionURL: "ftp://x.example/a"}}`:                                               "spec.definitionURL: is not an address",
		`{kind: API, metadata: {name: a, owner: t}, spec: {definitionURL: "https:///a"}}`:                                                      "spec.definitionURL: is not an address",
		`{kind: API, metadata: {name: a, owner: t}, spec: {definition: x, definitionURL: "http://x"}}`:                                         "give one of the two",
		`{kind: API, metadata: {name: a, owner: t}, spec: {definition: ` + long + `}}`:                                                         "spec.definition: has 513 KiB, the limit is 512",
		`{kind: Entity, metadata: {name: a}, spec: {format: backstage, type: Domain}}`:                                                         "",
		`{kind: Entity, metadata: {name: a}, spec: {format: other, type: Domain}}`:                                                             "spec.format",
		`{kind: Entity, metadata: {name: a}, spec: {format: backstage}}`:                                                                       "spec.type",
		`{kind: Service, metadata: {name: a, owner: t}, spec: {lifecycle: deprecated}}`:                                                        "",
		`{kind: Service, metadata: {name: a, owner: t}, spec: {lifecycle: sunset}}`:                                                            "spec.lifecycle",
		`{kind: Service, metadata: {name: a, owner: t}, spec: {overrides: {port: "3", start: "$STOA_OUT x"}}}`:                                 "",
		`{kind: Service, metadata: {name: a, owner: t}, spec: {overrides: {prt: "3"}}}`:                                                        "f:1: spec.overrides.prt: unknown field; did you mean port?",
		`{kind: Service, metadata: {name: a, owner: t}, spec: {overrides: {colour: red}}}`:                                                     "spec.overrides.colour: unknown field; known are health, output, port, portVariable, start",
		`{kind: Service, metadata: {name: a, owner: t}, spec: {overrides: {port: 3}}}`:                                                         `write "3" in quotes`,
		`{kind: Service, metadata: {name: a, owner: t}, spec: {overrides: {port: "0"}}}`:                                                       "f:1: spec.overrides.port: must be a number of 1 to 65535",
		`{kind: Service, metadata: {name: a, owner: t}, spec: {overrides: {health: ""}}}`:                                                      "spec.overrides.health: must not be empty",
	} {
		parsed, err := object.Decode(strings.NewReader(text), "f")
		if err != nil {
			t.Fatal(err)
		}
		_, fields := registry.AdmitParsed(parsed[0])
		var told []string
		for _, f := range fields {
			told = append(told, f.String())
		}
		if got := strings.Join(told, "\n"); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%.100s: told is %q, want %q", text, got, want)
		}
	}
	api, ok := registry.ByName("API")
	if !ok {
		t.Fatal("there is no kind API")
	}
	parsed, err := object.Decode(strings.NewReader(`{kind: API, metadata: {name: a, owner: t}, spec: {provider: s, consumers: [b, c]}}`), "f")
	if err != nil {
		t.Fatal(err)
	}
	want := []object.Reference{
		{Path: "spec.provider", Ref: object.Ref{Kind: "Service", Name: "s"}},
		{Path: "spec.consumers", Ref: object.Ref{Kind: "Service", Name: "b"}}, {Path: "spec.consumers", Ref: object.Ref{Kind: "Service", Name: "c"}},
	}
	if diff := cmp.Diff(want, api.References(parsed[0].Object)); diff != "" {
		t.Error(diff)
	}
}
