package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

var _ auth.Store = (*Store)(nil)

// authWriter is on whose behalf expiry and use are recorded.
const authWriter = "stoa/auth"

const accountColumns = `principal, display, password, password_set, created, disabled`

// Account implements auth.AccountStore.
func (s *Store) Account(ctx context.Context, principal string) (auth.Account, error) {
	row := s.reader.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM accounts WHERE principal = $1`, principal)
	a, err := scanAccount(row)
	return a, s.authError(err, "account", principal)
}

// Accounts implements auth.AccountStore.
func (s *Store) Accounts(ctx context.Context) ([]auth.Account, error) {
	return queryAll(ctx, s, s.reader, scanAccount, allAccounts)
}

// Accounts implements auth.Inside.
func (tx *Tx) Accounts(ctx context.Context) ([]auth.Account, error) {
	return queryAll(ctx, tx.store, tx.sql, scanAccount, allAccounts)
}

const allAccounts = `SELECT ` + accountColumns + ` FROM accounts ORDER BY principal`

// writeChecked is Write with a check at its end, under the lock that admissions
// take too.
func (s *Store) writeChecked(ctx context.Context, by string, check auth.Check, write func(context.Context, *Tx) error) error {
	if check == nil {
		return s.Write(ctx, by, write)
	}
	return s.Write(ctx, by, func(ctx context.Context, tx *Tx) error {
		if err := tx.Lock(ctx, AdmissionLock); err != nil {
			return err
		}
		if err := write(ctx, tx); err != nil {
			return err
		}
		return check(ctx, tx)
	})
}

// CreateAccount implements auth.AccountStore.
func (s *Store) CreateAccount(ctx context.Context, a auth.Account, fact event.Event) error {
	err := s.Write(ctx, fact.Actor, func(ctx context.Context, tx *Tx) error {
		tx.Append(fact)
		_, err := tx.Exec(ctx, `INSERT INTO accounts (`+accountColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
			a.Principal, a.Display, a.Hash, micros(a.PasswordSet), micros(a.Created), micros(a.Disabled))
		return err
	})
	if problem.Is(err, problem.Conflict) {
		return problem.New(problem.Conflict, "there is an account %s already", a.Principal).Cause(err)
	}
	return err
}

// UpdateAccount implements auth.AccountStore.
func (s *Store) UpdateAccount(ctx context.Context, by, principal string, change func(*auth.Account) error, check auth.Check, facts ...event.Event) error {
	return s.writeChecked(ctx, by, check, func(ctx context.Context, tx *Tx) error {
		row := tx.QueryRow(ctx, `SELECT `+accountColumns+` FROM accounts WHERE principal = $1`+s.dialect.forUpdate, principal)
		old, err := scanAccount(row)
		if err != nil {
			return s.authError(err, "account", principal)
		}
		a := old
		if err := change(&a); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE accounts SET display = $2, password = $3, password_set = $4, disabled = $5 WHERE principal = $1`,
			principal, a.Display, a.Hash, micros(a.PasswordSet), micros(a.Disabled))
		if err != nil {
			return err
		}
		tx.Append(facts...)
		if a.PasswordSet.Equal(old.PasswordSet) && a.Disabled.IsZero() {
			return nil
		}
		return tx.endSessions(ctx, `principal`, principal)
	})
}

// DeleteAccount implements auth.AccountStore.
func (s *Store) DeleteAccount(ctx context.Context, principal string, check auth.Check, fact event.Event) error {
	return s.writeChecked(ctx, fact.Actor, check, func(ctx context.Context, tx *Tx) error {
		result, err := tx.Exec(ctx, `DELETE FROM accounts WHERE principal = $1`, principal)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, object.NotFound("account", principal))
		}
		if _, err := tx.Exec(ctx, `DELETE FROM tokens WHERE principal = $1`, principal); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE tokens SET created_by = '' WHERE created_by = $1`, principal); err != nil {
			return err
		}
		tx.Append(fact)
		return tx.endSessions(ctx, `principal`, principal)
	})
}

// endSessions ends the sessions and codes whose column has the value.
func (tx *Tx) endSessions(ctx context.Context, column, value string) error {
	for _, table := range [...]string{"sessions", "signin_codes"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE `+column+` = $1`, value); err != nil {
			return err
		}
	}
	return nil
}

const tokenColumns = `id, hash, name, principal, scopes, teams, created_by, created, expires, last_used, revoked`

// Token implements auth.TokenStore.
func (s *Store) Token(ctx context.Context, id string) (auth.Token, error) {
	t, err := scanToken(s.reader.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE id = $1`, id))
	return t, s.authError(err, "token", id)
}

// Tokens implements auth.TokenStore.
func (s *Store) Tokens(ctx context.Context, principal string) ([]auth.Token, error) {
	if principal == "" {
		return queryAll(ctx, s, s.reader, scanToken, `SELECT `+tokenColumns+` FROM tokens ORDER BY created DESC, id`)
	}
	return queryAll(ctx, s, s.reader, scanToken, `SELECT `+tokenColumns+` FROM tokens
		WHERE principal = $1 OR created_by = $1 ORDER BY created DESC, id`, principal)
}

// TeamTokens gives the tokens of machines that reach the team and still hold,
// newest first. Ask under AdmissionLock, which CreateToken takes too.
func (tx *Tx) TeamTokens(ctx context.Context, team string) ([]auth.Token, error) {
	machines, err := queryAll(ctx, tx.store, tx.sql, scanToken, `SELECT `+tokenColumns+` FROM tokens
		WHERE principal LIKE 'token/%' AND revoked = 0 AND (expires = 0 OR expires > $1) ORDER BY created DESC, id`, micros(tx.now))
	return slices.DeleteFunc(machines, func(t auth.Token) bool { return !slices.Contains(t.Teams, team) }), err
}

// CreateToken implements auth.TokenStore.
func (s *Store) CreateToken(ctx context.Context, t auth.Token, check auth.Check, fact event.Event) error {
	return s.writeChecked(ctx, fact.Actor, check, func(ctx context.Context, tx *Tx) error {
		tx.Append(fact)
		_, err := tx.Exec(ctx, `INSERT INTO tokens (`+tokenColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			t.ID, t.Hash[:], t.Name, t.Principal, strings.Join(t.Scopes, " "), strings.Join(t.Teams, " "),
			t.CreatedBy, micros(t.Created), micros(t.Expires), micros(t.LastUsed), micros(t.Revoked))
		return err
	})
}

// RevokeToken implements auth.TokenStore.
func (s *Store) RevokeToken(ctx context.Context, id string, at time.Time, fact event.Event) error {
	return s.Write(ctx, fact.Actor, func(ctx context.Context, tx *Tx) error {
		result, err := tx.Exec(ctx, `UPDATE tokens SET revoked = $2 WHERE id = $1 AND revoked = 0`, id, micros(at))
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return err
		}
		tx.Append(fact)
		return tx.endSessions(ctx, `token`, id)
	})
}

// UseToken implements auth.TokenStore.
func (s *Store) UseToken(ctx context.Context, id string, day time.Time) error {
	return s.exec(ctx, `UPDATE tokens SET last_used = $2 WHERE id = $1 AND last_used < $2`, id, micros(day))
}

// exec runs one statement in a transaction of its own.
func (s *Store) exec(ctx context.Context, query string, args ...any) error {
	return s.Write(ctx, authWriter, func(ctx context.Context, tx *Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	})
}

// authError makes problem.NotFound of a row that is not there.
func (s *Store) authError(err error, noun, name string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return object.NotFound(noun, name)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", noun, s.translate(err))
	}
	return nil
}

// scanner is a row: *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

func scanAccount(row scanner) (a auth.Account, err error) {
	var set, created, disabled int64
	err = row.Scan(&a.Principal, &a.Display, &a.Hash, &set, &created, &disabled)
	a.PasswordSet, a.Created, a.Disabled = fromStored(set), fromStored(created), fromStored(disabled)
	return a, err
}

func scanToken(row scanner) (t auth.Token, err error) {
	var hash []byte
	var scopes, teams string
	var created, expires, used, revoked int64
	err = row.Scan(&t.ID, &hash, &t.Name, &t.Principal, &scopes, &teams, &t.CreatedBy, &created, &expires, &used, &revoked)
	if err == nil && copy(t.Hash[:], hash) != sha256.Size {
		err = fmt.Errorf("token %s has a hash of %d bytes", t.ID, len(hash))
	}
	t.Scopes, t.Teams = strings.Fields(scopes), strings.Fields(teams)
	t.Created, t.Expires, t.LastUsed, t.Revoked = fromStored(created), fromStored(expires), fromStored(used), fromStored(revoked)
	return t, err
}

// queryAll reads every row of a query.
func queryAll[T any](ctx context.Context, s *Store, from querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, s.translate(err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, s.translate(err)
		}
		all = append(all, item)
	}
	return all, s.translate(rows.Err())
}

// micros is how a time is stored; the zero time, which is never, is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromStored(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return fromMicros(us)
}
