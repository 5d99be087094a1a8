package auth

import "github.com/stoa-platform/stoa/internal/object"

// Names of the scopes that narrow a token. A scope never gives more than the
// roles of who the token belongs to.
const (
	ScopeRead   = "read"   // read objects and log lines
	ScopeDeploy = "deploy" // read, and create or update what teams deploy; nothing is deleted, no setting of a team changed
	ScopeWrite  = "write"  // read, and create, update, delete every object
	ScopeEvents = "events" // append events from outside, and nothing else
	ScopeAudit  = "audit"  // read objects, read and export the ledger
)

// ScopeNames lists every scope.
func ScopeNames() []string {
	return []string{ScopeRead, ScopeDeploy, ScopeWrite, ScopeEvents, ScopeAudit}
}

// scopeCovers says whether a token with the scope may do verb to objects of
// that kind's scope. Manage is in none: it needs a token that is not narrowed.
func scopeCovers(scope string, verb Verb, of object.Scope) bool {
	switch scope {
	case ScopeRead:
		return verb == Read || verb == Logs
	case ScopeDeploy:
		return verb == Read || verb == Logs ||
			(verb == Create || verb == Update) && of == object.ScopeTeam
	case ScopeWrite:
		return verb == Read || verb == Logs || verb == Create || verb == Update || verb == Delete
	case ScopeEvents:
		return verb == Post
	case ScopeAudit:
		return verb == Read || verb == Audit
	}
	return false
}

func scopesAllow(scopes []string, verb Verb, of object.Scope) bool {
	if len(scopes) == 0 {
		return true
	}
	for _, s := range scopes {
		if scopeCovers(s, verb, of) {
			return true
		}
	}
	return false
}

// scopesFor lists the scopes that cover verb, for a refusal.
func scopesFor(verb Verb, of object.Scope) []string {
	var names []string
	for _, s := range ScopeNames() {
		if scopeCovers(s, verb, of) {
			names = append(names, s)
		}
	}
	if len(names) == 0 {
		return []string{"no scope (a token that is not narrowed)"}
	}
	return names
}
