package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// What is told of access to a team. A team's way onto the platform begins with
// the request: a measure that starts at the grant would hide the wait.
const (
	TypeAccessAsked   = "dev.stoa.access.asked"
	TypeAccessGranted = "dev.stoa.access.granted"
	TypeAccessRevoked = "dev.stoa.access.revoked"
)

// Access lets people ask for access to a team.
type Access struct {
	Store *store.Store
	Clock func() time.Time
}

// askEvery is how long a request stands before it can be made again.
const askEvery = 24 * time.Hour

// Ask records that the principal wants to join the team and why. It returns
// problem.NotFound for a team that there is not, and problem.Conflict for
// somebody who is a member already.
func (a Access) Ask(ctx context.Context, by auth.Principal, team, reason string) error {
	t, err := object.Get[Team](ctx, a.Store, team)
	if err != nil {
		return err
	}
	if err := auth.Allowed(by, auth.Read, object.Kind{Scope: object.ScopeOwners}, "").Err(); err != nil {
		return err
	}
	asked, err := a.Store.Events(ctx, event.Filter{Types: []string{TypeAccessAsked}, Team: team, Actor: by.Name, Newest: true, Limit: 1})
	if err != nil {
		return err
	}
	if len(asked) > 0 && asked[0].Time.After(a.Clock().Add(-askEvery)) {
		return problem.New(problem.Conflict, "you asked to join team %s already, on %s", team, asked[0].Time.UTC().Format("2006-01-02 15:04 MST")).
			Do("ask its owners: stoa describe team " + team)
	}
	if role, member := by.Teams[team]; member {
		return problem.New(problem.Conflict, "you are in team %s already, as %s", team, role)
	}
	data, err := json.Marshal(map[string]string{"principal": by.Name, "reason": reason})
	if err != nil {
		return fmt.Errorf("encode request for access: %w", err)
	}
	return a.Store.Write(ctx, by.Name, func(_ context.Context, tx *store.Tx) error {
		tx.Append(event.Event{
			Source: "/stoa/catalog", Type: TypeAccessAsked, Subject: t.Ref().String(), Time: tx.Now(),
			Actor: by.Name, Team: team, Names: []string{by.Name}, Data: data,
		})
		return nil
	})
}

// TeamRule tells who got access to a team and who lost it, and keeps a team as long
// as it owns an object of the catalog or of one of the other kinds.
func TeamRule(others ...object.Kind) admission.Rule {
	guard := func(ctx context.Context, r object.Reader, c *admission.Change, d *admission.Draft) error {
		return guardTeam(ctx, r, c, d, slices.Concat(Kinds(), others))
	}
	return admission.Rule{Kind: "Team", Admit: guard, Plan: func(_ context.Context, c *admission.Change, d *admission.Draft, stored object.Object) (admission.Plan, error) {
		var before, after Team
		if d.Old != nil && !decode(*d.Old, &before) || !d.Delete && !decode(stored, &after) {
			return admission.Plan{}, fmt.Errorf("decode %s", stored.Ref())
		}
		were := slices.Concat(before.Spec.Owners, before.Spec.Members)
		are := slices.Concat(after.Spec.Owners, after.Spec.Members)
		var plan admission.Plan
		if d.Delete {
			plan.Also = func(ctx context.Context, tx *store.Tx) error { return guardMachines(ctx, tx, d.Want.Metadata.Name) }
		}
		for _, change := range []struct {
			kind     string
			in, from []string
		}{{TypeAccessGranted, are, were}, {TypeAccessRevoked, were, are}} {
			var names []string
			for _, name := range change.in {
				if !slices.Contains(change.from, name) {
					names = append(names, "user/"+name)
				}
			}
			if len(names) == 0 {
				continue
			}
			data, err := json.Marshal(map[string]any{"principals": names})
			if err != nil {
				return plan, fmt.Errorf("encode access to %s: %w", stored.Ref(), err)
			}
			var extensions map[string]string
			if brought(stored) {
				extensions = map[string]string{ExtBrought: "true"}
			}
			plan.Events = append(plan.Events, event.Event{
				Source: "/stoa/catalog", Type: change.kind, Subject: stored.Ref().String(),
				Actor: c.By.Name, Team: stored.Metadata.Name, Names: names, Extensions: extensions, Data: data,
			})
		}
		return plan, nil
	}}
}

// ExtBrought is the extension of a grant that came with a team's description from
// elsewhere: "true", since nobody set out onto the platform by it.
const ExtBrought = "brought"

// Labels of teams whose description came from another catalog, or from a simulation.
const (
	LabelImported  = "stoa.dev/imported-from"
	LabelSimulated = "stoa.dev/simulated"
)

// brought reports whether a team is described here because it is elsewhere: its
// members did not set out onto the platform by it.
func brought(team object.Object) bool {
	_, imported := team.Metadata.Labels[LabelImported]
	_, simulated := team.Metadata.Labels[LabelSimulated]
	return imported || simulated
}

// guardTeam keeps a team as long as it answers for something.
func guardTeam(ctx context.Context, r object.Reader, c *admission.Change, d *admission.Draft, kinds []object.Kind) error {
	if !d.Delete {
		if err := guardPlatform(c, d); err != nil {
			return err
		}
		return guardNames(ctx, r, c, d)
	}
	name := d.Want.Metadata.Name
	for _, kind := range kinds {
		if kind.Scope != object.ScopeTeam {
			continue
		}
		owned, err := r.List(ctx, object.Query{Kind: kind.Name, Owner: name, Limit: 1})
		if err != nil {
			return err
		}
		if len(owned.Items) > 0 {
			return problem.New(problem.Conflict, "team %s still owns %s, such as %s", name, kind.Plural, owned.Items[0].Name).
				Do("stoa get "+kind.Plural+" --owner "+name+"    lists them", "give each to another team, or delete it, first").ExplainedAt(teamsPage)
		}
	}
	return nil
}

// guardMachines keeps a team as long as machines act for it: their tokens would go
// on letting them in, and whoever made a team of that name later would find
// strangers in it.
func guardMachines(ctx context.Context, tx *store.Tx, team string) error {
	tokens, err := tx.TeamTokens(ctx, team)
	if err != nil || len(tokens) == 0 {
		return err
	}
	told := problem.New(problem.Conflict, "team %s still has tokens of machines, such as %s (%s)", team, tokens[0].Name, tokens[0].ID).
		Because("who holds one would go on acting for the team, also for one that is made under its name later").ExplainedAt(teamsPage)
	for _, t := range tokens {
		told.Do("stoa token revoke " + t.ID + "    ends " + t.Name)
	}
	return told
}

// teamsPage says what a team is, and what follows from being in one.
const teamsPage = "/docs/teams"

// guardPlatform lets only the platform team say which teams are of it: they are
// left out of numbers.
func guardPlatform(c *admission.Change, d *admission.Draft) error {
	var before, after Team
	if d.Old != nil && !decode(*d.Old, &before) || !decode(d.Want, &after) || before.Spec.Platform == after.Spec.Platform {
		return nil
	}
	return auth.Allowed(c.By, auth.Update, object.Kind{Name: d.Kind.Name, Scope: object.ScopePlatform}, "").Err()
}

// guardNames keeps what is known under a name with one team: a name that a team
// had before is neither that of another team now nor another one's former name.
func guardNames(ctx context.Context, r object.Reader, c *admission.Change, d *admission.Draft) error {
	var before, after Team
	if d.Old != nil && !decode(*d.Old, &before) || !decode(d.Want, &after) {
		return nil // the schema says what is wrong
	}
	name := d.Want.Metadata.Name
	var wrong []problem.Field
	for i, old := range after.Spec.Formerly {
		if slices.Contains(before.Spec.Formerly, old) || !object.ValidName(old) {
			continue
		}
		path := fmt.Sprintf("spec.formerly[%d]", i)
		there, err := c.Exists(ctx, r, object.Ref{Kind: "Team", Name: old})
		if err != nil {
			return err
		}
		if there && old != name {
			wrong = append(wrong, problem.Field{Path: path, Message: fmt.Sprintf("there is a team %s: give its services away and delete it first", old)})
		}
		other, err := formerly(ctx, r, c, old, name)
		if err != nil {
			return err
		}
		if other != "" {
			wrong = append(wrong, problem.Field{Path: path, Message: fmt.Sprintf("%s is a former name of team %s already", old, other)})
		}
	}
	if d.Old == nil {
		other, err := formerly(ctx, r, c, name, name)
		if err != nil {
			return err
		}
		if other != "" {
			wrong = append(wrong, problem.Field{Path: "metadata.name", Message: fmt.Sprintf("%s is a former name of team %s, whose numbers it would take", name, other)})
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return problem.New(problem.Invalid, "team %s cannot have such names", name).WithFields(wrong...).ExplainedAt(teamsPage)
}

// formerly names another team than but whose former name it will be, or "".
func formerly(ctx context.Context, r object.Reader, c *admission.Change, name, but string) (string, error) {
	for _, d := range c.Drafts {
		var t Team
		if d.Kind.Name == "Team" && !d.Delete && d.Want.Metadata.Name != but && decode(d.Want, &t) && slices.Contains(t.Spec.Formerly, name) {
			return d.Want.Metadata.Name, nil
		}
	}
	found, err := object.All[Team](ctx, r, object.Query{Fields: map[string]string{"spec.formerly": name}})
	if err != nil {
		return "", err
	}
	for _, t := range found {
		if t.Metadata.Name != but && c.Find(t.Ref()) == nil {
			return t.Metadata.Name, nil
		}
	}
	return "", nil
}

// UserRule keeps the roles over the platform in the hands of its admins: who
// may edit users must not be able to make themselves more than they are.
func UserRule() admission.Rule {
	return admission.Rule{Kind: "User", Plan: keepAdmin, Admit: func(ctx context.Context, r object.Reader, c *admission.Change, d *admission.Draft) error {
		if err := guardMember(ctx, r, c, d); err != nil {
			return err
		}
		var before, after User
		if d.Old != nil && !decode(*d.Old, &before) || !d.Delete && !decode(d.Want, &after) {
			return nil // the schema says what is wrong
		}
		if role(before) == role(after) {
			return nil
		}
		if err := auth.Allowed(c.By, auth.Manage, d.Kind, "").Err(); err != nil {
			told := problem.New(problem.Forbidden, "%s may not give the role %s to %s", c.By.Name, role(after), d.Want.Metadata.Name).
				Because("roles over the platform are given by its admins").Do("ask a platform admin: stoa get users --field spec.role=platform-admin")
			told.Decider = "@platform"
			return told.Cause(err)
		}
		return nil
	}}
}

// keepAdmin refuses to take the role of an admin from the last who has it.
func keepAdmin(_ context.Context, _ *admission.Change, d *admission.Draft, stored object.Object) (admission.Plan, error) {
	var before, after User
	if d.Old != nil && !decode(*d.Old, &before) || !d.Delete && !decode(stored, &after) {
		return admission.Plan{}, fmt.Errorf("decode %s", stored.Ref())
	}
	if role(before) != auth.PlatformAdmin || role(after) == auth.PlatformAdmin {
		return admission.Plan{}, nil
	}
	return admission.Plan{Also: func(ctx context.Context, tx *store.Tx) error {
		admins, err := Members{}.Admins(ctx, tx)
		if err != nil {
			return err
		}
		return auth.AdminLeft(ctx, tx, admins)
	}}, nil
}

func role(u User) auth.Role {
	if u.Spec.Role == "" {
		return auth.Viewer
	}
	return auth.Role(u.Spec.Role)
}

// guardMember keeps a user as long as a team names them, so that the team can
// still be changed. Teams that drop them in the same change do not count.
func guardMember(ctx context.Context, r object.Reader, c *admission.Change, d *admission.Draft) error {
	if !d.Delete {
		return nil
	}
	name := d.Want.Metadata.Name
	for _, field := range []string{"spec.owners", "spec.members"} {
		teams, err := object.All[Team](ctx, r, object.Query{Fields: map[string]string{field: name}})
		if err != nil {
			return err
		}
		for _, t := range teams {
			var after Team
			if changed := c.Find(t.Ref()); changed != nil && decode(changed.Want, &after) &&
				!slices.Contains(slices.Concat(after.Spec.Owners, after.Spec.Members), name) {
				continue
			}
			return problem.New(problem.Conflict, "%s is still in team %s", name, t.Metadata.Name).
				Do("take them out of the team first: stoa get team "+t.Metadata.Name+" -o yaml", "stoa person erase "+name+"    does all of it").ExplainedAt(teamsPage)
		}
	}
	return nil
}

// EnvironmentRule keeps an environment as long as a service runs in it.
func EnvironmentRule() admission.Rule {
	return admission.Rule{Kind: "Environment", Admit: func(ctx context.Context, r object.Reader, _ *admission.Change, d *admission.Draft) error {
		if !d.Delete {
			return nil
		}
		name := d.Want.Metadata.Name
		services, err := object.All[Service](ctx, r, object.Query{Limit: 1000})
		if err != nil {
			return err
		}
		for _, s := range services {
			if _, in := s.Spec.Environments[name]; in {
				return problem.New(problem.Conflict, "service %s is still in environment %s", s.Metadata.Name, name).
					Do("stoa down " + s.Metadata.Name + " --env " + name + "    stops it; then take the environment out of its spec")
			}
		}
		return nil
	}}
}
