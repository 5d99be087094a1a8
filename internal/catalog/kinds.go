package catalog

import "github.com/stoa-platform/stoa/internal/object"

// Kinds are the kinds that the catalog owns.
func Kinds() []object.Kind {
	return []object.Kind{
		{
			Name: "Team", Plural: "teams", About: "A team of people that owns services.",
			Spec: TeamSpec{}, Scope: object.ScopeOwners, Fields: []string{"spec.owners", "spec.members", "spec.formerly"},
			Persons: []string{"spec.owners", "spec.members"}, OwnsItself: true,
			Validate: validateTeam, References: teamReferences,
		},
		{
			Name: "User", Plural: "users", About: "A person or a machine with an account.",
			Spec: UserSpec{}, Scope: object.ScopePlatform, Fields: []string{"spec.role"},
		},
		{
			Name: "Service", Plural: "services", Short: "svc", About: "A piece of software that a team answers for.",
			Spec: ServiceSpec{}, Owned: true, Scope: object.ScopeTeam, Fields: []string{"spec.type", "spec.language", "spec.system", "spec.lifecycle", "status.active"},
			Validate: validateService, References: serviceReferences,
		},
		{
			Name: "Environment", Plural: "environments", Short: "env", About: "A place where services run, such as dev or production.",
			Spec: EnvironmentSpec{}, Scope: object.ScopePlatform,
		},
		{
			Name: "Capability", Plural: "capabilities", Short: "cap", About: "Something that the platform, or a team, offers to others.",
			Spec: CapabilitySpec{}, Scope: object.ScopePlatform, Fields: []string{"spec.lifecycle"},
			Validate: validateCapability(UseConditions()),
		},
		{
			Name: "System", Plural: "systems", About: "A number of services and APIs that serve one purpose together.",
			Spec: SystemSpec{}, Owned: true, Scope: object.ScopeTeam, Fields: []string{"spec.domain"},
		},
		{
			Name: "API", Plural: "apis", About: "What a service offers to other services.",
			Spec: APISpec{}, Owned: true, Scope: object.ScopeTeam,
			Fields:   []string{"spec.type", "spec.lifecycle", "spec.system", "spec.provider", "spec.consumers"},
			Validate: validateAPI, References: apiReferences,
		},
		{
			Name: "Entity", Plural: "entities", About: "What another catalog holds and Stoa has no kind for.",
			Spec: EntitySpec{}, Scope: object.ScopeTeam, Fields: []string{"spec.format", "spec.type"},
		},
	}
}
