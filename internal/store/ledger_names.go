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

// newDims numbers names inside the transaction that holds the head's lock.
type newDims struct {
	tx   *Tx
	head *ledgerHead
	made map[dimName]int64
}

func (tx *Tx) newDims(head *ledgerHead) *newDims {
	return &newDims{tx: tx, head: head, made: map[dimName]int64{}}
}

// id gives the number of a name, a new one if it never was seen; 0 for "".
func (d *newDims) id(ctx context.Context, kind event.DimKind, name string) (int64, error) {
	if name == "" {
		return 0, nil
	}
	n := dimName{kind, name}
	if id, ok := d.tx.store.ledger.dims.id(n); ok {
		return id, nil
	}
	if id, ok := d.made[n]; ok {
		return id, nil
	}
	var id int64
	err := d.tx.QueryRow(ctx, "SELECT id FROM dim WHERE kind = $1 AND name = $2", int(kind), name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		d.head.dims++
		id = d.head.dims
		_, err = d.tx.Exec(ctx, "INSERT INTO dim (id, kind, name) VALUES ($1, $2, $3)", id, int(kind), name)
	}
	if err != nil {
		return 0, fmt.Errorf("number %q: %w", name, err)
	}
	d.made[n] = id
	d.tx.AfterCommit(func() { d.tx.store.ledger.dims.add(n, id) })
	return id, nil
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
