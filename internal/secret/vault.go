package secret

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// Vault keeps the values of secrets in the database.
type Vault struct {
	store *store.Store
	keys  *Keyring
}

// NewVault returns a Vault. It returns problem.Failed when the database holds
// values that the keyring cannot open: better to be told at the start than at
// the next release.
func NewVault(ctx context.Context, s *store.Store, keys *Keyring) (*Vault, error) {
	v := &Vault{store: s, keys: keys}
	used, err := keysInUse(ctx, v.store)
	if err != nil {
		return nil, err
	}
	for kek := range used {
		if !keys.holds(kek) {
			return nil, keys.missing(kek)
		}
	}
	return v, nil
}

// Sealed reports whether the database holds values, which only the keyset that
// they were encrypted under opens: one made anew would be in its way.
func Sealed(ctx context.Context, s *store.Store) (bool, error) {
	used, err := keysInUse(ctx, s)
	return len(used) > 0, err
}

// Set stores values of the secret in the transaction, leaving its other keys
// as they are, and returns what there is now, for the object's spec and status.
func (v *Vault) Set(ctx context.Context, tx *store.Tx, name string, values map[string][]byte) (SecretStatus, error) {
	if err := checkValues(values); err != nil {
		return SecretStatus{}, err
	}
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		sealed, kek, err := v.keys.seal(name, key, values[key])
		if err != nil {
			return SecretStatus{}, err
		}
		_, err = tx.Exec(ctx, `INSERT INTO secret_values (secret, key, version, updated, kek, ciphertext)
			VALUES ($1, $2, 1, $3, $4, $5)
			ON CONFLICT (secret, key) DO UPDATE SET version = secret_values.version + 1,
				updated = excluded.updated, kek = excluded.kek, ciphertext = excluded.ciphertext`,
			name, key, tx.Now().UnixMicro(), int64(kek), sealed)
		if err != nil {
			return SecretStatus{}, fmt.Errorf("store secret: %w", err)
		}
	}
	status, err := checkSize(ctx, tx, name)
	if err != nil {
		return SecretStatus{}, err
	}
	return status, appendFact(ctx, tx, "dev.stoa.secret.set", name, keys)
}

// Delete removes keys of the secret, all when none is named, and returns what
// is left. What is not there is no error.
func (v *Vault) Delete(ctx context.Context, tx *store.Tx, name string, keys ...string) (SecretStatus, error) {
	if len(keys) == 0 {
		if _, err := tx.Exec(ctx, `DELETE FROM secret_values WHERE secret = $1`, name); err != nil {
			return SecretStatus{}, fmt.Errorf("delete secret: %w", err)
		}
	}
	for _, key := range keys {
		if _, err := tx.Exec(ctx, `DELETE FROM secret_values WHERE secret = $1 AND key = $2`, name, key); err != nil {
			return SecretStatus{}, fmt.Errorf("delete secret: %w", err)
		}
	}
	status, _, err := readStatus(ctx, tx, name)
	if err != nil {
		return SecretStatus{}, err
	}
	return status, appendFact(ctx, tx, "dev.stoa.secret.deleted", name, keys)
}

// Status says what there is of the secret, seen from inside a transaction.
func (v *Vault) Status(ctx context.Context, tx *store.Tx, name string) (SecretStatus, error) {
	status, _, err := readStatus(ctx, tx, name)
	return status, err
}

// Environment opens the values of the secrets and returns them as "KEY=value",
// sorted. It returns problem.NotFound for a secret without values, and
// problem.Conflict when two secrets give the same variable.
func (v *Vault) Environment(ctx context.Context, names []string) ([]string, error) {
	var env []string
	from := map[string]string{}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	for _, name := range names {
		rows, err := v.values(ctx, name)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, problem.New(problem.NotFound, "secret %s has no values", name).
				Do("stoa describe secret "+name+"    shows whose it is", "stoa secret set SERVICE KEY --env ENVIRONMENT    asks for one")
		}
		for _, r := range rows {
			if other, twice := from[r.key]; twice {
				return nil, problem.New(problem.Conflict, "%s comes from two secrets: %s and %s", r.key, other, name).
					Do("stoa secret unset SERVICE " + r.key + "    takes it out of one of them")
			}
			from[r.key] = name
			value, err := v.keys.open(name, r.key, r.ciphertext, r.kek)
			if err != nil {
				return nil, err
			}
			env = append(env, r.key+"="+string(value))
		}
	}
	slices.Sort(env)
	return env, nil
}

// Value opens one value of a secret. It returns problem.NotFound when there is none.
func (v *Vault) Value(ctx context.Context, name, key string) ([]byte, error) {
	rows, err := v.read(ctx, `SELECT secret, key, version, kek, ciphertext FROM secret_values WHERE secret = $1 AND key = $2`, name, key)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, problem.New(problem.NotFound, "secret %s has no value %s", name, key).
			Do("stoa secret set secret/" + name + " " + key + "   asks for it")
	}
	return v.keys.open(name, key, rows[0].ciphertext, rows[0].kek)
}

// sealed is a row of secret_values.
type sealed struct {
	secret, key string
	version     int64
	kek         uint32
	ciphertext  []byte
}

// values reads the rows of one secret.
func (v *Vault) values(ctx context.Context, name string) ([]sealed, error) {
	return v.read(ctx, `SELECT secret, key, version, kek, ciphertext FROM secret_values WHERE secret = $1 ORDER BY key`, name)
}

func (v *Vault) read(ctx context.Context, query string, args ...any) ([]sealed, error) {
	rows, err := v.store.Reader().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	defer rows.Close()
	var all []sealed
	for rows.Next() {
		var r sealed
		if err := rows.Scan(&r.secret, &r.key, &r.version, &r.kek, &r.ciphertext); err != nil {
			return nil, fmt.Errorf("read secrets: %w", err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	return all, nil
}

// checkSize refuses a secret that has grown too large for an environment.
func checkSize(ctx context.Context, tx *store.Tx, name string) (SecretStatus, error) {
	status, size, err := readStatus(ctx, tx, name)
	if err != nil {
		return SecretStatus{}, err
	}
	if size > MaxSecret || len(status.Keys) > MaxKeys {
		return SecretStatus{}, problem.New(problem.TooLarge, "secret %s would have %d keys and about %d bytes, at most %d and %d",
			name, len(status.Keys), size, MaxKeys, MaxSecret).
			Because("all of it goes into the environment of a process, which the system limits").
			Do("split it into several secrets, or keep large files elsewhere")
	}
	return status, nil
}

// readStatus also returns the bytes of the ciphertexts.
func readStatus(ctx context.Context, tx *store.Tx, name string) (status SecretStatus, size int, err error) {
	rows, err := tx.Query(ctx, `SELECT key, version, updated, length(ciphertext) FROM secret_values WHERE secret = $1`, name)
	if err != nil {
		return status, 0, fmt.Errorf("read secret: %w", err)
	}
	defer rows.Close()
	status.Keys = map[string]KeyStatus{}
	for rows.Next() {
		var key string
		var version, updated int64
		var length int
		if err := rows.Scan(&key, &version, &updated, &length); err != nil {
			return status, 0, fmt.Errorf("read secret: %w", err)
		}
		status.Keys[key] = KeyStatus{Version: version, Updated: time.UnixMicro(updated).UTC()}
		size += length
	}
	return status, size, rows.Err()
}

// appendFact tells what happened, by the names of keys alone.
func appendFact(ctx context.Context, tx *store.Tx, kind, name string, keys []string) error {
	data, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	fact := event.Event{Source: "/stoa/secret", Type: kind, Subject: "secret/" + name, Actor: tx.By(), Data: data}
	doc, err := tx.Get(ctx, "Secret", name)
	switch {
	case err == nil:
		fact.Team = doc.Owner
	case !problem.Is(err, problem.NotFound):
		return err
	}
	tx.Append(fact)
	return nil
}

// Reseal encrypts every value that an older key sealed anew, under the primary
// key, a hundred in a transaction, and returns how many. It can be stopped and
// begun again at any time, and runs while values are read and set.
func (v *Vault) Reseal(ctx context.Context, by string) (int, error) {
	if _, err := v.keys.reload(); err != nil {
		return 0, err
	}
	primary, err := v.keys.primary()
	if err != nil {
		return 0, err
	}
	done := 0
	var after sealed
	for {
		page, err := v.read(ctx, `SELECT secret, key, version, kek, ciphertext FROM secret_values
			WHERE kek <> $1 AND (secret > $2 OR secret = $2 AND key > $3)
			ORDER BY secret, key LIMIT 100`, int64(primary), after.secret, after.key)
		if err != nil || len(page) == 0 {
			return done, err
		}
		after = page[len(page)-1]
		err = v.store.Write(ctx, by, func(ctx context.Context, tx *store.Tx) error {
			for _, r := range page {
				if err := v.reseal(ctx, tx, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return done, err
		}
		done += len(page)
	}
}

// reseal leaves a value alone that was set meanwhile: that is sealed by the new key.
func (v *Vault) reseal(ctx context.Context, tx *store.Tx, r sealed) error {
	value, err := v.keys.open(r.secret, r.key, r.ciphertext, r.kek)
	if err != nil {
		return err
	}
	ciphertext, kek, err := v.keys.seal(r.secret, r.key, value)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE secret_values SET kek = $4, ciphertext = $5 WHERE secret = $1 AND key = $2 AND version = $3`,
		r.secret, r.key, r.version, int64(kek), ciphertext)
	return err
}

// Rotate makes a new key-encryption key and reseals every value under it. It
// returns how many. Older keys stay in the keyset for the sake of backups and
// of replicas that still seal by them, until Prune.
func (v *Vault) Rotate(ctx context.Context, by string) (int, error) {
	if err := v.keys.Rotate(); err != nil {
		return 0, err
	}
	return v.Reseal(ctx, by)
}

// Prune removes the keys that seal nothing any more and returns how many. A
// backup from before the rotation cannot be opened without them.
func (v *Vault) Prune(ctx context.Context) (int, error) {
	used, err := keysInUse(ctx, v.store)
	if err != nil {
		return 0, err
	}
	return v.keys.prune(used)
}

func keysInUse(ctx context.Context, s *store.Store) (map[uint32]bool, error) {
	rows, err := s.Reader().QueryContext(ctx, `SELECT DISTINCT kek FROM secret_values`)
	if err != nil {
		return nil, fmt.Errorf("read keys in use: %w", err)
	}
	defer rows.Close()
	used := map[uint32]bool{}
	for rows.Next() {
		var kek sql.Null[int64]
		if err := rows.Scan(&kek); err != nil {
			return nil, fmt.Errorf("read keys in use: %w", err)
		}
		used[uint32(kek.V)] = true
	}
	return used, rows.Err()
}

// Redactor masks the values of an environment that Environment returned.
func (v *Vault) Redactor(env []string) *Redactor {
	values := make([]string, 0, len(env))
	for _, pair := range env {
		if _, value, ok := strings.Cut(pair, "="); ok {
			values = append(values, value)
		}
	}
	return Redact(values...)
}

// Erase removes all values of the secret, whose object is deleted with them.
func (v *Vault) Erase(ctx context.Context, tx *store.Tx, name string) error {
	_, err := v.Delete(ctx, tx, name)
	return err
}
