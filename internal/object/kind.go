package object

import (
	"context"
	"strings"
)

// Kind is what a room registers for each kind that it owns.
type Kind struct {
	Name   string // "Service"
	Plural string // "services": the path of the API and the word of the CLI
	Short  string // a short alias for the CLI, such as "svc"; may be ""
	// About says in one sentence what an object of this kind is.
	About string
	// Spec is a zero value of the spec type; its JSON Schema is made from it.
	// A field is required only if its tag says so; fields that the type does not
	// have are refused. Tags of github.com/invopop/jsonschema say the rest:
	//
	//	Port int    `json:"port" jsonschema:"required,minimum=1,maximum=65535"`
	//	Type string `json:"type,omitempty" jsonschema:"enum=backend,enum=worker"`
	//	Size string `json:"size,omitempty" jsonschema:"pattern=^[0-9]+Gi$,example=4Gi"`
	//
	// A comma inside a tag's value is written \\,. A description, which editors
	// and messages show, goes into a jsonschema_description tag of its own.
	Spec Spec
	// Owned says that every object of the kind must have an owning team.
	Owned bool
	// OwnsItself says that each object is its own owner, whatever was said, as a
	// team is.
	OwnsItself bool
	// Scope says who may write it; see the roles of package auth.
	Scope Scope
	// Fields lists the fields that lists may filter by, such as "spec.service".
	// Their values are strings, numbers or booleans, or lists of them: a filter
	// then matches objects whose list has the value.
	Fields []string
	// Persons lists the fields that hold names of people, each a text or a list
	// of texts: where a person who is erased gives way to a pseudonym.
	Persons []string
	// Default fills what was not said and follows from nothing but the object
	// itself. May be nil.
	Default func(o *Object) error
	// Validate checks what the schema cannot say. It returns one Issue for each
	// wrong field. May be nil.
	Validate func(o Object) []Issue
	// References lists the objects that this one names; each must exist. May be nil.
	References func(o Object) []Reference
}

// Scope says whose matter a kind is.
type Scope int

const (
	// ScopeTeam objects belong to a team: its members may write them.
	ScopeTeam Scope = iota
	// ScopeOwners objects belong to a team: only its owners may write them.
	ScopeOwners
	// ScopePlatform objects are the platform team's to write.
	ScopePlatform
)

// Issue is one wrong field that a rule found.
type Issue struct {
	Path    string // dotted, such as "spec.environments.dev.replicas"
	Message string
}

// Reference is a field that names another object.
type Reference struct {
	Path string // the field
	Ref  Ref
}

// Resolver tells whether an object exists; a Reader is turned into one by Exists.
type Resolver func(ctx context.Context, ref Ref) (bool, error)

func lowerKind(kind string) string { return strings.ToLower(kind) }
