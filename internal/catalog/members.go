package catalog

import (
	"context"
	"strings"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Members reads roles off the User and Team objects.
type Members struct{ Objects object.Reader }

// Memberships gives the principal's role over the platform and in its teams.
// A principal without a User object is a viewer of no team.
func (m Members) Memberships(ctx context.Context, principal string) (auth.Role, map[string]auth.Role, error) {
	name, ok := strings.CutPrefix(principal, "user/")
	if !ok {
		return auth.Viewer, nil, nil
	}
	role := auth.Viewer
	user, err := object.Get[User](ctx, m.Objects, name)
	switch {
	case err == nil && user.Spec.Role != "":
		role = auth.Role(user.Spec.Role)
	case err != nil && !problem.Is(err, problem.NotFound):
		return "", nil, err
	}
	teams := map[string]auth.Role{}
	for _, as := range []struct {
		field string
		role  auth.Role
	}{{"spec.members", auth.TeamMember}, {"spec.owners", auth.TeamOwner}} {
		found, err := object.All[Team](ctx, m.Objects, object.Query{Fields: map[string]string{as.field: name}})
		if err != nil {
			return "", nil, err
		}
		for _, t := range found {
			teams[t.Metadata.Name] = as.role
		}
	}
	return role, teams, nil
}

// Admins returns the principals that are platform admins in r.
func (Members) Admins(ctx context.Context, r object.Reader) ([]string, error) {
	users, err := object.All[User](ctx, r, object.Query{Fields: map[string]string{"spec.role": string(auth.PlatformAdmin)}})
	var admins []string
	for _, u := range users {
		admins = append(admins, "user/"+u.Metadata.Name)
	}
	return admins, err
}

// Missing returns those of the teams that r does not have.
func (Members) Missing(ctx context.Context, r object.Reader, teams []string) ([]string, error) {
	var missing []string
	for _, name := range teams {
		_, err := r.Get(ctx, TeamSpec{}.Kind(), name)
		if problem.Is(err, problem.NotFound) {
			missing = append(missing, name)
		} else if err != nil {
			return nil, err
		}
	}
	return missing, nil
}
