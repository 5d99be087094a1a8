// Package auth says who is asking and what they may do: principals and their
// roles, local accounts, API tokens, browser sessions, and the one table of
// permissions that admission asks.
package auth

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
	// Scopes narrow a token: verbs such as "read", "deploy", "events". Empty is no narrowing.
	Scopes []string `json:"scopes,omitempty"`
	// Bot says that no person is behind it; bots are left out of people counts.
	Bot bool `json:"bot,omitempty"`
}

// Verb is what a principal wants to do with an object.
type Verb string

// The verbs of the one permission table.
const (
	Read   Verb = "read"
	Create Verb = "create"
	Update Verb = "update"
	Delete Verb = "delete"
	Logs   Verb = "logs"  // read a service's log lines
	Post   Verb = "post"  // append events from outside
	Audit  Verb = "audit" // read and export the ledger
	Manage Verb = "manage" // accounts, tokens of others, erasure, backup
)
