// Package store keeps objects with their full history, the ledger of events,
// accounts and summaries in one SQL database: SQLite by default, PostgreSQL
// where one machine is outgrown.
//
// One method is one transaction and one business fact; everything a change
// consists of (object, history, events, jobs) is committed together or not at
// all. Queries are written once, with $N placeholders, for both databases.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store/bulk"
)

// Options are what a store needs of the rest of the platform. The zero value works.
type Options struct {
	// Logger defaults to one that discards.
	Logger *slog.Logger
	// Clock gives the time that is written into rows. Defaults to time.Now.
	Clock func() time.Time
	// Fields lists the fields of a kind that lists may filter by, as
	// object.Kind.Fields does. Nil: no kind has any.
	Fields func(kind string) []string
}

// Store is the database of one platform. It is safe for concurrent use and
// implements object.Reader.
type Store struct {
	writer  *sql.DB
	reader  *sql.DB
	dialect dialect
	logger  *slog.Logger
	clock   func() time.Time
	fields  func(kind string) []string
	uids    uidSource
	kinds   kindsSeen

	jobs   Enqueuer // set once by UseJobs, before the first Write
	ledger ledgerState
	bulk   *bulk.Runner // with the dialect

	open       context.Context // ends with Close
	closing    context.CancelFunc
	background sync.WaitGroup // what goes on beside transactions
	analyzing  atomic.Bool
	committed  chan struct{} // told after commits on SQLite, see keepLogShort
}

// Open opens the database that url names, creates it where it is a file that
// does not exist, and brings its schema up to date.
//
// "postgres://…" names a PostgreSQL database; anything else, with or without
// "sqlite:" before it, is the path of an SQLite file. Open returns
// problem.Failed when the database was written by a newer Stoa.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	s, err := connect(ctx, url, o)
	if err != nil {
		return nil, err
	}
	err = s.migrate(ctx, 0)
	if err == nil {
		err = s.refreshFields(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect opens the database without touching its schema.
func connect(ctx context.Context, url string, o Options) (*Store, error) {
	s := &Store{logger: o.Logger, clock: o.Clock, fields: o.Fields}
	s.open, s.closing = context.WithCancel(context.Background())
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.fields == nil {
		s.fields = func(string) []string { return nil }
	}
	var err error
	switch {
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		err = s.openPostgres(url)
	case strings.Contains(url, "://"):
		scheme, _, _ := strings.Cut(url, "://")
		return nil, problem.New(problem.Invalid, "open database: unknown scheme %q", scheme).
			Do("give the path of an SQLite file or a postgres:// URL")
	default:
		err = s.openSQLite(strings.TrimPrefix(url, "sqlite:"))
	}
	if err != nil {
		return nil, err
	}
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), s.Close())
	}
	return s, nil
}

// Close ends all connections, and is called once nobody writes any more. Transactions that are under way are rolled back.
func (s *Store) Close() error {
	s.closing()
	s.background.Wait()
	if s.writer == s.reader {
		return s.writer.Close()
	}
	return errors.Join(s.reader.Close(), s.writer.Close())
}

// Dialect is "sqlite" or "postgres".
func (s *Store) Dialect() string { return s.dialect.name }

// Writer is the pool that may write. On SQLite it holds a single connection:
// whoever holds a transaction of it must not ask for a second one.
func (s *Store) Writer() *sql.DB { return s.writer }

// Reader is the pool for reading; on SQLite its connections cannot write.
func (s *Store) Reader() *sql.DB { return s.reader }

// Ping tells cheaply whether the database answers: what /readyz asks.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return s.translate(s.reader.QueryRowContext(ctx, "SELECT 1").Scan(&one))
}

// Check reads the whole database for damage, as far as the database can tell:
// minutes on a large one. PostgreSQL keeps checksums of its own, so there it
// only pings.
func (s *Store) Check(ctx context.Context) error {
	if s.dialect.quickCheck == "" {
		return s.Ping(ctx)
	}
	var said string
	if err := s.reader.QueryRowContext(ctx, s.dialect.quickCheck).Scan(&said); err != nil {
		return s.translate(err)
	}
	if said != "ok" {
		return problem.New(problem.Failed, "the database is damaged: %s", said).Do("restore the last backup: stoa restore")
	}
	return nil
}

// now is the time as rows keep it: UTC, whole microseconds.
func (s *Store) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// fromMicros turns a stored time back.
func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
