package delivery

import (
	"context"
	"errors"
	"io/fs"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Sources gives uploaded sources.
type Sources interface {
	// Files returns the unpacked source, or problem.NotFound.
	Files(digest string) (files fs.FS, dir string, err error)
	// From reports whether the source is there and was uploaded by the principal.
	From(digest, by string) bool
}

// MayTake returns nil where an uploaded source is there for by to release: for who
// has uploaded it, and for who may change a service that was released from it.
// Others may know its digest, which stands in releases that everybody reads, and
// would get at the code by running it; they are told what they would be told if it
// were not there.
func (d *Delivery) MayTake(ctx context.Context, by auth.Principal, digest string) error {
	if d.sources.From(digest, by.Name) {
		return nil
	}
	releases, err := object.All[Release](ctx, d.store, object.Query{Fields: map[string]string{"spec.source": digest}})
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, rel := range releases {
		name := rel.Spec.Service
		if seen[name] || rel.Status.Retired {
			continue
		}
		seen[name] = true
		s, err := object.Get[catalog.Service](ctx, d.store, name)
		if problem.Is(err, problem.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if auth.Allowed(by, auth.Update, d.owners.Service, s.Metadata.Owner).Allowed {
			_, _, err := d.sources.Files(digest)
			return err
		}
	}
	return problem.New(problem.NotFound, "source %s is not here, or not yours", digest).
		Because("it is for who has uploaded it, and for who may change a service that was released from it").
		Do("stoa up DIR    uploads it from the folder")
}

// Detect tells what an uploaded source is; name is the fallback for its name,
// given answers the questions of an earlier call by their id.
func (d *Delivery) Detect(ctx context.Context, by auth.Principal, digest string, origin *detect.Origin, name string, given map[string]string) (detect.Result, error) {
	if err := d.MayTake(ctx, by, digest); err != nil {
		return detect.Result{}, err
	}
	files, _, err := d.sources.Files(digest)
	if err != nil {
		return detect.Result{}, err
	}
	opts := detect.Options{Name: name, Answers: given}
	if origin != nil {
		opts.Origin = *origin
	}
	result, err := detect.Detect(ctx, files, opts)
	var told *detect.Error
	if errors.As(err, &told) {
		return result, problem.New(problem.Invalid, "%s", told.Error()).Because(told.Why...).Do(told.Next...).Cause(err)
	}
	return result, err
}
