package auth

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Authenticate says who makes the request: by the token in its Authorization
// header or, without one, by its session cookie. It returns
// problem.Unauthenticated with what to do about it, or problem.Forbidden when
// a page of another origin rides on the browser's session.
func (s *Service) Authenticate(r *http.Request) (Principal, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return Principal{}, problem.New(problem.Unauthenticated, "the Authorization header is not of the form \"Bearer <token>\"").
				Do("stoa login", "or send: Authorization: Bearer stoa_…")
		}
		return s.ByToken(r.Context(), strings.TrimSpace(token))
	}
	secret, err := sessionSecret(r)
	if err != nil {
		return Principal{}, err
	}
	if secret == "" {
		return Principal{}, problem.New(problem.Unauthenticated, "nobody is signed in").
			Do("stoa login", "or in a browser: /signin")
	}
	if err := CheckOrigin(r); err != nil {
		return Principal{}, err
	}
	return s.bySession(r.Context(), secret)
}

// ByToken says who a token belongs to.
func (s *Service) ByToken(ctx context.Context, token string) (Principal, error) {
	now := s.now()
	hash := hashOf(token)
	p, drops, ok := s.cache.get(hash, now)
	if ok {
		return p, nil
	}
	id, ok := parseToken(token)
	if !ok {
		return Principal{}, problem.New(problem.Unauthenticated, "this is not a token of Stoa, or it was cut or mistyped").
			Because("a token begins with stoa_, has 53 characters and a checksum that must fit").
			Do("stoa login", "or copy the token again, and look at STOA_TOKEN")
	}
	t, err := s.store.Token(ctx, id)
	if problem.Is(err, problem.NotFound) || err == nil && subtle.ConstantTimeCompare(t.Hash[:], hash[:]) != 1 {
		return Principal{}, refusedToken("this platform knows no token " + id)
	}
	if err != nil {
		return Principal{}, err
	}
	switch {
	case !t.Revoked.IsZero():
		return Principal{}, refusedToken("the token " + t.label() + " was revoked on " + t.Revoked.Format(time.DateOnly))
	case ended(t.Expires, now):
		return Principal{}, refusedToken("the token " + t.label() + " expired on " + t.Expires.Format(time.DateOnly))
	}
	if p, err = s.principal(ctx, t.Principal); err != nil {
		return Principal{}, err
	}
	p = narrow(p, t)
	if day := now.Truncate(24 * time.Hour); t.LastUsed.Before(day) {
		// Who asks is known; that it cannot be noted is no reason to refuse.
		if err := s.store.UseToken(ctx, t.ID, day); err != nil {
			s.log.WarnContext(ctx, "last use of token not recorded", slog.String("token", t.ID), slog.Any("error", err))
		}
	}
	s.cache.put(hash, cached{principal: p, id: t.ID, until: earliest(now.Add(cacheLife), t.Expires)}, drops, now)
	return p, nil
}

func (s *Service) bySession(ctx context.Context, secret string) (Principal, error) {
	now := s.now()
	hash := hashOf(secret)
	p, drops, ok := s.cache.get(hash, now)
	if ok {
		return p, nil
	}
	n, err := s.store.Session(ctx, hash)
	idle := n.Seen.Add(sessionIdle)
	if problem.Is(err, problem.NotFound) || err == nil && (ended(n.Expires, now) || ended(idle, now)) {
		return Principal{}, sessionEnded()
	}
	if err != nil {
		return Principal{}, err
	}
	if err := s.stillStands(ctx, n); err != nil {
		return Principal{}, err
	}
	if p, err = s.principal(ctx, n.Principal); err != nil {
		return Principal{}, err
	}
	p.Expires = n.Expires
	if now.Sub(n.Seen) >= seenEvery {
		if err := s.store.SeeSession(ctx, hash, now); err != nil {
			s.log.WarnContext(ctx, "last use of session not recorded", slog.Any("error", err))
		}
	}
	until := earliest(earliest(now.Add(cacheLife), n.Expires), idle)
	s.cache.put(hash, cached{principal: p, id: n.Token, until: until}, drops, now)
	return p, nil
}

// stillStands refuses a session whose password was changed or whose token was
// revoked. Both delete the sessions that they find; this also catches one that
// was being opened at that moment.
func (s *Service) stillStands(ctx context.Context, n Session) error {
	if n.Token == "" {
		a, err := s.store.Account(ctx, n.Principal)
		if err == nil && a.PasswordSet.After(n.Created) {
			return sessionEnded()
		}
		return err
	}
	t, err := s.store.Token(ctx, n.Token)
	if problem.Is(err, problem.NotFound) || err == nil && !t.Revoked.IsZero() {
		return sessionEnded()
	}
	return err
}

func sessionEnded() error {
	return problem.New(problem.Unauthenticated, "the session has ended").
		Because("a session ends 12 hours after its last use, at sign-out, when the password changes and with the token it came from").
		Do("sign in again: /signin")
}

// principal builds a principal from its account and its memberships.
func (s *Service) principal(ctx context.Context, name string) (Principal, error) {
	p := Principal{Name: name, Bot: strings.HasPrefix(name, machinePrefix)}
	if !p.Bot {
		a, err := s.store.Account(ctx, name)
		switch {
		case problem.Is(err, problem.NotFound):
			return Principal{}, problem.New(problem.Unauthenticated, "the account %s is no more", name).Do("ask @platform")
		case err != nil:
			return Principal{}, err
		case !a.Disabled.IsZero():
			return Principal{}, problem.New(problem.Unauthenticated, "the account %s was disabled on %s", name,
				a.Disabled.Format(time.DateOnly)).Do("ask @platform")
		}
		p.Display = a.Display
	}
	var err error
	p.Platform, p.Teams, err = s.members.Memberships(ctx, name)
	return p, err
}

// narrow leaves of a principal what the token t lets through.
func narrow(p Principal, t Token) Principal {
	p.Token, p.Scopes, p.Expires = t.ID, t.Scopes, t.Expires
	p.Narrowed = p.Bot || len(t.Scopes)+len(t.Teams) > 0
	if p.Display == "" {
		p.Display = t.Name
	}
	if len(t.Teams) == 0 {
		return p
	}
	teams := make(map[string]Role, len(t.Teams))
	for _, team := range t.Teams {
		switch {
		case p.Bot: // belongs to its teams and to nothing else
			teams[team] = TeamMember
		case rank(p.Platform) >= rank(PlatformMember):
			teams[team] = TeamOwner
		case isTeamRole(p.Teams[team]):
			teams[team] = p.Teams[team]
		}
	}
	p.Teams = teams
	if p.Bot || known(p.Platform) {
		p.Platform = Viewer
	}
	return p
}

func refusedToken(title string) error {
	return problem.New(problem.Unauthenticated, "%s", title).
		Do("stoa login", "or set STOA_TOKEN to one that is valid")
}

// ended reports whether the end, unless it is zero, has come.
func ended(end, now time.Time) bool { return !end.IsZero() && !now.Before(end) }

// earliest is the earlier time; b may be zero, which is never.
func earliest(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}
