package adoption

import (
	"fmt"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/expr"
	"github.com/stoa-platform/stoa/internal/object"
)

// SegmentSpec is a group of customers with like needs. A team that no segment
// takes is in the one that its label "segment" names.
type SegmentSpec struct {
	Title string `json:"title,omitempty" jsonschema:"maxLength=120"`
	// Match is CEL over team: it takes the teams for which it holds. Of several
	// segments that take a team the first by name has it.
	Match string `json:"match,omitempty" jsonschema:"maxLength=2000"`
	// Teams are those that it takes besides, before any Match is asked.
	Teams []string `json:"teams,omitempty"`
}

// Kind names the kind.
func (SegmentSpec) Kind() string { return "Segment" }

// Segment is a group of customers with like needs.
type Segment = object.Typed[SegmentSpec, struct{}]

// CohortSpec are the teams that come onto the platform together; people say pilot,
// or wave. A team that no cohort lists is in the one that its label "wave" names.
type CohortSpec struct {
	Title string `json:"title,omitempty" jsonschema:"maxLength=120"`
	// Start is the first day, such as 2026-03-01.
	Start string `json:"start,omitempty" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}$,example=2026-03-01"`
	// Teams are those in it. A team in several is in the first by name.
	Teams []string `json:"teams,omitempty"`
}

// Kind names the kind.
func (CohortSpec) Kind() string { return "Cohort" }

// Cohort are the teams that come onto the platform together.
type Cohort = object.Typed[CohortSpec, struct{}]

// The labels of a team that name its segment and its wave.
const (
	labelSegment = "segment"
	labelWave    = "wave"
)

// Kinds are the kinds that adoption owns.
func Kinds() []object.Kind {
	conditions := teamConditions()
	return []object.Kind{
		{
			Name: "Segment", Plural: "segments", About: "A group of teams with like needs.",
			Spec: SegmentSpec{}, Scope: object.ScopePlatform,
			Validate: func(o object.Object) []object.Issue {
				var s Segment
				if s.From(o) != nil {
					return nil // the schema says what is wrong
				}
				issues := twice(s.Spec.Teams)
				if s.Spec.Match != "" {
					if err := conditions.Check(s.Spec.Match); err != nil {
						issues = append(issues, object.Issue{Path: "spec.match", Message: err.Error()})
					}
				}
				return issues
			},
			References: func(o object.Object) []object.Reference {
				var s Segment
				if s.From(o) != nil {
					return nil
				}
				return teamReferences(s.Spec.Teams)
			},
		},
		{
			Name: "Cohort", Plural: "cohorts", Short: "wave", About: "Teams that come onto the platform together: a pilot or a wave.",
			Spec: CohortSpec{}, Scope: object.ScopePlatform,
			Validate: func(o object.Object) []object.Issue {
				var c Cohort
				if c.From(o) != nil {
					return nil
				}
				issues := twice(c.Spec.Teams)
				if c.Spec.Start != "" {
					if _, err := time.Parse(time.DateOnly, c.Spec.Start); err != nil {
						issues = append(issues, object.Issue{Path: "spec.start", Message: fmt.Sprintf("%q is no day of the calendar", c.Spec.Start)})
					}
				}
				return issues
			},
			References: func(o object.Object) []object.Reference {
				var c Cohort
				if c.From(o) != nil {
					return nil
				}
				return teamReferences(c.Spec.Teams)
			},
		},
	}
}

func teamConditions() *expr.Conditions { return expr.New(map[string]expr.Type{"team": expr.Object}) }

func twice(teams []string) []object.Issue {
	var issues []object.Issue
	for i, name := range teams {
		if slices.Contains(teams[:i], name) {
			issues = append(issues, object.Issue{Path: fmt.Sprintf("spec.teams[%d]", i), Message: name + " is listed already"})
		}
	}
	return issues
}

func teamReferences(teams []string) []object.Reference {
	refs := make([]object.Reference, len(teams))
	for i, name := range teams {
		refs[i] = object.Reference{Path: fmt.Sprintf("spec.teams[%d]", i), Ref: object.Ref{Kind: "Team", Name: name}}
	}
	return refs
}
