package auth

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Lifetimes of tokens that people make.
const (
	DefaultTokenTTL = 90 * 24 * time.Hour
	MaxTokenTTL     = 366 * 24 * time.Hour
)

// CreateToken says what token is wanted.
type CreateToken struct {
	Name string // what it is for, 1 to 63 characters
	// Principal is who it acts as, "user/ann". Empty makes a token for a machine
	// that acts as "token/<name>-<id>": a member of Teams or, without Teams,
	// what the Team and User objects say of it.
	Principal string
	Scopes    []string      // names of scopes; empty is all that the principal may
	Teams     []string      // the only teams that it reaches; empty is all of the principal's
	TTL       time.Duration // 0 is DefaultTokenTTL, at most MaxTokenTTL
}

// CreateToken makes a token and returns it; it cannot be read again. Everybody
// may make tokens for themselves; owners of every one of its Teams may make
// one for a machine; all else needs Manage. A token ends no later than what by
// came with, and one that may do less than its owner cannot make tokens.
func (s *Service) CreateToken(ctx context.Context, by Principal, c CreateToken) (Token, string, error) {
	t, secret, err := s.newToken(by, c)
	if err != nil {
		return Token{}, "", err
	}
	if err := s.mayCreate(ctx, by, t); err != nil {
		return Token{}, "", err
	}
	var check Check // without teams a sign-in need not wait for admissions
	if len(t.Teams) > 0 {
		check = func(ctx context.Context, r Inside) error { return s.teamsExist(ctx, r, t.Teams) }
	}
	if err := s.store.CreateToken(ctx, t, check, tokenFact(by.Name, "created", t)); err != nil {
		return Token{}, "", err
	}
	return t, secret, nil
}

// newToken checks what was asked and builds the token.
func (s *Service) newToken(by Principal, c CreateToken) (Token, string, error) {
	if err := c.check(); err != nil {
		return Token{}, "", err
	}
	now := s.now()
	id, secret := newToken()
	t := Token{
		ID: id, Name: c.Name, Principal: c.Principal, Scopes: c.Scopes, Teams: c.Teams,
		CreatedBy: by.Name, Created: now, Hash: hashOf(secret),
	}
	ttl := c.TTL
	if ttl == 0 {
		ttl = DefaultTokenTTL
	}
	t.Expires = earliest(now.Add(ttl).Truncate(time.Second), by.Expires)
	if t.Principal == "" {
		t.Principal = machinePrefix + t.Name + "-" + id[:4]
	}
	return t, secret, nil
}

func (c CreateToken) check() error {
	var fields []problem.Field
	wrong := func(path, message string) {
		fields = append(fields, problem.Field{Path: path, Message: message})
	}
	if !accountName.MatchString(c.Name) {
		wrong("name", "must have 1 to 63 letters a-z, digits and -")
	}
	if c.Principal != "" && !accountName.MatchString(strings.TrimPrefix(c.Principal, userPrefix)) {
		wrong("principal", `must be "user/<name>", or empty for a machine`)
	}
	if c.TTL < 0 || c.TTL > MaxTokenTTL {
		wrong("ttl", "must be positive and at most 366 days")
	}
	if len(c.Teams) > 100 {
		wrong("teams", "must be at most 100")
	}
	if slices.ContainsFunc(c.Teams, func(team string) bool { return !accountName.MatchString(team) }) {
		wrong("teams", "holds a name that no team can have")
	}
	if slices.ContainsFunc(c.Scopes, func(scope string) bool { return !slices.Contains(ScopeNames(), scope) }) {
		wrong("scopes", "are "+strings.Join(ScopeNames(), ", "))
	}
	if len(fields) > 0 {
		return problem.New(problem.Invalid, "the token cannot be made").WithFields(fields...)
	}
	return nil
}

// mayCreate says whether by may make the token t.
func (s *Service) mayCreate(ctx context.Context, by Principal, t Token) error {
	if err := wholePerson(by, "make tokens"); err != nil {
		return err
	}
	if strings.HasPrefix(t.Principal, userPrefix) {
		if t.Principal != by.Name {
			if err := mayManage(by); err != nil {
				return err
			}
		}
		_, err := s.store.Account(ctx, t.Principal)
		return err
	}
	if len(t.Teams) == 0 {
		return mayManage(by)
	}
	for _, team := range t.Teams {
		if d := Allowed(by, Create, teamTokens, team); !d.Allowed {
			return d.Err()
		}
	}
	return nil
}

// teamsExist refuses a token of a team that is not there: whoever makes a team
// of that name later would find a stranger in it.
func (s *Service) teamsExist(ctx context.Context, r object.Reader, teams []string) error {
	missing, err := s.members.Missing(ctx, r, teams)
	if err != nil || len(missing) == 0 {
		return err
	}
	return problem.New(problem.Invalid, "the token cannot be made").
		WithFields(problem.Field{Path: "teams", Message: "there is no team " + strings.Join(missing, ", nor ")}).
		Do("stoa get teams    lists those there are")
}

// teamTokens stands for the tokens of a team's machines in the permission
// table: a matter of the team's owners.
var teamTokens = object.Kind{Name: "Token", Scope: object.ScopeOwners}

// wholePerson refuses what would let a narrowed token grow into its owner.
func wholePerson(by Principal, todo string) error {
	if !by.Narrowed && strings.HasPrefix(by.Name, userPrefix) {
		return nil
	}
	return problem.New(problem.Forbidden, "%s may not %s with this token", who(by), todo).
		Because("a token of a machine, or one narrowed to scopes or teams, could widen itself that way").
		Do("sign in as a person: stoa login")
}

// RevokeToken ends a token, at once here and within 5 seconds on other
// replicas. One's own, those one created and those of machines in a team that
// one owns; all others need Manage. Revoking twice is no error.
func (s *Service) RevokeToken(ctx context.Context, by Principal, id string) error {
	t, err := s.store.Token(ctx, id)
	if err != nil {
		return err
	}
	if err := mayRevoke(by, t); err != nil {
		return err
	}
	err = s.store.RevokeToken(ctx, id, s.now(), tokenFact(by.Name, "revoked", t))
	s.cache.dropToken(id)
	return err
}

func mayRevoke(by Principal, t Token) error {
	if by.Name == "" {
		return mayManage(by)
	}
	if by.Token == t.ID || !by.Narrowed && (t.Principal == by.Name || t.CreatedBy == by.Name) {
		return nil
	}
	if strings.HasPrefix(t.Principal, machinePrefix) {
		for _, team := range t.Teams {
			if Allowed(by, Delete, teamTokens, team).Allowed {
				return nil
			}
		}
	}
	return mayManage(by)
}

// ListTokens lists the tokens that belong to the principal or were created by
// it, newest first, without their secrets; "" lists all. Those of others need
// Manage.
func (s *Service) ListTokens(ctx context.Context, by Principal, principal string) ([]Token, error) {
	if principal != by.Name || by.Name == "" {
		if err := mayManage(by); err != nil {
			return nil, err
		}
	}
	return s.store.Tokens(ctx, principal)
}

// tokenFact tells of a token. The names stand in the payload alone, because
// that can be erased and the envelope cannot.
func tokenFact(actor, kind string, t Token) event.Event {
	fact := event.Event{
		Source: factSource, Type: "dev.stoa.token." + kind, Subject: machinePrefix + t.ID, Actor: actor,
		Data: mustJSON(struct {
			Name      string    `json:"name"`
			Principal string    `json:"principal"`
			Scopes    []string  `json:"scopes,omitempty"`
			Teams     []string  `json:"teams,omitempty"`
			Expires   time.Time `json:"expires,omitzero"`
		}{t.Name, t.Principal, t.Scopes, t.Teams, t.Expires}),
	}
	if strings.HasPrefix(t.Principal, userPrefix) {
		fact.Names = []string{t.Principal}
	}
	return fact
}
