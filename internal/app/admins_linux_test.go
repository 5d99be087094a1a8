package app_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// However it is tried, and by however many at once, somebody is left who
// administers the platform.
func TestLastAdmin(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func() string{
		"sqlite": func() string { return "" }, "postgres": func() string { return testenv.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, database())
			refused := func(what string, err error) {
				t.Helper()
				if told := problem.From(err); !problem.Is(err, problem.Conflict) || !strings.Contains(strings.Join(told.Next, " "), "stoa account create") {
					t.Errorf("%s: %v, want a conflict with what to do", what, err)
				}
			}
			apply := func(kind, name, spec string) error {
				_, err := p.Apply(t.Context(), strings.NewReader(fmt.Sprintf("{apiVersion: stoa.dev/v1, kind: %s, metadata: {name: %s}, spec: {%s}}", kind, name, spec)), "", "", false)
				return err
			}
			user := func(name, role string) error { return apply("User", name, "role: "+role) }
			remove := func(name string) error {
				_, err := p.Delete(t.Context(), "users", name, "", false)
				return err
			}
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(apply("Team", "platform", "platform: true"))
			must(user("absent", "platform-admin")) // has no account, so lets nobody in
			refused("the only admin becomes a viewer", user("admin", "viewer"))
			refused("the only admin's user is deleted", remove("admin"))
			if err := p.ErasePerson(t.Context(), "admin"); !problem.Is(err, problem.Invalid) {
				t.Errorf("the admin erases themselves: %v", err)
			}
			if me, err := p.WhoAmI(t.Context()); err != nil || me.Platform != "platform-admin" {
				t.Fatalf("the admin is %+v, %v", me, err)
			}

			must(user("ann", "platform-admin"))
			must(p.CreateAccount(t.Context(), "ann", ""))
			_, token, err := p.CreateToken(t.Context(), client.NewToken{Name: "ann", Principal: "user/ann"})
			must(err)
			ann := p.as(t, token)
			must(p.DisableAccount(t.Context(), "ann", true))
			refused("the other admin is disabled", user("admin", "viewer"))
			must(p.DisableAccount(t.Context(), "ann", false))

			var first, second error
			var both sync.WaitGroup
			both.Go(func() { first = p.DisableAccount(t.Context(), "ann", true) })
			both.Go(func() { second = ann.DisableAccount(t.Context(), "admin", true) })
			both.Wait()
			if first == nil && second == nil {
				t.Error("two admins disabled each other")
			}
		})
	}
}
