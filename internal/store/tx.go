package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store/bulk"
)

// Job is work to be done durably after the commit.
type Job struct {
	Kind string
	// Args is encoded as JSON.
	Args any
	// Long says that it may keep the machine busy for minutes, as a build does:
	// such jobs have a limit of their own and keep no other job waiting. One that
	// only waits, however long, is none.
	Long bool
}

// Enqueuer inserts jobs inside a transaction, so that they exist if and only if
// it commits.
type Enqueuer interface {
	InsertTx(ctx context.Context, tx *sql.Tx, jobs []Job) error
	// Committed is called after the commit of a transaction with jobs.
	Committed()
}

// UseJobs sets what Tx.Enqueue inserts with. Call it before the first Write.
func (s *Store) UseJobs(e Enqueuer) { s.jobs = e }

// Tx is one transaction: it implements object.Writer. It is valid until the
// function that was given it returns, and for one goroutine.
type Tx struct {
	store  *Store
	sql    *sql.Tx
	by     string
	now    time.Time
	again  bool // an earlier try lost a race: lock what is read
	raced  bool // this try lost one: whatever fn returns, it runs again
	read   map[objectKey]int64
	actor  string // pseudonym of by, once it was asked
	events []event.Event
	after  []func()
}

type objectKey struct{ kind, name string }

// retryFor bounds how long Write tries again after it lost races.
const retryFor = 30 * time.Second

// Write runs fn in one transaction for the principal by ("user/ann") and
// commits what it did, its events last. If fn returns an error or panics,
// nothing is changed.
//
// fn may run several times: it must not have effects outside of tx (see
// AfterCommit). It runs again when another transaction changed what it read, so
// Get followed by Put never loses an update. It must read through tx only: on
// SQLite there is one connection that writes, and asking for it twice waits for
// ever.
func (s *Store) Write(ctx context.Context, by string, fn func(ctx context.Context, tx *Tx) error) error {
	if by == "" {
		return errors.New("write: no principal given")
	}
	started := time.Now()
	for try := 0; ; try++ {
		again, err := s.writeOnce(ctx, by, try > 0, fn)
		if !again {
			return err
		}
		if time.Since(started) > retryFor {
			return fmt.Errorf("write: %d tries: %w", try+1, err)
		}
		wait := time.Duration(1+rand.IntN(10<<min(try, 4))) * time.Millisecond
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// writeOnce tries once and says whether trying again makes sense.
func (s *Store) writeOnce(ctx context.Context, by string, again bool, fn func(context.Context, *Tx) error) (retry bool, err error) {
	sqlTx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return s.dialect.classify(err) == faultRetry, s.translate(err)
	}
	tx := &Tx{store: s, sql: sqlTx, by: by, now: s.now(), again: again, read: map[objectKey]int64{}}
	defer func() { _ = sqlTx.Rollback() }() // does nothing after the commit

	err = fn(ctx, tx)
	if err == nil && !tx.raced && len(tx.events) > 0 {
		err = s.translate(tx.appendEvents(ctx, tx.events))
	}
	if err == nil && !tx.raced {
		err = s.translate(sqlTx.Commit())
	}
	if tx.raced || (err != nil && s.dialect.classify(err) == faultRetry) {
		if err == nil {
			err = toProblem(faultRetry)
		}
		return true, err
	}
	if err != nil {
		return false, err
	}
	s.noteCommit()
	for _, f := range tx.after {
		f()
	}
	return false, nil
}

// as gives a view of the transaction as another principal's, whose events it keeps.
func (tx *Tx) as(by string) *Tx {
	other := *tx
	other.by, other.actor, other.events, other.after = by, "", nil, nil
	return &other
}

// By is the principal on whose behalf the transaction runs.
func (tx *Tx) By() string { return tx.by }

// Now is the time of the transaction: everything it writes carries the same.
func (tx *Tx) Now() time.Time { return tx.now }

// Append adds events to the ledger, in this order, at the end of the transaction.
func (tx *Tx) Append(events ...event.Event) { tx.events = append(tx.events, events...) }

// AfterCommit runs f once the transaction is committed, and not if it fails.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// Enqueue inserts jobs that start after the commit.
func (tx *Tx) Enqueue(ctx context.Context, jobs ...Job) error {
	if len(jobs) == 0 {
		return nil
	}
	if tx.store.jobs == nil {
		return errors.New("enqueue: the store was given no queue")
	}
	tx.AfterCommit(tx.store.jobs.Committed)
	return tx.store.translate(tx.store.jobs.InsertTx(ctx, tx.sql, jobs))
}

// AdmissionLock is the lock under which admissions take turns, and whatever must
// not happen between what one has counted and its commit.
const AdmissionLock = "admission"

// Lock takes the lock with the name until the end of the transaction. Take it
// before reading what must not change until the commit but is not written by
// this transaction, such as the objects that a quota counts.
func (tx *Tx) Lock(ctx context.Context, name string) error {
	if tx.store.dialect.lock == "" {
		return nil
	}
	_, err := tx.sql.ExecContext(ctx, tx.store.dialect.lock, name)
	return tx.store.translate(err)
}

// Exec runs a statement with $N placeholders.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	result, err := tx.sql.ExecContext(ctx, query, args...)
	return result, tx.store.translate(err)
}

// run runs a statement over rows, each of which has the values of its columns.
func (tx *Tx) run(ctx context.Context, what bulk.Statement, rows [][]any) error {
	return tx.runRows(ctx, what, bulk.Slices(rows))
}

func (tx *Tx) runRows(ctx context.Context, what bulk.Statement, rows bulk.Rows) error {
	_, err := tx.store.bulk.Run(ctx, tx.sql, what, rows)
	return err
}

// Add runs an insertion over rows whose values lie one row after the other.
func (tx *Tx) Add(ctx context.Context, into *event.Upsert, values []any) error {
	columns := len(into.Columns)
	b := bulk.Statement{Head: "INSERT INTO " + into.Table + " (" + strings.Join(into.Columns, ", ") + ") VALUES ", Columns: columns, Sizes: bulk.SizesFor(columns)}
	if into.Conflict != "" {
		b.Tail = " " + into.Conflict
	}
	return tx.store.translate(tx.runRows(ctx, b, bulk.Flat{Values: values, Columns: columns}))
}

// Empty removes all rows of the tables. On PostgreSQL their files begin anew, so
// that a summary that is made again is not read among the rows of the old one;
// not while a backup is made, which would find them empty, and keep those waiting
// who read them.
func (tx *Tx) Empty(ctx context.Context, tables ...string) error {
	empty, alone := tx.store.dialect.empty, true
	if try := tx.store.dialect.tryLock; try != "" {
		if err := tx.sql.QueryRowContext(ctx, try, snapshotLock).Scan(&alone); err != nil {
			return tx.store.translate(err)
		}
	}
	if !alone {
		empty = "DELETE FROM "
	}
	for _, table := range tables {
		if _, err := tx.sql.ExecContext(ctx, empty+quote(table)); err != nil {
			return fmt.Errorf("empty %s: %w", table, tx.store.translate(err))
		}
	}
	return nil
}

// Query runs a query with $N placeholders. The rows must be closed before the
// next statement of the transaction.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := tx.sql.QueryContext(ctx, query, args...)
	return rows, tx.store.translate(err)
}

// QueryRow runs a query of at most one row; Scan returns sql.ErrNoRows without one.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return tx.sql.QueryRowContext(ctx, query, args...)
}

// actorName is the pseudonym of the transaction's principal.
func (tx *Tx) actorName(ctx context.Context) (string, error) {
	if tx.actor == "" {
		actor, err := tx.pseudonym(ctx, tx.by)
		if err != nil {
			return "", fmt.Errorf("name actor: %w", err)
		}
		tx.actor = actor
	}
	return tx.actor, nil
}
