package auth

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Lifetimes of a browser session and of a sign-in code.
const (
	sessionIdle     = 12 * time.Hour
	sessionAbsolute = 30 * 24 * time.Hour
	codeLife        = 10 * time.Minute
	// seenEvery is how exactly the last use of a session is known: a session may
	// end that much early, and is written at most that often.
	seenEvery = 5 * time.Minute
)

// Session is a signed-in browser.
type Session struct {
	Principal string
	// Token is the id of the API token whose sign-in code opened it, "" for a
	// password; revoking the token ends the session.
	Token   string
	Created time.Time
	Seen    time.Time // last use, within seenEvery
	Expires time.Time // the latest end; 12 hours unused end it earlier

	// Secret is the value of the cookie; it is known only when the session is made.
	Secret string
	// Hash is SHA-256 of Secret, which is all that is stored.
	Hash [sha256.Size]byte
}

// Code is a one-time sign-in code as it is stored.
type Code struct {
	Hash      [sha256.Size]byte
	Principal string
	Token     string    // id of the API token it was made with, or ""
	Expires   time.Time // of the code
	Until     time.Time // latest end of the session that it opens
}

// Login opens a session by name and password. addr is the address that asks,
// with or without a port. It returns problem.Unauthenticated when the two do
// not fit, in the same words and the same time whether or not there is such an
// account, and problem.TooMany with RetryAfter when too many have failed.
func (s *Service) Login(ctx context.Context, name, password, addr string) (Session, error) {
	principal, nameErr := userPrincipal(name)
	if nameErr != nil {
		principal = "" // cannot exist; takes the same way below
	}
	if wait := s.throttle.try(principal, addr); wait > 0 {
		return Session{}, tooMany(wait)
	}
	began := s.now() // a password that is changed from here on ends the session
	a, err := s.passwordAccount(ctx, principal)
	if err != nil {
		s.throttle.undo(principal, addr)
		return Session{}, err
	}
	match, stale, err := s.hasher.check(ctx, a.Hash, password)
	if err != nil {
		s.throttle.undo(principal, addr)
		return Session{}, err
	}
	if !match || !a.Disabled.IsZero() {
		s.log.WarnContext(ctx, "sign-in refused", slog.String("address", network(addr)))
		return Session{}, problem.New(problem.Unauthenticated, "name or password is wrong").
			Because("an account that an admin disabled, or that has no password yet, is refused in the same words").
			Do("try again, or on the platform's own host: stoa open")
	}
	s.throttle.succeed(principal, addr)
	if stale {
		s.rehash(ctx, a, password)
	}
	return s.open(ctx, Session{Principal: principal, Created: began})
}

// passwordAccount is the account, or the zero Account when there is none.
func (s *Service) passwordAccount(ctx context.Context, principal string) (Account, error) {
	a, err := s.store.Account(ctx, principal)
	if problem.Is(err, problem.NotFound) {
		return Account{}, nil
	}
	return a, err
}

// rehash replaces a hash with outdated parameters. That it failed is no reason
// to refuse the sign-in: the next one tries again.
func (s *Service) rehash(ctx context.Context, a Account, password string) {
	hash, err := s.hasher.hash(ctx, password)
	if err == nil {
		err = s.store.UpdateAccount(ctx, a.Principal, a.Principal, func(stored *Account) error {
			if stored.Hash == a.Hash { // else it was changed meanwhile, with the current parameters
				stored.Hash = hash
			}
			return nil
		}, nil)
	}
	if err != nil {
		s.log.WarnContext(ctx, "password hash not renewed", slog.Any("error", err))
	}
}

// open stores a new session and returns it with its secret.
func (s *Service) open(ctx context.Context, n Session) (Session, error) {
	n.Secret = random(20)
	n.Hash = hashOf(n.Secret)
	n.Seen = n.Created
	if end := n.Created.Add(sessionAbsolute); n.Expires.IsZero() || n.Expires.After(end) {
		n.Expires = end
	}
	if err := s.store.CreateSession(ctx, n, event.Event{Source: factSource, Type: "dev.stoa.session.opened", Actor: n.Principal}); err != nil {
		return Session{}, err
	}
	return n, nil
}

// NewCode makes a code that signs the principal into the portal, once and
// within 10 minutes; a CLI that is already authenticated prints it as a link.
// The session ends no later than what by came with. It is refused to a token
// that may do less than its owner, because a session may do all.
func (s *Service) NewCode(ctx context.Context, by Principal) (string, error) {
	if err := wholePerson(by, "make a sign-in code"); err != nil {
		return "", err
	}
	code := random(20)
	return code, s.store.CreateCode(ctx, Code{
		Hash: hashOf(code), Principal: by.Name, Token: by.Token,
		Expires: s.now().Add(codeLife), Until: by.Expires,
	})
}

// Redeem opens a session by a sign-in code, which is used up by it. Redeem on
// POST only: what previews links would use the code up on GET.
func (s *Service) Redeem(ctx context.Context, code string) (Session, error) {
	began := s.now()
	c, err := s.store.TakeCode(ctx, hashOf(code))
	if err == nil && ended(c.Expires, began) {
		err = problem.New(problem.NotFound, "expired")
	}
	if problem.Is(err, problem.NotFound) {
		return Session{}, problem.New(problem.Unauthenticated, "this sign-in link no longer works").
			Because("a link works once, within 10 minutes").
			Do("stoa open   makes a new one")
	}
	if err != nil {
		return Session{}, err
	}
	return s.open(ctx, Session{Principal: c.Principal, Token: c.Token, Created: began, Expires: c.Until})
}

// Logout ends the session that the request carries, if any.
func (s *Service) Logout(w http.ResponseWriter, r *http.Request) error {
	if err := CheckOrigin(r); err != nil {
		return err
	}
	if err := s.end(r.Context(), r); err != nil {
		return err
	}
	clearCookie(w, r)
	return nil
}

// Enter gives the browser the session's cookie and ends the session that it
// had before, so that nobody can plant a session that a sign-in then fills.
func (s *Service) Enter(w http.ResponseWriter, r *http.Request, n Session) error {
	if err := s.end(r.Context(), r); err != nil {
		return err
	}
	setCookie(w, r, n)
	return nil
}

// end deletes every session whose cookie the request carries.
func (s *Service) end(ctx context.Context, r *http.Request) error {
	for _, c := range r.CookiesNamed(cookieName(r)) {
		hash := hashOf(c.Value)
		if err := s.store.EndSession(ctx, hash); err != nil {
			return err
		}
		s.cache.dropHash(hash)
	}
	return nil
}

// Sweep deletes expired sessions and codes, and tokens that ended 90 days ago.
// Nothing depends on it but the size of the tables. It returns how many rows went.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	now := s.now()
	return s.store.SweepAuth(ctx, now, now.Add(-sessionIdle), now.AddDate(0, 0, -90))
}

func tooMany(wait time.Duration) error {
	p := problem.New(problem.TooMany, "too many failed sign-ins").
		Because("each failure doubles the wait, to make guessing useless").
		Do("wait " + wait.Round(time.Second).String() + " and try again")
	p.RetryAfter = int(math.Ceil(wait.Seconds()))
	return p
}
