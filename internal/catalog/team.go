// Package catalog knows what exists on the platform and whose it is: teams,
// people, services, systems, APIs and environments.
package catalog

import (
	"fmt"
	"slices"

	"github.com/stoa-platform/stoa/internal/object"
)

// TeamSpec is a team: the owner of everything that is owned.
type TeamSpec struct {
	// Owners may change the team and all that it owns.
	Owners []string `json:"owners,omitempty" jsonschema:"description=names of the users who may change the team"`
	// Members may release the team's services and see to its secrets.
	Members []string `json:"members,omitempty" jsonschema:"description=names of the users who work in the team"`
	// Contact is where the team can be asked, such as a chat channel.
	Contact string `json:"contact,omitempty"`
	// Formerly are the names that the team had before, or of teams that became part
	// of it: what is known of them is this team's.
	Formerly []string `json:"formerly,omitempty" jsonschema:"maxItems=50"`
	// Platform marks the team that runs the platform; numbers leave it out unless
	// they are asked of it by name.
	Platform bool `json:"platform,omitempty"`
}

// Kind names the kind.
func (TeamSpec) Kind() string { return "Team" }

// Team is a team of people.
type Team = object.Typed[TeamSpec, struct{}]

// UserSpec is a person who can sign in.
type UserSpec struct {
	Email string `json:"email,omitempty"`
	// Role is the person's role over the whole platform; everyone may read.
	Role string `json:"role,omitempty" jsonschema:"enum=platform-admin,enum=platform-member,enum=viewer"`
	// Bot says that no person is behind the account.
	Bot bool `json:"bot,omitempty"`
}

// Kind names the kind.
func (UserSpec) Kind() string { return "User" }

// User is a person or a machine with an account.
type User = object.Typed[UserSpec, struct{}]

// EnvironmentSpec is a place where services run.
type EnvironmentSpec struct {
	// Production marks the environment whose deployments count for delivery measures.
	Production bool `json:"production,omitempty"`
	// Order sorts environments from the first a release reaches to the last.
	Order int `json:"order,omitempty" jsonschema:"minimum=0,maximum=1000"`
}

// Kind names the kind.
func (EnvironmentSpec) Kind() string { return "Environment" }

// Environment is a place where services run, such as dev or production.
type Environment = object.Typed[EnvironmentSpec, struct{}]

func validateTeam(o object.Object) []object.Issue {
	var t Team
	if !decode(o, &t) {
		return nil
	}
	var issues []object.Issue
	for _, name := range t.Spec.Members {
		if slices.Contains(t.Spec.Owners, name) {
			issues = append(issues, object.Issue{Path: "spec.members", Message: name + " is listed as an owner already; owners are members too"})
		}
	}
	for i, name := range t.Spec.Formerly {
		switch path := fmt.Sprintf("spec.formerly[%d]", i); {
		case !object.ValidName(name):
			issues = append(issues, object.Issue{Path: path, Message: fmt.Sprintf("%q cannot have been the name of a team", name)})
		case name == o.Metadata.Name:
			issues = append(issues, object.Issue{Path: path, Message: name + " is its present name"})
		case slices.Contains(t.Spec.Formerly[:i], name):
			issues = append(issues, object.Issue{Path: path, Message: name + " is listed already"})
		}
	}
	return issues
}

func teamReferences(o object.Object) []object.Reference {
	var t Team
	if !decode(o, &t) {
		return nil
	}
	var refs []object.Reference
	for _, name := range t.Spec.Owners {
		refs = append(refs, object.Reference{Path: "spec.owners", Ref: object.Ref{Kind: "User", Name: name}})
	}
	for _, name := range t.Spec.Members {
		refs = append(refs, object.Reference{Path: "spec.members", Ref: object.Ref{Kind: "User", Name: name}})
	}
	return refs
}
