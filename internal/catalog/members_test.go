package catalog_test

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/store"
)

func TestMemberships(t *testing.T) {
	registry, err := object.NewRegistry(catalog.Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stoa.db"), store.Options{Fields: func(kind string) []string {
		k, _ := registry.ByName(kind)
		return k.Fields
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	user := func(name, role string) object.Object {
		return encode(t, object.New[catalog.UserSpec, struct{}](name, "", catalog.UserSpec{Role: role}))
	}
	team := func(name string, spec catalog.TeamSpec) object.Object {
		return encode(t, object.New[catalog.TeamSpec, struct{}](name, name, spec))
	}
	err = s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.PutAll(ctx, []object.Object{
			user("ann", "platform-admin"), user("bob", ""), user("cy", "viewer"),
			team("fruit", catalog.TeamSpec{Owners: []string{"ann"}, Members: []string{"bob", "dee"}}),
			team("nuts", catalog.TeamSpec{Owners: []string{"bob"}}),
			team("both", catalog.TeamSpec{Owners: []string{"ann"}, Members: []string{"ann"}}),
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	missing, err := catalog.Members{}.Missing(t.Context(), s, []string{"nuts", "nutz", "fruit"})
	if err != nil || !slices.Equal(missing, []string{"nutz"}) {
		t.Errorf("missing teams %v, %v", missing, err)
	}
	for _, test := range []struct {
		principal string
		role      auth.Role
		teams     map[string]auth.Role
	}{
		{"user/ann", auth.PlatformAdmin, map[string]auth.Role{"fruit": auth.TeamOwner, "both": auth.TeamOwner}},
		{"user/bob", auth.Viewer, map[string]auth.Role{"fruit": auth.TeamMember, "nuts": auth.TeamOwner}},
		{"user/cy", auth.Viewer, nil},
		{"user/dee", auth.Viewer, map[string]auth.Role{"fruit": auth.TeamMember}}, // has no User object
		{"user/nobody", auth.Viewer, nil},
		{"token/ann", auth.Viewer, nil}, // a machine is not the person of its name
		{"ann", auth.Viewer, nil},
	} {
		role, teams, err := catalog.Members{Objects: s}.Memberships(t.Context(), test.principal)
		if err != nil || role != test.role || !maps.Equal(teams, test.teams) {
			t.Errorf("%s: %s of %v, %v; want %s of %v", test.principal, role, teams, err, test.role, test.teams)
		}
	}
}

func encode[S object.Spec, T any](t *testing.T, o object.Typed[S, T]) object.Object {
	t.Helper()
	raw, err := o.Object()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
