// Package governance holds the rules that a change must pass: quotas, policies
// and the exceptions that lift them. Each is a gate of admission; a further
// rule is a further gate, the pipe stays as it is.
package governance

import (
	"fmt"
	"time"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
)

// QuotaSpec limits what a team may run. A limit of 0 is no limit.
type QuotaSpec struct {
	// Team is whom it limits. Empty: every team without a quota of its own.
	Team string `json:"team,omitempty"`
	// Services limits how many services the team may own.
	Services int `json:"services,omitempty" jsonschema:"minimum=0"`
	// Instances limits the replicas of all its services in all environments.
	Instances int `json:"instances,omitempty" jsonschema:"minimum=0"`
	// Memory limits what its instances ask for together, such as "100Gi".
	Memory string `json:"memory,omitempty"`
}

// Kind names the kind.
func (QuotaSpec) Kind() string { return "Quota" }

// Quota limits what a team may run.
type Quota = object.Typed[QuotaSpec, struct{}]

// PolicySpec is a rule in CEL. The expressions see service, release,
// environment, team, detected, principal and now.
type PolicySpec struct {
	// Match selects the releases that the rule is about. Empty: all.
	Match string `json:"match,omitempty"`
	// Require must hold for them.
	Require string `json:"require" jsonschema:"minLength=1"`
	// Outcome is what follows when it does not: "deny" (the default) or "warn".
	Outcome string `json:"outcome,omitempty" jsonschema:"enum=deny,enum=warn"`
	// Message tells the developer what is wrong, in one sentence. SERVICE, ENVIRONMENT
	// and TEAM in it, and in Next, become the names of what is released.
	Message string `json:"message" jsonschema:"minLength=1"`
	// Next are the steps that mend it, one exact command or action each.
	Next []string `json:"next,omitempty"`
	// Docs is the page that explains the rule; without it, the one that explains policies.
	Docs string `json:"docs,omitempty"`
}

// Kind names the kind.
func (PolicySpec) Kind() string { return "Policy" }

// Policy is a rule in CEL.
type Policy = object.Typed[PolicySpec, struct{}]

// ExceptionSpec lifts one gate from one target until a date.
type ExceptionSpec struct {
	// Gate is what is lifted, such as "quota/payments" or "policy/no-node-16".
	Gate string `json:"gate" jsonschema:"pattern=^[a-z]+/[a-z0-9-]+$"`
	// Target is what it is lifted from: "service/shop" or "team/payments".
	Target string `json:"target" jsonschema:"pattern=^(service|team)/[a-z0-9-]+$"`
	// Reason is why, for those who read it later.
	Reason string `json:"reason" jsonschema:"minLength=10"`
	// Approvers are the users who agreed.
	Approvers []string `json:"approvers" jsonschema:"minItems=1"`
	// Sunset is when it ends; at most a year ahead.
	Sunset time.Time `json:"sunset"`
	// Support says what help the platform team gives meanwhile.
	Support string `json:"support,omitempty"`
}

// Kind names the kind.
func (ExceptionSpec) Kind() string { return "Exception" }

// Exception lifts one gate from one target until its sunset.
type Exception = object.Typed[ExceptionSpec, struct{}]

// Kinds are the kinds that governance owns.
func Kinds(policies *Policies) []object.Kind {
	return []object.Kind{
		{
			Name: "Quota", Plural: "quotas", About: "A limit of what a team may run.",
			Spec: QuotaSpec{}, Scope: object.ScopePlatform, Fields: []string{"spec.team"},
			Validate: validateQuota,
			References: func(o object.Object) []object.Reference {
				var q Quota
				if !decode(o, &q) || q.Spec.Team == "" {
					return nil
				}
				return []object.Reference{{Path: "spec.team", Ref: object.Ref{Kind: "Team", Name: q.Spec.Team}}}
			},
		},
		{
			Name: "Policy", Plural: "policies", About: "A rule in CEL that releases must pass.",
			Spec: PolicySpec{}, Scope: object.ScopePlatform, Validate: policies.validate,
		},
		{
			Name: "Exception", Plural: "exceptions", About: "A gate lifted from a service or team until a date.",
			Spec: ExceptionSpec{}, Scope: object.ScopePlatform, Fields: []string{"spec.gate", "spec.target"},
			Persons: []string{"spec.approvers"},
			References: func(o object.Object) []object.Reference {
				var e Exception
				if !decode(o, &e) {
					return nil
				}
				refs := make([]object.Reference, 0, len(e.Spec.Approvers))
				for _, name := range e.Spec.Approvers {
					refs = append(refs, object.Reference{Path: "spec.approvers", Ref: object.Ref{Kind: "User", Name: name}})
				}
				return refs
			},
		},
	}
}

func validateQuota(o object.Object) []object.Issue {
	var q Quota
	if !decode(o, &q) || q.Spec.Memory == "" {
		return nil
	}
	if _, err := catalog.ParseBytes(q.Spec.Memory); err != nil {
		return []object.Issue{{Path: "spec.memory", Message: fmt.Sprint(err)}}
	}
	return nil
}

func decode[O any, P object.Loader[O]](o object.Object, into P) bool { return into.From(o) == nil }
