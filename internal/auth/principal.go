// Package auth says who is asking and what they may do: principals and their
// roles, local accounts, API tokens, browser sessions, and the one table of
// permissions that admission asks.
package auth

import "time"

// Role is what a principal may do, over the whole platform or in one team.
type Role string

// The roles, from the most to the least powerful.
const (
	PlatformAdmin  Role = "platform-admin"  // everything, also accounts and erasure
	PlatformMember Role = "platform-member" // every object; not accounts, not erasure
	TeamOwner      Role = "team-owner"      // the team's objects, members and settings
	TeamMember     Role = "team-member"     // the team's services, releases and secrets
	Viewer         Role = "viewer"          // reads
)

// Principal is an authenticated person, machine or part of Stoa.
//
// The Service shares the maps and slices of one Principal between requests:
// treat them as read-only.
type Principal struct {
	// Name is "user/ann", "token/ci-7f3a" or "stoa/delivery".
	Name string `json:"name"`
	// Display is for people.
	Display string `json:"display,omitempty"`
	// Platform is the role over the whole platform: PlatformAdmin,
	// PlatformMember or Viewer (what everyone has who can sign in).
	Platform Role `json:"platform"`
	// Teams maps team name to TeamOwner or TeamMember.
	Teams map[string]Role `json:"teams,omitempty"`
	// Scopes narrow a token: names of scopes such as "read", "deploy", "events"
	// (see ScopeNames). Empty is no narrowing.
	Scopes []string `json:"scopes,omitempty"`
	// Bot says that no person is behind it; bots are left out of people counts.
	Bot bool `json:"bot,omitempty"`

	// Token is the id of the API token by which the principal came, "" for a
	// browser session and for the parts of Stoa.
	Token string `json:"token,omitempty"`
	// Narrowed says that the token may do less than who it belongs to, by its
	// Scopes or because it was bound to some teams (Teams and Platform hold what
	// is left). A narrowed principal cannot make tokens.
	Narrowed bool `json:"narrowed,omitempty"`
	// Expires is when the token or session ends; zero is never.
	Expires time.Time `json:"expires,omitzero"`
}

// Using names the team whose use it is when the principal does something with
// what team owns: that team if they are of it, else the only team they are of.
// It is "" for somebody of several other teams or of none: a look by a stranger,
// an admin above all, is no adoption by the team that is looked at.
func (p Principal) Using(team string) string {
	if _, member := p.Teams[team]; member {
		return team
	}
	if len(p.Teams) == 1 {
		for only := range p.Teams {
			return only
		}
	}
	return ""
}

// streamFor bounds a stream: who opens it anew is asked again who they are, so that
// no stream outlives a token, a session or a role for long.
const streamFor = 10 * time.Minute

// StreamEnd says when a stream that p opens now has to end: in ten minutes, or when
// the token or session ends, whichever is first.
func (p Principal) StreamEnd(now time.Time) time.Time { return earliest(now.Add(streamFor), p.Expires) }

// Verb is what a principal wants to do with an object.
type Verb string

// The verbs of the one permission table.
const (
	Read   Verb = "read"
	Create Verb = "create"
	Update Verb = "update"
	Delete Verb = "delete"
	Logs   Verb = "logs"   // read a service's log lines
	Post   Verb = "post"   // append events from outside
	Audit  Verb = "audit"  // read and export the ledger
	Manage Verb = "manage" // accounts, tokens of others, erasure, backup
)

// Verbs returns every verb, in the order of the permission table.
func Verbs() []Verb { return []Verb{Read, Create, Update, Delete, Logs, Post, Audit, Manage} }
