package catalog

import (
	"fmt"
	"net/url"

	"github.com/stoa-platform/stoa/internal/object"
)

// SystemSpec is a number of services and APIs that serve one purpose together.
// A service may name a system that no object describes yet: what a System adds
// is who answers for it and where it belongs.
type SystemSpec struct {
	// Domain is the field of business that it belongs to, such as "payments".
	Domain string `json:"domain,omitempty" jsonschema:"maxLength=63"`
	// OwnerSource says from where the owner was inferred, as of a service.
	OwnerSource string `json:"ownerSource,omitempty"`
}

// Kind names the kind.
func (SystemSpec) Kind() string { return "System" }

// System is a number of services that serve one purpose together.
type System = object.Typed[SystemSpec, struct{}]

// The lifecycles of services and APIs.
const (
	LifecycleExperimental = "experimental" // may change or go without notice
	LifecycleProduction   = "production"   // is kept up, and others may build on it
	LifecycleDeprecated   = "deprecated"   // will go; nothing new shall build on it
)

// MaxDefinition bounds the text of an API's definition, in bytes.
const MaxDefinition = 512 << 10

// APISpec is what a service offers to other services.
type APISpec struct {
	// Type is the language of the definition.
	Type      string `json:"type,omitempty" jsonschema:"enum=openapi,enum=asyncapi,enum=graphql,enum=grpc"`
	Lifecycle string `json:"lifecycle,omitempty" jsonschema:"enum=experimental,enum=production,enum=deprecated"`
	// System names the system that it is a part of.
	System string `json:"system,omitempty"`
	// Provider names the service that answers it.
	Provider string `json:"provider,omitempty"`
	// Consumers names the services that say that they call it.
	Consumers []string `json:"consumers,omitempty"`
	// Definition is the contract itself, DefinitionURL where it can be read; at
	// most one of them is given.
	Definition    string `json:"definition,omitempty"`
	DefinitionURL string `json:"definitionURL,omitempty"`
	// OwnerSource says from where the owner was inferred, as of a service.
	OwnerSource string `json:"ownerSource,omitempty"`
}

// Kind names the kind.
func (APISpec) Kind() string { return "API" }

// API is what a service offers to other services.
type API = object.Typed[APISpec, struct{}]

// EntitySpec is what another catalog holds and Stoa has no kind for, such as a
// domain or a database of Backstage. Its own text is kept in an annotation.
type EntitySpec struct {
	// Format is the catalog that it comes from.
	Format string `json:"format" jsonschema:"required,enum=backstage"`
	// Type is its kind in that catalog, such as "Domain".
	Type string `json:"type" jsonschema:"required,maxLength=63"`
}

// Kind names the kind.
func (EntitySpec) Kind() string { return "Entity" }

// Entity is what another catalog holds and Stoa has no kind for.
type Entity = object.Typed[EntitySpec, struct{}]

func validateAPI(o object.Object) []object.Issue {
	var a API
	if !decode(o, &a) {
		return nil
	}
	var issues []object.Issue
	add := func(path, format string, args ...any) {
		issues = append(issues, object.Issue{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if n := len(a.Spec.Definition); n > MaxDefinition {
		add("spec.definition", "has %d KiB, the limit is %d: give the address where it can be read as definitionURL", (n+1023)>>10, MaxDefinition>>10)
	}
	if at := a.Spec.DefinitionURL; at != "" {
		if u, err := url.Parse(at); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			add("spec.definitionURL", "is not an address: write https://…")
		}
		if a.Spec.Definition != "" {
			add("spec.definitionURL", "the definition is given as text already; give one of the two")
		}
	}
	seen := map[string]bool{}
	for _, name := range a.Spec.Consumers {
		if seen[name] {
			add("spec.consumers", "%s is listed twice", name)
		}
		seen[name] = true
	}
	return issues
}

func apiReferences(o object.Object) []object.Reference {
	var a API
	if !decode(o, &a) {
		return nil
	}
	var refs []object.Reference
	if a.Spec.Provider != "" {
		refs = append(refs, object.Reference{Path: "spec.provider", Ref: object.Ref{Kind: "Service", Name: a.Spec.Provider}})
	}
	for _, name := range a.Spec.Consumers {
		refs = append(refs, object.Reference{Path: "spec.consumers", Ref: object.Ref{Kind: "Service", Name: name}})
	}
	return refs
}
