package delivery

import (
	"context"
	"strings"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// inferChanges finds the commits that the release brings beside those of what
// serves now in its environment.
func inferChanges(ctx context.Context, r object.Reader, service catalog.Service, rel *Release) error {
	origin, serving := rel.Spec.Origin, service.Status.Environments[rel.Spec.Environment].Release
	if rel.Spec.Changes != nil || origin == nil || origin.Dirty || serving == "" {
		return nil
	}
	now, err := object.Get[Release](ctx, r, serving)
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if changes, ok := origin.Since(now.Status.Commit); ok {
		rel.Spec.Changes = changes
	}
	return nil
}

// eventCause is the cause of a release as its event has it: one that says what it
// mends, or comes from a branch that is named for it, is a hot-fix.
func eventCause(rel Release) string {
	o := rel.Spec.Origin
	if rel.Spec.Cause != CauseRollback && (rel.Spec.Fixes != "" || rel.Spec.Cause == CauseDeploy && o != nil && strings.HasPrefix(o.Branch, "hotfix/")) {
		return "hotfix"
	}
	return rel.Spec.Cause
}
