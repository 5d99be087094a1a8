package auth

import (
	"context"
	"time"
)

// exchangedTTL is how long a token lasts that a command line got for a password.
const exchangedTTL = 30 * 24 * time.Hour

// Exchange signs in by name and password, as Login does, and returns an API
// token for the command line instead of a browser session.
func (s *Service) Exchange(ctx context.Context, name, password, addr, tokenName string) (Token, string, error) {
	n, err := s.Login(ctx, name, password, addr)
	if err != nil {
		return Token{}, "", err
	}
	defer func() { _ = s.store.EndSession(context.WithoutCancel(ctx), n.Hash) }() // it expires by itself otherwise
	p, err := s.bySession(ctx, n.Secret)
	if err != nil {
		return Token{}, "", err
	}
	p.Expires = time.Time{} // the token outlives the session that it was made in
	return s.CreateToken(ctx, p, CreateToken{Name: tokenName, Principal: p.Name, TTL: exchangedTTL})
}
