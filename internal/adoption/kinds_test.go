package adoption_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/object"
)

func TestKinds(t *testing.T) {
	kinds, err := object.NewRegistry(adoption.Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind, spec string
		paths      []string
		refs       int
	}{
		{"Segment", `{}`, nil, 0},
		{"Segment", `{"title":"Web","match":"has(team.spec.contact)","teams":["red","blue"]}`, nil, 2},
		{"Segment", `{"match":"team.spec.contact ="}`, []string{"spec.match"}, 0},
		{"Segment", `{"match":"service.name == 'x'"}`, []string{"spec.match"}, 0},
		{"Segment", `{"teams":["red","red"]}`, []string{"spec.teams[1]"}, 2},
		{"Segment", `{"member":["red"]}`, []string{"spec.member"}, 0},
		{"Cohort", `{"title":"Pilot","start":"2026-02-28","teams":["red"]}`, nil, 1},
		{"Cohort", `{"start":"2026-02-30"}`, []string{"spec.start"}, 0},
		{"Cohort", `{"start":"tomorrow"}`, []string{"spec.start"}, 0},
		{"Cohort", `{"teams":["red","blue","red"]}`, []string{"spec.teams[2]"}, 3},
	} {
		o := object.Object{APIVersion: object.APIVersion, Kind: c.kind, Metadata: object.Metadata{Name: "x"}, Spec: json.RawMessage(c.spec)}
		_, wrong := kinds.Admit(o)
		var got []string
		for _, f := range wrong {
			got = append(got, f.Path)
		}
		kind, _ := kinds.ByName(c.kind)
		if refs := kind.References(o); !slices.Equal(got, c.paths) || len(refs) != c.refs {
			t.Errorf("%s %s: %+v, %d references, want %q", c.kind, c.spec, wrong, len(refs), c.paths)
		}
	}
}
