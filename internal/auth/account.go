package auth

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Account is a person who can sign in here. What they may do is not in it:
// that comes from Members.
type Account struct {
	Principal string    `json:"principal"` // "user/ann"
	Display   string    `json:"display,omitempty"`
	Created   time.Time `json:"created"`
	// PasswordSet is when the password was last set; zero: there is none, and
	// the account can be entered by a token or a sign-in code only.
	PasswordSet time.Time `json:"passwordSet,omitzero"`
	Disabled    time.Time `json:"disabled,omitzero"` // since when; zero is not

	// Hash is the password's argon2id hash, "" when there is none.
	Hash string `json:"-"`
}

const (
	userPrefix    = "user/"
	machinePrefix = "token/"
)

var accountName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// userPrincipal turns what a person types ("ann", "user/ann") into a principal.
func userPrincipal(name string) (string, error) {
	short := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), userPrefix)
	if !accountName.MatchString(short) {
		return "", problem.New(problem.Invalid, "an account cannot be called %.80q", name).
			Because("a name has 1 to 63 letters a-z, digits and -, and neither begins nor ends with -")
	}
	return userPrefix + short, nil
}

// CreateAccount creates an account without a password; by must hold Manage.
// It returns problem.Conflict when there is one of the name.
func (s *Service) CreateAccount(ctx context.Context, by Principal, name, display string) (Account, error) {
	if err := mayManage(by); err != nil {
		return Account{}, err
	}
	principal, err := userPrincipal(name)
	if err != nil {
		return Account{}, err
	}
	a := Account{Principal: principal, Display: display, Created: s.now()}
	if err := s.store.CreateAccount(ctx, a, accountFact(by.Name, "created", principal)); err != nil {
		return Account{}, err
	}
	return a, nil
}

// Accounts lists all accounts by name; by must hold Manage.
func (s *Service) Accounts(ctx context.Context, by Principal) ([]Account, error) {
	if err := mayManage(by); err != nil {
		return nil, err
	}
	return s.store.Accounts(ctx)
}

// SetPassword sets the password of the account and ends its browser sessions.
// That of another needs Manage. One's own needs the old one, so that a browser
// left open is not enough; not so the first one, and not for an admin who comes
// by a token: on the platform's own host that is the way back in.
func (s *Service) SetPassword(ctx context.Context, by Principal, name, old, password string) error {
	principal, err := userPrincipal(name)
	if err != nil {
		return err
	}
	if by.Name != principal || by.Narrowed {
		if err := mayManage(by); err != nil {
			return err
		}
	}
	if err := checkPassword(principal, password); err != nil {
		return err
	}
	a, err := s.store.Account(ctx, principal)
	if err != nil {
		return err
	}
	if by.Name == principal && a.Hash != "" && (by.Token == "" || mayManage(by) != nil) {
		if err := s.checkOld(ctx, a, old); err != nil {
			return err
		}
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	now := s.now()
	err = s.store.UpdateAccount(ctx, by.Name, principal, func(stored *Account) error {
		if stored.Hash != a.Hash {
			return problem.New(problem.Conflict, "the password was changed meanwhile").Do("try again with the new one")
		}
		stored.Hash, stored.PasswordSet = hash, now
		return nil
	}, nil, accountFact(by.Name, "password-set", principal))
	s.cache.drop(principal)
	return err
}

// checkOld demands the present password, throttled like a sign-in: whoever
// holds somebody's session must not find the password out by it.
func (s *Service) checkOld(ctx context.Context, a Account, old string) error {
	if wait := s.throttle.try(a.Principal, a.Principal); wait > 0 {
		return tooMany(wait)
	}
	match, _, err := s.hasher.check(ctx, a.Hash, old)
	switch {
	case err != nil:
		s.throttle.undo(a.Principal, a.Principal)
		return err
	case !match:
		return problem.New(problem.Invalid, "the present password is wrong").
			Do("try again; an admin can set a new one without it")
	}
	s.throttle.succeed(a.Principal, a.Principal)
	return nil
}

// DisableAccount stops or, with disabled false, lets again: sign-in, sessions
// and tokens of the account. by must hold Manage and cannot disable itself, nor
// the last who administers the platform.
func (s *Service) DisableAccount(ctx context.Context, by Principal, name string, disabled bool) error {
	if err := mayManage(by); err != nil {
		return err
	}
	principal, err := userPrincipal(name)
	if err != nil {
		return err
	}
	var since time.Time
	var check Check
	kind := "enabled"
	if disabled {
		if principal == by.Name {
			return problem.New(problem.Invalid, "you cannot disable the account you are using").
				Do("let another admin do it")
		}
		since, check, kind = s.now(), s.adminLeft(principal), "disabled"
	}
	err = s.store.UpdateAccount(ctx, by.Name, principal, func(a *Account) error {
		a.Disabled = since
		return nil
	}, check, accountFact(by.Name, kind, principal))
	s.cache.drop(principal)
	return err
}

// DeleteAccount deletes the account with all that lets it in, and its name from
// what it created; what the ledger knows of the person is erased there. by must
// hold Manage and cannot delete itself.
func (s *Service) DeleteAccount(ctx context.Context, by Principal, name string) error {
	if err := mayManage(by); err != nil {
		return err
	}
	principal, err := userPrincipal(name)
	if err != nil {
		return err
	}
	if principal == by.Name {
		return problem.New(problem.Invalid, "you cannot delete the account you are using").
			Do("let another admin do it")
	}
	err = s.store.DeleteAccount(ctx, principal, s.adminLeft(principal), accountFact(by.Name, "deleted", principal))
	s.cache.drop(principal)
	return err
}

// adminLeft checks, where the principal was an admin, that another one is left.
func (s *Service) adminLeft(principal string) Check {
	return func(ctx context.Context, r Inside) error {
		admins, err := s.members.Admins(ctx, r)
		if err != nil || !slices.Contains(admins, principal) {
			return err
		}
		return AdminLeft(ctx, r, admins)
	}
}

// AdminLeft returns problem.Conflict unless one of the admins has an account that
// is not disabled.
func AdminLeft(ctx context.Context, r Inside, admins []string) error {
	accounts, err := r.Accounts(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(accounts, func(a Account) bool { return a.Disabled.IsZero() && slices.Contains(admins, a.Principal) }) {
		return nil
	}
	return problem.New(problem.Conflict, "nobody would be left who administers the platform").
		Because("no other account that is let in has the role " + string(PlatformAdmin)).
		Do("stoa account create NAME --role " + string(PlatformAdmin) + "    makes another one; then the same command again")
}

func mayManage(by Principal) error { return Allowed(by, Manage, object.Kind{}, "").Err() }

// accountFact tells of an account. The name stands in the payload alone,
// because that can be erased and the envelope cannot.
func accountFact(actor, kind, principal string) event.Event {
	data := mustJSON(struct {
		Principal string `json:"principal"`
	}{principal})
	return event.Event{Source: factSource, Type: "dev.stoa.account." + kind, Actor: actor, Names: []string{principal}, Data: data}
}
