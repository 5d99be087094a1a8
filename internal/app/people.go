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
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// administration is what only the platform's admins do.
type administration struct{ *Platform }

// Backup writes a consistent copy of the database while it is in use. The
// keyset that secrets are encrypted under is not in it.
func (a administration) Backup(ctx context.Context, w io.Writer) error {
	_, err := a.store.Backup(ctx, w)
	return err
}

// ErasePerson forgets a person: membership, also in what is kept of a catalog,
// account and tokens, the User object with its history, and at last, all at once,
// the name behind the pseudonym and wherever it stands in objects and their
// history. It may be tried again after a failure; what is gone already is no
// error. A name such as github/ann is that of a person elsewhere, of whom there
// is no object.
func (a administration) ErasePerson(ctx context.Context, by auth.Principal, name string) error {
	if name = strings.TrimPrefix(name, event.UserPrefix); strings.Contains(name, "/") {
		return a.forgetPerson(ctx, by, name, store.Traces{})
	}
	if by.Name == event.UserPrefix+name { // before anything is gone: the account cannot be deleted at the end
		return problem.New(problem.Invalid, "you cannot erase yourself").Do("let another admin do it")
	}
	traces := store.Traces{Own: object.Ref{Kind: "User", Name: name}, Fields: map[string][]string{}, Mark: backstage.AnnotationEntity}
	traces.Forget = func(o object.Object) (object.Object, bool, error) { return backstage.Forget(o, name) }
	for _, kind := range a.pipe.Kinds().All() {
		if len(kind.Persons) > 0 {
			traces.Fields[kind.Name] = kind.Persons
		}
	}
	var err error
	if traces.Names, err = a.calledBy(ctx, name); err != nil {
		return err
	}
	if err := a.withdraw(ctx, by, name); err != nil {
		return err
	}
	if err := a.auth.DeleteAccount(ctx, by, name); err != nil && !problem.Is(err, problem.NotFound) {
		return err
	}
	return a.forgetPerson(ctx, by, event.UserPrefix+name, traces)
}

// ErasePayload erases what an event carries; that it happened, and every proof, stays.
func (a administration) ErasePayload(ctx context.Context, by auth.Principal, seq int64) error {
	return a.store.ErasePayload(ctx, by.Name, seq)
}

// forgetPerson erases a principal from the database and notes it beside that.
func (a administration) forgetPerson(ctx context.Context, by auth.Principal, principal string, traces store.Traces) error {
	if err := a.store.ErasePerson(ctx, by.Name, principal, traces); err != nil {
		return err
	}
	if err := a.noteErased(ctx); err != nil {
		a.log.Error("the list of erased people is behind; the next start brings it up to date", "error", err)
	}
	return nil
}

// calledBy gives all that a person was ever called, from the history of the User.
func (a administration) calledBy(ctx context.Context, name string) ([]string, error) {
	names := []string{name}
	versions, err := a.store.History(ctx, "User", name, 0, 1000)
	if err != nil && !problem.Is(err, problem.NotFound) {
		return nil, err
	}
	for _, v := range versions {
		var u catalog.User
		if err := u.Load(v.Bytes); err != nil {
			return nil, err
		}
		for _, called := range []string{u.Metadata.Title, u.Spec.Email} {
			if called != "" && !slices.Contains(names, called) {
				names = append(names, called)
			}
		}
	}
	return names, nil
}

// withdraw takes a person out of every team and deletes the User.
func (a administration) withdraw(ctx context.Context, by auth.Principal, name string) error {
	change := &admission.Change{By: by, Surface: "api", Capability: useAdministration, Reason: "a person is erased"}
	is := func(member string) bool { return member == name }
	teams, err := object.All[catalog.Team](ctx, a.store, object.Query{Limit: 1000})
	if err != nil {
		return err
	}
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
	if len(change.Drafts) == 0 {
		return nil
	}
	_, err = a.pipe.Apply(ctx, change)
	return err
}
