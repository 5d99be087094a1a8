package auth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
)

// Members tells who belongs to which team, from the Team and User objects.
type Members interface {
	// Memberships returns the role over the platform and the role in each team.
	// A principal that no object names has the role "" (nothing at all) or
	// Viewer, as the platform wishes.
	Memberships(ctx context.Context, principal string) (platform Role, teams map[string]Role, err error)
	// Missing returns those of the teams that r does not have.
	Missing(ctx context.Context, r object.Reader, teams []string) ([]string, error)
	// Admins returns the principals that are PlatformAdmin in r.
	Admins(ctx context.Context, r object.Reader) ([]string, error)
}

// Inside is what can be read inside of a transaction.
type Inside interface {
	object.Reader
	Accounts(ctx context.Context) ([]Account, error)
}

// Check looks at what a transaction has written and undoes it by an error. Of what
// it reads nothing changes until the commit. Nil checks nothing.
type Check func(ctx context.Context, r Inside) error

// Store keeps accounts, tokens, sessions and codes. Each method is one
// transaction; the events that it is given are appended in it.
type Store interface {
	AccountStore
	TokenStore
	SessionStore
	CodeStore
}

// AccountStore keeps accounts.
type AccountStore interface {
	// Account returns problem.NotFound when there is none.
	Account(ctx context.Context, principal string) (Account, error)
	// Accounts returns all, ordered by principal.
	Accounts(ctx context.Context) ([]Account, error)
	// CreateAccount returns problem.Conflict when the principal has an account.
	CreateAccount(ctx context.Context, a Account, fact event.Event) error
	// UpdateAccount lets change alter the account, or leave it by an error which
	// is returned. When the password was set or the account disabled, its
	// sessions and sign-in codes end in the same transaction.
	UpdateAccount(ctx context.Context, by, principal string, change func(*Account) error, check Check, facts ...event.Event) error
	// DeleteAccount deletes the account, its tokens, sessions and codes, and its
	// name from the tokens that it created for others. NotFound when there is none.
	DeleteAccount(ctx context.Context, principal string, check Check, fact event.Event) error
}

// TokenStore keeps API tokens.
type TokenStore interface {
	// Token returns problem.NotFound when there is none with the id.
	Token(ctx context.Context, id string) (Token, error)
	// Tokens returns those of the principal and those that it created, newest
	// first; all when principal is "".
	Tokens(ctx context.Context, principal string) ([]Token, error)
	CreateToken(ctx context.Context, t Token, check Check, fact event.Event) error
	// RevokeToken also ends the sessions and codes that came from the token.
	// Revoking a revoked one does nothing.
	RevokeToken(ctx context.Context, id string, at time.Time, fact event.Event) error
	// UseToken records the day of the last use.
	UseToken(ctx context.Context, id string, day time.Time) error
}

// SessionStore keeps browser sessions.
type SessionStore interface {
	// Session returns problem.NotFound when there is none with the hash.
	Session(ctx context.Context, hash [sha256.Size]byte) (Session, error)
	CreateSession(ctx context.Context, n Session, fact event.Event) error
	// SeeSession records the time of the last use.
	SeeSession(ctx context.Context, hash [sha256.Size]byte, at time.Time) error
	// EndSession does nothing when there is none.
	EndSession(ctx context.Context, hash [sha256.Size]byte) error
	// SweepAuth deletes the sessions and codes that expired before now, the
	// sessions not seen since idle, and the tokens that ended before ended.
	SweepAuth(ctx context.Context, now, idle, ended time.Time) (rows int, err error)
}

// CodeStore keeps one-time sign-in codes.
type CodeStore interface {
	CreateCode(ctx context.Context, c Code) error
	// TakeCode deletes the code and returns it: of many that try at once, one
	// gets it and the others problem.NotFound.
	TakeCode(ctx context.Context, hash [sha256.Size]byte) (Code, error)
}

// Service authenticates requests and keeps accounts, tokens and sessions.
// It is safe for concurrent use.
type Service struct {
	store    Store
	members  Members
	clock    func() time.Time
	log      *slog.Logger
	hasher   *hasher
	throttle *throttle
	cache    *cache
}

// New returns a Service; clock is time.Now outside of tests.
func New(store Store, members Members, clock func() time.Time, log *slog.Logger) *Service {
	return &Service{
		store: store, members: members, clock: clock, log: log,
		hasher: newHasher(standard), throttle: newThrottle(clock), cache: newCache(),
	}
}

// now is the time as the store keeps it.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// factSource is the source of this package's events.
const factSource = "/stoa/auth"

// mustJSON encodes the payloads of this package, which always can be.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
