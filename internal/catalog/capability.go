package catalog

import (
	"fmt"
	"slices"

	"github.com/stoa-platform/stoa/internal/expr"
	"github.com/stoa-platform/stoa/internal/object"
)

// CapabilitySpec is something that the platform, or a team, offers to others. What is
// recorded as use of its name is use of it.
type CapabilitySpec struct {
	Title string `json:"title,omitempty" jsonschema:"maxLength=120"`
	// Lifecycle says how far it is. Empty is "ga".
	Lifecycle Lifecycle `json:"lifecycle,omitempty" jsonschema:"enum=concept,enum=alpha,enum=beta,enum=ga,enum=deprecated,enum=retired"`
	// Docs is the page that explains it.
	Docs string `json:"docs,omitempty"`
	// Segments are whom it is meant for. Empty: every team.
	Segments []string `json:"segments,omitempty"`
	// AvailableTo are the teams and waves that may use it so far. Empty: all for
	// whom it is meant.
	AvailableTo []string `json:"availableTo,omitempty"`
	// QualifyingUse is CEL over use.type, use.surface and use.capability: which uses
	// count as adoption. Empty: every one.
	QualifyingUse string `json:"qualifyingUse,omitempty" jsonschema:"maxLength=2000"`
	// Price says what it costs, in words.
	Price string `json:"price,omitempty" jsonschema:"maxLength=200"`
}

// Lifecycle is how far a capability is.
type Lifecycle string

// The lifecycle of a capability, in its order.
const (
	Concept    Lifecycle = "concept" // planned; nobody can use it
	Alpha      Lifecycle = "alpha"
	Beta       Lifecycle = "beta"
	GA         Lifecycle = "ga"
	Deprecated Lifecycle = "deprecated"
	Retired    Lifecycle = "retired" // gone
)

// Offered reports whether anybody can use it at all.
func (l Lifecycle) Offered() bool { return l != Concept && l != Retired }

// Kind names the kind.
func (CapabilitySpec) Kind() string { return "Capability" }

// Capability is something that the platform, or a team, offers to others.
type Capability = object.Typed[CapabilitySpec, struct{}]

// UseConditions are the conditions that qualifying uses are told by.
func UseConditions() *expr.Conditions { return expr.New(map[string]expr.Type{"use": expr.Texts}) }

func validateCapability(conditions *expr.Conditions) func(object.Object) []object.Issue {
	return func(o object.Object) []object.Issue {
		var c Capability
		if !decode(o, &c) {
			return nil
		}
		var issues []object.Issue
		if c.Spec.QualifyingUse != "" {
			if err := conditions.Check(c.Spec.QualifyingUse); err != nil {
				issues = append(issues, object.Issue{Path: "spec.qualifyingUse", Message: err.Error()})
			}
		}
		for path, names := range map[string][]string{"spec.segments": c.Spec.Segments, "spec.availableTo": c.Spec.AvailableTo} {
			for i, name := range names {
				if slices.Contains(names[:i], name) {
					issues = append(issues, object.Issue{Path: fmt.Sprintf("%s[%d]", path, i), Message: name + " is listed already"})
				}
			}
		}
		return issues
	}
}
