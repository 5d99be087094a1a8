package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/stoa-platform/stoa/internal/problem"
)

// versionTable is goose's own.
const versionTable = "goose_db_version"

//go:embed migrations
var migrations embed.FS

// migrate brings the schema forward to the given version, or to the newest when
// it is 0. It never goes back: a database with a version that this binary does
// not know is refused untouched. Replicas that start at once wait for each other.
func (s *Store) migrate(ctx context.Context, version int64) error {
	provider, err := s.migrator()
	if err != nil {
		return err
	}
	newest := newestVersion(provider)
	if version == 0 {
		version = newest
	}
	for {
		before, err := s.schemaVersion(ctx)
		if err != nil {
			return err
		}
		if before > newest {
			return problem.New(problem.Failed, "the database has schema %d, this stoa knows up to %d", before, newest).
				Because("it was written by a newer stoa; schemas only go forward").
				Do("run the newer stoa", "or restore a backup that this stoa made: stoa restore")
		}
		if before >= version {
			return nil
		}
		results, err := provider.UpTo(ctx, version)
		for _, r := range results {
			s.logger.InfoContext(ctx, "migrated database", "version", r.Source.Version, "took", r.Duration)
		}
		if err == nil {
			return nil
		}
		// SQLite has no lock that outlasts a transaction: another process may
		// have run the same migration first. Then the version has moved on.
		if after, readErr := s.schemaVersion(ctx); readErr != nil || after == before {
			return fmt.Errorf("migrate database: %w", s.translate(err))
		}
	}
}

// schemaVersion is the version that the database has now: -1 for one that Stoa
// has never opened.
func (s *Store) schemaVersion(ctx context.Context) (int64, error) {
	tables, err := s.listTables(ctx, s.reader)
	if err != nil {
		return 0, fmt.Errorf("read schema: %w", err)
	}
	version := int64(-1)
	for _, t := range tables {
		if t.name == versionTable {
			err = s.reader.QueryRowContext(ctx, "SELECT coalesce(max(version_id), -1) FROM "+versionTable).Scan(&version)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", s.translate(err))
	}
	return version, nil
}

// newestSchema is the newest version that this binary knows.
func (s *Store) newestSchema() (int64, error) {
	provider, err := s.migrator()
	if err != nil {
		return 0, err
	}
	return newestVersion(provider), nil
}

func newestVersion(p *goose.Provider) int64 {
	sources := p.ListSources()
	return sources[len(sources)-1].Version
}

func (s *Store) migrator() (*goose.Provider, error) {
	folder, err := fs.Sub(migrations, "migrations/"+s.dialect.name)
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()), goose.WithTableName(versionTable)}
	dialect := goose.DialectSQLite3
	if s.dialect.name == "postgres" {
		dialect = goose.DialectPostgres
		options = append(options, goose.WithSessionLocker(migrationLock{}))
	}
	provider, err := goose.NewProvider(dialect, s.writer, folder, options...)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return provider, nil
}

// migrationLock lets one replica at a time migrate a PostgreSQL database.
type migrationLock struct{}

const migrationLockKey = 0x73746f61 // "stoa"

func (migrationLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	// The lock outlives the setting, which is for waiting longer than others do.
	_, err := conn.ExecContext(ctx, "SET lock_timeout = '5min'")
	if err == nil {
		_, err = conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationLockKey)
	}
	return err
}

func (migrationLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", migrationLockKey)
	_, resetErr := conn.ExecContext(ctx, "RESET lock_timeout")
	return errors.Join(err, resetErr)
}
