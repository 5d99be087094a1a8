package observe

import (
	"testing"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
)

// Who commits most stands for a team only if it is the one team of that person.
func TestTeamOfAuthor(t *testing.T) {
	users := map[string]catalog.User{}
	for name, title := range map[string]string{"ann": "Ann Lee", "bob": "Bob", "eve": ""} {
		u := object.New[catalog.UserSpec, struct{}](name, "", catalog.UserSpec{})
		u.Metadata.Title = title
		users[name] = u
	}
	teams := map[string]catalog.Team{}
	for name, spec := range map[string]catalog.TeamSpec{"payments": {Owners: []string{"ann"}}, "core": {Members: []string{"bob"}}, "search": {Owners: []string{"bob"}}} {
		teams[name] = object.New[catalog.TeamSpec, struct{}](name, name, spec)
	}
	for author, want := range map[string]string{"Ann Lee": "payments", "ann": "payments", "Bob": "", "eve": "", "Nobody": "", "": "", "…": ""} {
		if got := teamOf(author, users, teams); got != want {
			t.Errorf("%q: %q, want %q", author, got, want)
		}
	}
}
