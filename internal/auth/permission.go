package auth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Decision is the answer of the permission table.
type Decision struct {
	Allowed bool
	// Reason says in a word what decided: the role that allowed it ("team-member"),
	// or what is missing ("needs team-owner", "token scopes").
	Reason string
	// Problem is what to tell who was refused: of kind Forbidden, with the role
	// that is needed and who can give it. Nil when Allowed.
	Problem *problem.Problem
}

// Err returns the problem as an error, nil when allowed.
func (d Decision) Err() error {
	if d.Allowed {
		return nil
	}
	return d.Problem
}

// Least returns the least role that may do verb to an object of the scope.
// This is the whole permission table: a team role means the role in the team
// that owns the object, and a greater role may do all that a lesser one may.
func Least(verb Verb, scope object.Scope) Role {
	switch verb {
	case Read:
		return Viewer
	case Logs, Post, Audit:
		// Log lines and the ledger hold what other teams need not see, and
		// posting an event is testimony about the team: membership decides,
		// not ownership.
		if scope == object.ScopePlatform {
			return PlatformMember
		}
		return TeamMember
	case Create, Update, Delete:
		switch scope {
		case object.ScopeTeam:
			return TeamMember
		case object.ScopeOwners:
			return TeamOwner
		default:
			return PlatformMember
		}
	default: // Manage, and whatever is not known
		return PlatformAdmin
	}
}

// Allowed decides whether p may do verb to an object of kind that the team
// owner owns. An empty owner is nobody's team: what a team role would allow
// then needs PlatformMember. For verbs that are not about one kind (Post,
// Audit, Manage) kind is the zero Kind.
//
// A write that changes the owner needs two decisions: one for the old owner,
// one for the new.
func Allowed(p Principal, verb Verb, kind object.Kind, owner string) Decision {
	decision := decide(p, verb, kind, owner)
	if decision.Problem != nil {
		decision.Problem.Wanted = strings.TrimSpace(string(verb) + " " + kind.Name)
	}
	return decision
}

func decide(p Principal, verb Verb, kind object.Kind, owner string) Decision {
	if p.Name == "" || !known(p.Platform) {
		refused := problem.New(problem.Forbidden, "%s may not %s", who(p), what(verb, kind, owner)).
			Because("it has no role on this platform").
			Do("ask @platform for an account, then: stoa login")
		refused.Decider = "@platform"
		return Decision{Reason: "no role", Problem: refused}
	}
	if !scopesAllow(p.Scopes, verb, kind.Scope) {
		return Decision{Reason: "token scopes", Problem: scopeProblem(p, verb, kind, owner)}
	}
	least := Least(verb, kind.Scope)
	if rank(p.Platform) >= rank(least) {
		return Decision{Allowed: true, Reason: string(p.Platform)}
	}
	if role := p.Teams[owner]; owner != "" && isTeamRole(role) && rank(role) >= rank(least) {
		return Decision{Allowed: true, Reason: string(role)}
	}
	return Decision{Reason: "needs " + string(least), Problem: roleProblem(p, verb, kind, owner, least)}
}

// Anywhere decides whether p may do verb to objects of kind in any team at all.
// It is asked before it is known whose the object is, never instead of Allowed.
func Anywhere(p Principal, verb Verb, kind object.Kind) Decision {
	decision, least := Allowed(p, verb, kind, ""), Least(verb, kind.Scope)
	if decision.Reason != "needs "+string(least) || !isTeamRole(least) {
		return decision // allowed, or refused for what no team can give
	}
	for team := range p.Teams {
		if there := Allowed(p, verb, kind, team); there.Allowed {
			return there
		}
	}
	told := problem.New(problem.Forbidden, "%s may not %s in any team", who(p), what(verb, kind, "")).
		Because(fmt.Sprintf("it needs %s in the team that owns it; %s", least, standing(p, ""))).
		Do("ask an owner of that team to do it or to add "+p.Name, "stoa get teams   shows who owns them").ExplainedAt(permissionsPage)
	told.Decider, told.Wanted = "an owner of the team", decision.Problem.Wanted
	decision.Problem = told
	return decision
}

// roleProblem tells which role is missing and who can give it or act instead.
func roleProblem(p Principal, verb Verb, kind object.Kind, owner string, least Role) *problem.Problem {
	refused := problem.New(problem.Forbidden, "%s may not %s", who(p), what(verb, kind, owner)).ExplainedAt(permissionsPage)
	if !isTeamRole(least) || owner == "" {
		if isTeamRole(least) { // nobody's team: only the platform's people are above it
			refused.Because("no team owns it, so it needs " + string(PlatformMember) + "; " + standing(p, owner))
			if verb == Create || verb == Update {
				refused.Do("name the owning team: metadata.owner")
			} else {
				refused.Do("ask @platform to do it")
			}
		} else {
			refused.Because("it needs " + string(least) + "; " + standing(p, owner)).
				Do("ask @platform to do it or to give the role")
		}
		refused.Decider = "@platform"
		return refused
	}
	refused.Because(fmt.Sprintf("it needs %s in %s; %s", least, owner, standing(p, owner))).
		Do("ask an owner of @"+owner+" to do it or to add "+p.Name,
			"stoa describe team "+owner+"   shows its owners")
	refused.Decider = "@" + owner
	return refused
}

// permissionsPage shows the whole table of who may do what.
const permissionsPage = "/docs/reference/permissions"

func scopeProblem(p Principal, verb Verb, kind object.Kind, owner string) *problem.Problem {
	refused := problem.New(problem.Forbidden, "this token of %s may not %s", who(p), what(verb, kind, owner)).
		Because(fmt.Sprintf("its scopes are %s; this needs one of %s",
			strings.Join(p.Scopes, ", "), strings.Join(scopesFor(verb, kind.Scope), ", "))).
		Do("use a token with that scope, or sign in: stoa login").ExplainedAt(permissionsPage)
	refused.Decider = p.Name
	return refused
}

// who names the principal in a refusal.
func who(p Principal) string {
	if p.Name == "" {
		return "nobody"
	}
	return p.Name
}

// what says what was wanted: "delete a Service of team payments".
func what(verb Verb, kind object.Kind, owner string) string {
	var s string
	switch {
	case verb == Manage:
		return "manage accounts, tokens of others, erasure and backup"
	case verb == Post:
		s = "post events"
	case verb == Audit:
		s = "read the audit ledger"
	case verb == Logs:
		s = "read the logs"
	case kind.Name == "":
		s = string(verb) + " objects"
	case verb == Create || verb == Update: // which of them, is not always known yet
		s = "create or change " + article(kind.Name)
	default:
		s = string(verb) + " " + article(kind.Name)
	}
	if owner != "" {
		return s + " of team " + owner
	}
	return s
}

func article(noun string) string {
	if strings.ContainsRune("AEIO", rune(noun[0])) { // and a User
		return "an " + noun
	}
	return "a " + noun
}

// standing says what the principal is: "user/ann is team-member in search, viewer elsewhere".
func standing(p Principal, owner string) string {
	if role := p.Teams[owner]; owner != "" && isTeamRole(role) {
		return fmt.Sprintf("%s is %s there", p.Name, role)
	}
	if len(p.Teams) == 0 {
		return fmt.Sprintf("%s is %s", p.Name, p.Platform)
	}
	teams := make([]string, 0, len(p.Teams))
	for team, role := range p.Teams {
		teams = append(teams, string(role)+" in "+team)
	}
	slices.Sort(teams)
	if more := len(teams) - 3; more > 0 {
		teams = append(teams[:3], fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("%s is %s, %s elsewhere", p.Name, strings.Join(teams, ", "), p.Platform)
}

// rank orders the roles; an unknown role is below every one.
func rank(r Role) int {
	switch r {
	case PlatformAdmin:
		return 5
	case PlatformMember:
		return 4
	case TeamOwner:
		return 3
	case TeamMember:
		return 2
	case Viewer:
		return 1
	}
	return 0
}

func isTeamRole(r Role) bool { return r == TeamOwner || r == TeamMember }

// known says whether r can be a role over the platform.
func known(r Role) bool { return r == PlatformAdmin || r == PlatformMember || r == Viewer }
