package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store/bulk"
)

type dimName struct {
	kind event.DimKind
	name string
}

// nameCacheSize bounds the names kept in memory; when it is full it starts anew.
const nameCacheSize = 200_000

// nameCache keeps names and their numbers, both of which never change.
type nameCache struct {
	mu  sync.RWMutex
	ids map[dimName]int64
}

func (c *nameCache) id(n dimName) (int64, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	id, ok := c.ids[n]
	return id, ok
}

func (c *nameCache) add(n dimName, id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids == nil || len(c.ids) >= nameCacheSize {
		c.ids = map[dimName]int64{}
	}
	c.ids[n] = id
}

// dimNames are the names that an event carries, by their kind.
func dimNames(e *event.Entry) [7]string {
	return [...]string{event.DimType: e.Type, event.DimSource: e.Source, event.DimActor: e.Actor, event.DimTeam: e.Team,
		event.DimService: e.Service, event.DimCapability: e.Capability, event.DimEnvironment: e.Environment}
}

// numberDims gives the numbers of all names in the entries, new ones to those
// that never were seen, in the order in which they come. It needs the lock of
// the head. A name that is not in the answer is "", whose number is 0.
func (tx *Tx) numberDims(ctx context.Context, head *ledgerHead, entries []event.Entry) (map[dimName]int64, error) {
	ids := map[dimName]int64{}
	var unknown []dimName
	for i := range entries {
		for kind, name := range dimNames(&entries[i]) {
			n := dimName{event.DimKind(kind), name}
			if _, seen := ids[n]; seen || name == "" {
				continue
			}
			id, known := tx.store.ledger.dims.id(n)
			if ids[n] = id; !known {
				unknown = append(unknown, n)
			}
		}
	}
	if len(unknown) == 0 {
		return ids, nil
	}
	if err := tx.findDims(ctx, unknown, ids); err != nil {
		return nil, fmt.Errorf("number names: %w", err)
	}
	var made [][]any
	for _, n := range unknown {
		if ids[n] == 0 {
			head.dims++
			ids[n] = head.dims
			made = append(made, []any{head.dims, int(n.kind), n.name})
		}
	}
	if err := tx.run(ctx, insertDims, made); err != nil {
		return nil, fmt.Errorf("number names: %w", tx.store.translate(err))
	}
	tx.AfterCommit(func() {
		for _, n := range unknown {
			tx.store.ledger.dims.add(n, ids[n])
		}
	})
	return ids, nil
}

var insertDims = bulk.Statement{Head: "INSERT INTO dim (id, kind, name) VALUES ", Columns: 3}

// findDims puts the numbers of those names into ids that have one.
func (tx *Tx) findDims(ctx context.Context, names []dimName, ids map[dimName]int64) error {
	byKind := map[event.DimKind][]string{}
	for _, n := range names {
		byKind[n.kind] = append(byKind[n.kind], n.name)
	}
	for kind, of := range byKind {
		err := tx.store.dialect.byName(of, int(kind), func(compared string, args []any) error {
			rows, err := tx.Query(ctx, "SELECT id, name FROM dim WHERE kind = $1 AND name "+compared, args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				n := dimName{kind: kind}
				var id int64
				if err := rows.Scan(&id, &n.name); err != nil {
					return err
				}
				ids[n] = id
			}
			return rows.Err()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// pseudonymPrefix begins every pseudonym. Principals have a "/" in their names
// and so never look like one.
const pseudonymPrefix = "p-"

// readable reports whether a principal stands under its own name: the parts of
// Stoa, who are nobody, and pseudonyms themselves.
func readable(principal string) bool {
	return principal == "" || strings.HasPrefix(principal, "stoa/") ||
		(strings.HasPrefix(principal, pseudonymPrefix) && !strings.Contains(principal, "/"))
}

// personCache remembers pseudonyms for a minute: as long a replica may use one
// of a person whom another replica just erased.
type personCache struct {
	mu         sync.Mutex
	since      time.Time
	pseudonyms map[string]string
}

const personCacheFor = time.Minute

func (c *personCache) get(principal string, now time.Time) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.since).Abs() > personCacheFor || len(c.pseudonyms) >= nameCacheSize {
		c.since, c.pseudonyms = now, map[string]string{}
	}
	p, ok := c.pseudonyms[principal]
	return p, ok
}

func (c *personCache) add(principal, pseudonym string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pseudonyms != nil {
		c.pseudonyms[principal] = pseudonym
	}
}

func (c *personCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pseudonyms = nil
	c.since = time.Time{}
}

// pseudonym gives the random, lasting name under which a principal stands in
// history and ledger. Stoa's own parts keep their names.
func (tx *Tx) pseudonym(ctx context.Context, principal string) (string, error) {
	if readable(principal) {
		return principal, nil
	}
	if p, ok := tx.store.ledger.persons.get(principal, tx.now); ok {
		return p, nil
	}
	var pseudonym string
	const find = "SELECT pseudonym FROM persons WHERE principal = $1"
	err := tx.QueryRow(ctx, find, principal).Scan(&pseudonym)
	if errors.Is(err, sql.ErrNoRows) {
		// Whoever comes second takes what the first one wrote.
		if _, err = tx.Exec(ctx, "INSERT INTO persons (principal, pseudonym) VALUES ($1, $2) ON CONFLICT (principal) DO NOTHING",
			principal, newPseudonym()); err == nil {
			err = tx.QueryRow(ctx, find, principal).Scan(&pseudonym)
		}
	}
	if err != nil {
		return "", fmt.Errorf("find pseudonym: %w", tx.store.translate(err))
	}
	tx.AfterCommit(func() { tx.store.ledger.persons.add(principal, pseudonym) })
	return pseudonym, nil
}

func newPseudonym() string {
	var random [10]byte
	_, _ = rand.Read(random[:]) // never fails
	return pseudonymPrefix + strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))
}
