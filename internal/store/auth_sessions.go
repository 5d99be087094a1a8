package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
)

// Session implements auth.SessionStore.
func (s *Store) Session(ctx context.Context, hash [sha256.Size]byte) (auth.Session, error) {
	n := auth.Session{Hash: hash}
	var created, seen, expires int64
	err := s.reader.QueryRowContext(ctx, `SELECT principal, token, created, seen, expires FROM sessions WHERE hash = $1`, hash[:]).
		Scan(&n.Principal, &n.Token, &created, &seen, &expires)
	n.Created, n.Seen, n.Expires = fromStored(created), fromStored(seen), fromStored(expires)
	return n, s.authError(err, "session", "")
}

// CreateSession implements auth.SessionStore.
func (s *Store) CreateSession(ctx context.Context, n auth.Session, fact event.Event) error {
	return s.Write(ctx, fact.Actor, func(ctx context.Context, tx *Tx) error {
		tx.Append(fact)
		_, err := tx.Exec(ctx, `INSERT INTO sessions (hash, principal, token, created, seen, expires) VALUES ($1, $2, $3, $4, $5, $6)`,
			n.Hash[:], n.Principal, n.Token, micros(n.Created), micros(n.Seen), micros(n.Expires))
		return err
	})
}

// SeeSession implements auth.SessionStore.
func (s *Store) SeeSession(ctx context.Context, hash [sha256.Size]byte, at time.Time) error {
	return s.exec(ctx, `UPDATE sessions SET seen = $2 WHERE hash = $1 AND seen < $2`, hash[:], micros(at))
}

// EndSession implements auth.SessionStore.
func (s *Store) EndSession(ctx context.Context, hash [sha256.Size]byte) error {
	return s.exec(ctx, `DELETE FROM sessions WHERE hash = $1`, hash[:])
}

// CreateCode implements auth.CodeStore.
func (s *Store) CreateCode(ctx context.Context, c auth.Code) error {
	return s.exec(ctx, `INSERT INTO signin_codes (hash, principal, token, expires, session_until) VALUES ($1, $2, $3, $4, $5)`,
		c.Hash[:], c.Principal, c.Token, micros(c.Expires), micros(c.Until))
}

// TakeCode implements auth.CodeStore.
func (s *Store) TakeCode(ctx context.Context, hash [sha256.Size]byte) (auth.Code, error) {
	c := auth.Code{Hash: hash}
	err := s.Write(ctx, authWriter, func(ctx context.Context, tx *Tx) error {
		var expires, until int64
		err := tx.QueryRow(ctx, `DELETE FROM signin_codes WHERE hash = $1 RETURNING principal, token, expires, session_until`, hash[:]).
			Scan(&c.Principal, &c.Token, &expires, &until)
		c.Expires, c.Until = fromStored(expires), fromStored(until)
		return s.authError(err, "sign-in code", "")
	})
	return c, err
}

// SweepAuth implements auth.SessionStore.
func (s *Store) SweepAuth(ctx context.Context, now, idle, ended time.Time) (rows int, err error) {
	err = s.Write(ctx, authWriter, func(ctx context.Context, tx *Tx) error {
		rows = 0 // the function may run again
		for _, sweep := range [...]struct {
			query  string
			before time.Time
		}{
			{`DELETE FROM sessions WHERE expires <= $1`, now},
			{`DELETE FROM sessions WHERE seen <= $1`, idle},
			{`DELETE FROM signin_codes WHERE expires <= $1`, now},
			{`DELETE FROM tokens WHERE expires > 0 AND expires <= $1`, ended},
			{`DELETE FROM tokens WHERE revoked > 0 AND revoked <= $1`, ended},
		} {
			result, err := tx.Exec(ctx, sweep.query, micros(sweep.before))
			if err != nil {
				return fmt.Errorf("sweep: %w", err)
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			rows += int(n)
		}
		return nil
	})
	return rows, err
}
