package governance

import (
	"context"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Exceptions lifts verdicts for which an Exception is in force.
type Exceptions struct{}

// maxException is how far ahead an exception may end.
const maxException = 366 * 24 * time.Hour

// ExceptionRule bounds an exception's sunset: one without an end is a rule that
// nobody dared to change.
func ExceptionRule() admission.Rule {
	return admission.Rule{Kind: "Exception", Admit: func(_ context.Context, _ object.Reader, c *admission.Change, d *admission.Draft) error {
		var before, after Exception
		if d.Delete || !decode(d.Want, &after) || d.Old != nil && !decode(*d.Old, &before) || after.Spec.Sunset.Equal(before.Spec.Sunset) {
			return nil
		}
		message := ""
		switch ahead := after.Spec.Sunset.Sub(c.Now); {
		case ahead <= 0:
			message = "must lie ahead; it is " + c.Now.UTC().Format(time.RFC3339)
		case ahead > maxException:
			message = "must lie within a year, by " + c.Now.Add(maxException).UTC().Format(time.DateOnly)
		default:
			return nil
		}
		return problem.New(problem.Invalid, "the exception's sunset cannot be %s", after.Spec.Sunset.UTC().Format(time.RFC3339)).
			WithFields(problem.Field{Path: "spec.sunset", Message: message}).ExplainedAt("/docs/exceptions")
	}}
}

// Lift returns the exception whose gate is the verdict's, whose target is the
// service or its team, and whose sunset lies ahead.
func (Exceptions) Lift(ctx context.Context, r object.Reader, c *admission.Change, v problem.Verdict) (string, error) {
	found, err := object.All[Exception](ctx, r, object.Query{Fields: map[string]string{"spec.gate": v.Gate}})
	if err != nil {
		return "", err
	}
	for _, e := range found {
		if e.Metadata.Deleted != nil || !c.Now.Before(e.Spec.Sunset) {
			continue
		}
		if targets(c, e.Spec.Target) {
			return e.Metadata.Name, nil
		}
	}
	return "", nil
}

// targets reports whether every service that the change touches is the target
// or is owned by it: an exception for one service lifts nothing off another
// that travels in the same change.
func targets(c *admission.Change, target string) bool {
	kind, name, _ := strings.Cut(target, "/")
	any := false
	for _, d := range c.Drafts {
		if d.Kind.Name != "Service" || d.Delete {
			continue
		}
		any = true
		switch kind {
		case "service":
			if d.Want.Metadata.Name != name {
				return false
			}
		case "team":
			if d.Want.Metadata.Owner != name {
				return false
			}
		default:
			return false
		}
	}
	return any
}
