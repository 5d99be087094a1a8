package governance

import (
	"context"
	"strings"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Exceptions lifts verdicts for which an Exception is in force.
type Exceptions struct{}

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
