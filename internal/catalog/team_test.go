package catalog_test

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// teamsPipe admits teams to a store on the database.
func teamsPipe(t *testing.T, database string) (*admission.Pipe, *store.Store) {
	t.Helper()
	kinds, err := object.NewRegistry(catalog.Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), database, store.Options{Fields: func(kind string) []string {
		k, _ := kinds.ByName(kind)
		return k.Fields
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	pipe, err := admission.New(admission.Options{Store: s, Kinds: kinds, Clock: time.Now, Logger: slog.New(slog.DiscardHandler), Rules: []admission.Rule{catalog.TeamRule()}})
	if err != nil {
		t.Fatal(err)
	}
	return pipe, s
}

// named is a draft of a team with the names that it had; "-" before the name
// deletes it.
func named(t *testing.T, name string, formerly ...string) *admission.Draft {
	t.Helper()
	before, gone := strings.CutPrefix(name, "-")
	return &admission.Draft{Delete: gone, Want: encode(t, object.New[catalog.TeamSpec, struct{}](before, before, catalog.TeamSpec{Formerly: formerly}))}
}

// What is known under a name belongs to one team.
func TestFormerNames(t *testing.T) {
	pipe, _ := teamsPipe(t, filepath.Join(t.TempDir(), "stoa.db"))
	for i, step := range []struct {
		drafts []*admission.Draft
		wrong  map[string]string // by field; none: it is admitted
	}{
		{[]*admission.Draft{named(t, "red"), named(t, "blue", "navy")}, nil},
		{[]*admission.Draft{named(t, "red", "blue")}, map[string]string{"spec.formerly[0]": "there is a team blue"}},
		{[]*admission.Draft{named(t, "red", "crimson", "navy")}, map[string]string{"spec.formerly[1]": "former name of team blue"}},
		{[]*admission.Draft{named(t, "red", "crimson", "crimson")}, map[string]string{"spec.formerly[1]": "already"}},
		{[]*admission.Draft{named(t, "red", "red")}, map[string]string{"spec.formerly[0]": "present name"}},
		{[]*admission.Draft{named(t, "red", "No Name")}, map[string]string{"spec.formerly[0]": "cannot have been"}},
		{[]*admission.Draft{named(t, "navy")}, map[string]string{"metadata.name": "former name of team blue"}},
		{[]*admission.Draft{named(t, "x", "lost"), named(t, "y", "lost")}, map[string]string{"spec.formerly[0]": "former name of team"}},
		{[]*admission.Draft{named(t, "lost"), named(t, "y", "lost")}, map[string]string{"metadata.name": "former name of team y"}},
		{[]*admission.Draft{named(t, "red", "crimson")}, nil},
		{[]*admission.Draft{named(t, "red", "crimson")}, nil},                                    // the same again
		{[]*admission.Draft{named(t, "green", "red", "crimson"), named(t, "-red")}, nil},         // renamed in one change
		{[]*admission.Draft{named(t, "blue"), named(t, "green", "red", "crimson", "navy")}, nil}, // a name given on
		{[]*admission.Draft{named(t, "-blue")}, nil},
		{[]*admission.Draft{named(t, "green", "red", "crimson", "navy", "blue")}, nil}, // merged after it is gone
		{[]*admission.Draft{named(t, "blue")}, map[string]string{"metadata.name": "former name of team green"}},
		{[]*admission.Draft{named(t, "green"), named(t, "blue")}, nil},
	} {
		_, err := pipe.Apply(t.Context(), &admission.Change{By: auth.Principal{Name: "user/ann", Platform: auth.PlatformAdmin}, Drafts: step.drafts})
		if len(step.wrong) == 0 {
			if err != nil {
				t.Errorf("step %d: %v", i, err)
			}
			continue
		}
		told := problem.From(err)
		if err == nil || told.Kind != problem.Invalid || len(told.Fields) != len(step.wrong) {
			t.Errorf("step %d: %v", i, err)
			continue
		}
		for _, f := range told.Fields {
			if says := step.wrong[f.Path]; says == "" || !strings.Contains(f.Message, says) {
				t.Errorf("step %d: %s %s", i, f.Path, f.Message)
			}
		}
	}
}

// A team stays as long as it answers for anything: a later one of its name would
// answer for that.
func TestTeamOfOwnerStays(t *testing.T) {
	pipe, _ := teamsPipe(t, filepath.Join(t.TempDir(), "stoa.db"))
	apply := func(drafts ...*admission.Draft) error {
		_, err := pipe.Apply(t.Context(), &admission.Change{By: auth.Principal{Name: "user/ann", Platform: auth.PlatformAdmin}, Drafts: drafts})
		return err
	}
	for plural, owned := range map[string]object.Object{
		"services": encode(t, object.New[catalog.ServiceSpec, catalog.ServiceStatus]("shop", "red", catalog.ServiceSpec{})),
		"systems":  encode(t, object.New[catalog.SystemSpec, struct{}]("shop", "red", catalog.SystemSpec{})),
		"apis":     encode(t, object.New[catalog.APISpec, struct{}]("shop", "red", catalog.APISpec{Type: "openapi", Lifecycle: "production"})),
		"entities": encode(t, object.New[catalog.EntitySpec, struct{}]("shop", "red", catalog.EntitySpec{Format: "backstage", Type: "Resource"})),
	} {
		t.Run(plural, func(t *testing.T) {
			if err := apply(named(t, "red"), &admission.Draft{Want: owned}); err != nil {
				t.Fatal(err)
			}
			err := apply(named(t, "-red"))
			if told := problem.From(err); err == nil || !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), "still owns "+plural+", such as shop") ||
				!strings.HasPrefix(told.Next[0], "stoa get "+plural+" --owner red") {
				t.Fatalf("%v", err)
			}
			if err := apply(&admission.Draft{Delete: true, Want: owned}); err != nil {
				t.Fatal(err)
			}
			if err := apply(named(t, "-red")); err != nil {
				t.Errorf("once that is gone: %v", err)
			}
		})
	}
}

func TestCapabilities(t *testing.T) {
	kinds, err := object.NewRegistry(catalog.Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	for spec, paths := range map[string][]string{
		`{}`: nil,
		`{"title":"Kafka","lifecycle":"beta","docs":"/docs/kafka","segments":["data"],"availableTo":["pilot"],"qualifyingUse":"use.surface != 'portal'","price":"5 EUR"}`: nil,
		`{"lifecycle":"perhaps"}`:                            {"spec.lifecycle"},
		`{"qualifyingUse":"use.surface"}`:                    {"spec.qualifyingUse"},
		`{"qualifyingUse":"team.name == 'x'"}`:               {"spec.qualifyingUse"},
		`{"segments":["a","a"],"availableTo":["b","c","b"]}`: {"spec.availableTo[2]", "spec.segments[1]"},
		`{"qualifying":"true"}`:                              {"spec.qualifying"},
	} {
		_, wrong := kinds.Admit(object.Object{APIVersion: object.APIVersion, Kind: "Capability", Metadata: object.Metadata{Name: "kafka"}, Spec: json.RawMessage(spec)})
		var got []string
		for _, f := range wrong {
			got = append(got, f.Path)
		}
		slices.Sort(got)
		if !slices.Equal(got, paths) {
			t.Errorf("%s: %+v, want %q", spec, wrong, paths)
		}
	}
	for lifecycle, offered := range map[catalog.Lifecycle]bool{"": true, catalog.Concept: false, catalog.Alpha: true, catalog.Beta: true, catalog.GA: true, catalog.Deprecated: true, catalog.Retired: false} {
		if lifecycle.Offered() != offered {
			t.Errorf("%q is offered: %v", lifecycle, !offered)
		}
	}
}
