package app

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/catalog/backstage"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// administration is what only the platform's admins do.
type administration struct{ *Platform }

// Backup writes a consistent copy of the database while it is in use. The
// keyset that secrets are encrypted under is not in it.
func (a administration) Backup(ctx context.Context, w io.Writer) error {
	_, err := a.store.Backup(ctx, w)
	return err
}

// ErasePerson forgets a person: membership, also in what is kept of a catalog, account and tokens, the User object
// with its history, and at last the name behind the pseudonym. It may be tried
// again after a failure; what is gone already is no error. A name such as
// github/ann is that of a person elsewhere, of whom there is nothing but events.
func (a administration) ErasePerson(ctx context.Context, by auth.Principal, name string) error {
	if name = strings.TrimPrefix(name, "user/"); strings.Contains(name, "/") {
		return a.store.ErasePerson(ctx, by.Name, name)
	}
	teams, err := object.All[catalog.Team](ctx, a.store, object.Query{Limit: 1000})
	if err != nil {
		return err
	}
	change := &admission.Change{By: by, Surface: "api", Reason: "a person is erased"}
	is := func(member string) bool { return member == name }
	for _, t := range teams {
		member := slices.ContainsFunc(t.Spec.Owners, is) || slices.ContainsFunc(t.Spec.Members, is)
		t.Spec.Owners, t.Spec.Members = slices.DeleteFunc(t.Spec.Owners, is), slices.DeleteFunc(t.Spec.Members, is)
		raw, err := t.Object()
		if err != nil {
			return err
		}
		raw, named, err := backstage.Forget(raw, name)
		if err != nil {
			return err
		}
		if !member && !named {
			continue
		}
		change.Add(&admission.Draft{Want: raw})
	}
	_, err = a.store.Get(ctx, "User", name)
	switch {
	case err == nil:
		change.Add(&admission.Draft{Want: object.Object{Kind: "User", Metadata: object.Metadata{Name: name}}, Delete: true})
	case !problem.Is(err, problem.NotFound):
		return err
	}
	if len(change.Drafts) > 0 {
		if _, err := a.pipe.Apply(ctx, change); err != nil {
			return err
		}
	}
	if err := a.auth.DeleteAccount(ctx, by, name); err != nil && !problem.Is(err, problem.NotFound) {
		return err
	}
	if err := a.store.EraseHistory(ctx, by.Name, "User", name); err != nil {
		return err
	}
	return a.store.ErasePerson(ctx, by.Name, "user/"+name)
}
