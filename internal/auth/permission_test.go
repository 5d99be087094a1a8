package auth_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

var update = flag.Bool("update", false, "rewrite docs/reference/permissions.md")

// The people of the matrix, in the order of its columns. Objects belong to
// team "own", to team "other", or to nobody.
var people = []struct {
	column string
	p      auth.Principal
}{
	{"admin", auth.Principal{Name: "user/a", Platform: auth.PlatformAdmin}},
	{"platform", auth.Principal{Name: "user/p", Platform: auth.PlatformMember}},
	{"owner", auth.Principal{Name: "user/o", Platform: auth.Viewer, Teams: map[string]auth.Role{"own": auth.TeamOwner}}},
	{"member", auth.Principal{Name: "user/m", Platform: auth.Viewer, Teams: map[string]auth.Role{"own": auth.TeamMember}}},
	{"viewer", auth.Principal{Name: "user/v", Platform: auth.Viewer}},
	{"unknown", auth.Principal{Name: "user/x"}},
	{"nobody", auth.Principal{}},
}

// What each may do, written by hand from the description of the roles: y or a
// dot. It is the law; the code has to follow.
const matrix = `
verb   scope    team  | admin platform owner member viewer unknown nobody
read   team     own   |   y      y       y      y      y      .      .
read   team     other |   y      y       y      y      y      .      .
read   team     -     |   y      y       y      y      y      .      .
read   owners   own   |   y      y       y      y      y      .      .
read   owners   other |   y      y       y      y      y      .      .
read   owners   -     |   y      y       y      y      y      .      .
read   platform own   |   y      y       y      y      y      .      .
read   platform other |   y      y       y      y      y      .      .
read   platform -     |   y      y       y      y      y      .      .
create team     own   |   y      y       y      y      .      .      .
create team     other |   y      y       .      .      .      .      .
create team     -     |   y      y       .      .      .      .      .
create owners   own   |   y      y       y      .      .      .      .
create owners   other |   y      y       .      .      .      .      .
create owners   -     |   y      y       .      .      .      .      .
create platform own   |   y      y       .      .      .      .      .
create platform other |   y      y       .      .      .      .      .
create platform -     |   y      y       .      .      .      .      .
update team     own   |   y      y       y      y      .      .      .
update team     other |   y      y       .      .      .      .      .
update team     -     |   y      y       .      .      .      .      .
update owners   own   |   y      y       y      .      .      .      .
update owners   other |   y      y       .      .      .      .      .
update owners   -     |   y      y       .      .      .      .      .
update platform own   |   y      y       .      .      .      .      .
update platform other |   y      y       .      .      .      .      .
update platform -     |   y      y       .      .      .      .      .
delete team     own   |   y      y       y      y      .      .      .
delete team     other |   y      y       .      .      .      .      .
delete team     -     |   y      y       .      .      .      .      .
delete owners   own   |   y      y       y      .      .      .      .
delete owners   other |   y      y       .      .      .      .      .
delete owners   -     |   y      y       .      .      .      .      .
delete platform own   |   y      y       .      .      .      .      .
delete platform other |   y      y       .      .      .      .      .
delete platform -     |   y      y       .      .      .      .      .
logs   team     own   |   y      y       y      y      .      .      .
logs   team     other |   y      y       .      .      .      .      .
logs   team     -     |   y      y       .      .      .      .      .
logs   owners   own   |   y      y       y      y      .      .      .
logs   owners   other |   y      y       .      .      .      .      .
logs   owners   -     |   y      y       .      .      .      .      .
logs   platform own   |   y      y       .      .      .      .      .
logs   platform other |   y      y       .      .      .      .      .
logs   platform -     |   y      y       .      .      .      .      .
post   team     own   |   y      y       y      y      .      .      .
post   team     other |   y      y       .      .      .      .      .
post   team     -     |   y      y       .      .      .      .      .
post   owners   own   |   y      y       y      y      .      .      .
post   owners   other |   y      y       .      .      .      .      .
post   owners   -     |   y      y       .      .      .      .      .
post   platform own   |   y      y       .      .      .      .      .
post   platform other |   y      y       .      .      .      .      .
post   platform -     |   y      y       .      .      .      .      .
audit  team     own   |   y      y       y      y      .      .      .
audit  team     other |   y      y       .      .      .      .      .
audit  team     -     |   y      y       .      .      .      .      .
audit  owners   own   |   y      y       y      y      .      .      .
audit  owners   other |   y      y       .      .      .      .      .
audit  owners   -     |   y      y       .      .      .      .      .
audit  platform own   |   y      y       .      .      .      .      .
audit  platform other |   y      y       .      .      .      .      .
audit  platform -     |   y      y       .      .      .      .      .
manage team     own   |   y      .       .      .      .      .      .
manage team     other |   y      .       .      .      .      .      .
manage team     -     |   y      .       .      .      .      .      .
manage owners   own   |   y      .       .      .      .      .      .
manage owners   other |   y      .       .      .      .      .      .
manage owners   -     |   y      .       .      .      .      .      .
manage platform own   |   y      .       .      .      .      .      .
manage platform other |   y      .       .      .      .      .      .
manage platform -     |   y      .       .      .      .      .      .
`

var scopeOf = map[string]object.Scope{"team": object.ScopeTeam, "owners": object.ScopeOwners, "platform": object.ScopePlatform}

func TestPermissionMatrix(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(matrix), "\n")
	header := strings.Fields(lines[0])[4:]
	seen := map[string]bool{}
	for _, line := range lines[1:] {
		row := strings.Fields(line)
		verb, scope, owner := auth.Verb(row[0]), scopeOf[row[1]], strings.Trim(row[2], "-")
		seen[row[0]+row[1]+row[2]] = true
		kind := object.Kind{Name: "Thing", Scope: scope}
		for i, who := range people {
			if header[i] != who.column {
				t.Fatalf("column %d is %q, the person %q", i, header[i], who.column)
			}
			want := row[4+i] == "y"
			got := auth.Allowed(who.p, verb, kind, owner)
			if got.Allowed != want {
				t.Errorf("%s: %s may %s = %v (%s), want %v", who.column, row[0], row[1:3], got.Allowed, got.Reason, want)
			}
			checkDecision(t, got)
		}
	}
	if want := len(auth.Verbs()) * 3 * 3; len(seen) != want {
		t.Errorf("the matrix has %d rows, every verb × scope × team is %d", len(seen), want)
	}
}

func checkDecision(t *testing.T, d auth.Decision) {
	t.Helper()
	if d.Reason == "" {
		t.Error("a decision without a reason")
	}
	if d.Allowed {
		if d.Problem != nil || d.Err() != nil {
			t.Errorf("allowed, yet a problem: %v", d.Err())
		}
		return
	}
	p := d.Problem
	if p.Kind != problem.Forbidden || len(p.Why) == 0 || len(p.Next) == 0 || p.Decider == "" {
		t.Errorf("refusal %q lacks kind, why, next or decider: %+v", p.Title, p)
	}
}

func TestUsing(t *testing.T) {
	of := func(teams ...string) auth.Principal {
		p := auth.Principal{Name: "user/ann", Teams: map[string]auth.Role{}}
		for _, team := range teams {
			p.Teams[team] = auth.TeamMember
		}
		return p
	}
	for _, tc := range []struct {
		who        auth.Principal
		team, want string
	}{
		{of("a", "b"), "b", "b"},
		{of("a", "b"), "c", ""}, // a stranger's look is no use by c, and which of hers it is nobody knows
		{of("a", "b"), "", ""},
		{of("a"), "c", "a"},
		{of("a"), "", "a"},
		{of(), "c", ""},
	} {
		if got := tc.who.Using(tc.team); got != tc.want {
			t.Errorf("somebody of %v using what %q owns: team %q, want %q", tc.who.Teams, tc.team, got, tc.want)
		}
	}
}

func TestUnknownVerbNeedsAdmin(t *testing.T) {
	for _, who := range people {
		if got := auth.Allowed(who.p, "invent", object.Kind{Name: "Thing"}, "own"); got.Allowed != (who.column == "admin") {
			t.Errorf("%s: %v", who.column, got.Allowed)
		}
	}
}

// A token's scopes narrow the mightiest principal, and never widen the weakest.
func TestScopes(t *testing.T) {
	const law = `
	scope  | read logs create-team create-owners create-platform update-team delete-team post audit manage
	read   |  y    y       .             .              .            .           .      .     .      .
	deploy |  y    y       y             .              .            y           .      .     .      .
	write  |  y    y       y             y              y            y           y      .     .      .
	events |  .    .       .             .              .            .           .      y     .      .
	audit  |  y    .       .             .              .            .           .      .     y      .
	bogus  |  .    .       .             .              .            .           .      .     .      .`
	lines := strings.Split(strings.TrimSpace(law), "\n")
	header := strings.Fields(lines[0])[2:]
	for _, line := range lines[1:] {
		row := strings.Fields(line)
		for i, column := range header {
			verb, scope, _ := strings.Cut(column, "-")
			kind := object.Kind{Name: "Thing", Scope: scopeOf[scope]}
			admin := auth.Principal{Name: "user/a", Platform: auth.PlatformAdmin, Scopes: []string{row[0]}}
			got := auth.Allowed(admin, auth.Verb(verb), kind, "own")
			if want := row[2+i] == "y"; got.Allowed != want {
				t.Errorf("scope %s: %s = %v, want %v", row[0], column, got.Allowed, want)
			}
			checkDecision(t, got)
			viewer := auth.Principal{Name: "user/v", Platform: auth.Viewer, Scopes: []string{row[0]}}
			if d := auth.Allowed(viewer, auth.Verb(verb), kind, "own"); d.Allowed && verb != "read" {
				t.Errorf("scope %s lets a viewer %s", row[0], column)
			}
		}
	}
}

// A damaged principal must not gain by it.
func TestRolesInTheWrongPlace(t *testing.T) {
	kind := object.Kind{Name: "Service", Scope: object.ScopeTeam}
	for _, p := range []auth.Principal{
		{Name: "user/x", Platform: auth.TeamOwner},
		{Name: "user/x", Platform: "root"},
		{Name: "user/x", Platform: auth.Viewer, Teams: map[string]auth.Role{"own": auth.PlatformAdmin}},
		{Name: "user/x", Platform: auth.Viewer, Teams: map[string]auth.Role{"": auth.TeamOwner}},
		{Platform: auth.PlatformAdmin},
	} {
		for _, owner := range []string{"own", "other", ""} {
			if auth.Allowed(p, auth.Update, kind, owner).Allowed {
				t.Errorf("%+v may update what %q owns", p, owner)
			}
		}
	}
}

func TestRefusalSaysWhoDecides(t *testing.T) {
	member := auth.Principal{Name: "user/ann", Platform: auth.Viewer, Teams: map[string]auth.Role{"search": auth.TeamMember}}
	err := auth.Allowed(member, auth.Delete, object.Kind{Name: "Service"}, "payments").Err()
	p := problem.From(err)
	want := "user/ann may not delete a Service of team payments: it needs team-member in payments; user/ann is team-member in search, viewer elsewhere"
	if err.Error() != want {
		t.Errorf("refusal:\n%s\nwant:\n%s", err, want)
	}
	if p.Decider != "@payments" || !slices.Contains(p.Next, "ask an owner of @payments to do it or to add user/ann") {
		t.Errorf("decider %q, next %q", p.Decider, p.Next)
	}
}

// Who writes can name the owner that is missing; who reads cannot.
func TestRefusalWithoutOwner(t *testing.T) {
	guest := auth.Principal{Name: "user/vic", Platform: auth.Viewer}
	for verb, want := range map[auth.Verb]string{auth.Create: "name the owning team: metadata.owner", auth.Audit: "ask @platform to do it"} {
		p := problem.From(auth.Allowed(guest, verb, object.Kind{Name: "Service"}, "").Err())
		if !slices.Equal(p.Next, []string{want}) || p.Decider != "@platform" {
			t.Errorf("%s: decider %q, next %q, want %q", verb, p.Decider, p.Next, want)
		}
	}
}

// Who could do it nowhere is told so, and of no team that has nothing to do with it.
func TestRefusalAnywhere(t *testing.T) {
	ann := auth.Principal{Name: "user/ann", Platform: auth.Viewer, Teams: map[string]auth.Role{"payments": auth.TeamOwner, "search": auth.TeamMember}}
	guest := auth.Principal{Name: "user/vic", Platform: auth.Viewer}
	for _, c := range []struct {
		who          auth.Principal
		verb         auth.Verb
		kind         object.Kind
		title, needs string
	}{
		{ann, auth.Update, object.Kind{Name: "Quota", Scope: object.ScopePlatform}, "user/ann may not create or change a Quota", "it needs platform-member"},
		{ann, auth.Delete, object.Kind{Name: "User", Scope: object.ScopePlatform}, "user/ann may not delete a User", "it needs platform-member"},
		{guest, auth.Update, object.Kind{Name: "Exception", Scope: object.ScopeTeam}, "user/vic may not create or change an Exception in any team", "it needs team-member in the team that owns it"},
	} {
		d := auth.Anywhere(c.who, c.verb, c.kind)
		if d.Allowed || d.Problem.Title != c.title || !strings.HasPrefix(d.Problem.Why[0], c.needs) || len(d.Problem.Next) == 0 || d.Problem.Decider == "" ||
			d.Problem.Wanted != string(c.verb)+" "+c.kind.Name {
			t.Errorf("%+v, want %q", d.Problem, c.title)
		}
	}
	if d := auth.Anywhere(ann, auth.Update, object.Kind{Name: "Service", Scope: object.ScopeTeam}); !d.Allowed {
		t.Error(d.Problem)
	}
}

// TestPermissionsPage keeps docs/reference/permissions.md in step; -update writes it.
func TestPermissionsPage(t *testing.T) {
	page := permissionsPage()
	path := filepath.Join("..", "..", "docs", "reference", "permissions.md")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, page) {
		t.Errorf("%s is out of date: go test ./internal/auth -run PermissionsPage -update", path)
	}
}

func permissionsPage() []byte {
	var b bytes.Buffer
	b.WriteString(`# Permissions

<!-- generated: go test ./internal/auth -run PermissionsPage -update -->

Every change and every read of Stoa asks one table. It names the least role that may do a thing; a greater role may
do all that a lesser one may. From the greatest to the least:

| role | held | may |
|---|---|---|
| platform-admin | on the platform | everything, also accounts, tokens of others, erasure and backup |
| platform-member | on the platform | write every object, read every log and the whole ledger |
| team-owner | in a team | what a member may, and the team itself, its members and settings |
| team-member | in a team | write the team's services, releases and secrets; read their logs; post and audit the team's events |
| viewer | everyone who can sign in | read every object |

A team role counts for what that team owns. What no team owns is the platform's to change.

| verb | objects of a team | settings of a team | objects of the platform |
|---|---|---|---|
`)
	for _, verb := range auth.Verbs() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", verb, auth.Least(verb, object.ScopeTeam),
			auth.Least(verb, object.ScopeOwners), auth.Least(verb, object.ScopePlatform))
	}
	b.WriteString(`
## Scopes of a token

A token may be narrowed to scopes, to teams, or both. It never gives more than the roles of who it belongs to. A
token without scopes may do all that they may; a narrowed one cannot make tokens or sign in to the portal.

`)
	scopes := auth.ScopeNames()
	b.WriteString("| verb | " + strings.Join(scopes, " | ") + " |\n|---" + strings.Repeat("|---", len(scopes)) + "|\n")
	for _, verb := range auth.Verbs() {
		fmt.Fprintf(&b, "| %s", verb)
		for _, scope := range scopes {
			b.WriteString(" | " + scopeCell(scope, verb))
		}
		b.WriteString(" |\n")
	}
	return b.Bytes()
}

func scopeCell(scope string, verb auth.Verb) string {
	admin := auth.Principal{Name: "user/a", Platform: auth.PlatformAdmin, Scopes: []string{scope}}
	team := auth.Allowed(admin, verb, object.Kind{Scope: object.ScopeTeam}, "own").Allowed
	platform := auth.Allowed(admin, verb, object.Kind{Scope: object.ScopePlatform}, "own").Allowed
	switch {
	case team && platform:
		return "yes"
	case team:
		return "objects of a team"
	}
	return ""
}
