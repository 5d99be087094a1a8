package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"

	"github.com/stoa-platform/stoa/internal/testenv"
)

// database is one of the two that Stoa runs on, as a source of new ones.
type database interface {
	name() string
	version(ctx context.Context) (string, error)
	// create gives the address, as --database takes it, of a new empty database.
	create(ctx context.Context, l *lab) (string, error)
	// copy gives the address of a copy of one that nobody has open.
	copy(ctx context.Context, l *lab, from string) (string, error)
	// open opens it with the settings that Stoa itself uses, to compare with.
	open(address string, write bool) (*sql.DB, error)
	// bind turns $N placeholders into those of the driver.
	bind(query string) string
}

type sqliteFiles struct{}

func (sqliteFiles) name() string { return "SQLite" }

func (s sqliteFiles) version(ctx context.Context) (version string, err error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return "", err
	}
	defer db.Close()
	return version, db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version)
}

func (sqliteFiles) create(_ context.Context, l *lab) (string, error) {
	dir, err := l.folder("sqlite")
	return filepath.Join(dir, "stoa.db"), err
}

func (s sqliteFiles) copy(ctx context.Context, l *lab, from string) (string, error) {
	to, err := s.create(ctx, l)
	if err != nil {
		return "", err
	}
	// The last connection that closed has emptied the log into the file.
	if info, err := os.Stat(from + "-wal"); err == nil && info.Size() > 0 {
		return "", fmt.Errorf("copy %s: its log is not empty", from)
	}
	return to, copyFile(to, from)
}

func (sqliteFiles) open(address string, write bool) (*sql.DB, error) {
	pragmas := []string{"busy_timeout(15000)", "foreign_keys(1)", "temp_store(memory)"}
	if write {
		pragmas = append(pragmas, "journal_mode(wal)", "synchronous(full)", "wal_autocheckpoint(32768)", "cache_size(-65536)")
	} else {
		pragmas = append(pragmas, "query_only(1)", "cache_size(-8192)")
	}
	query := url.Values{"_pragma": pragmas}
	if write {
		query.Set("_txlock", "immediate")
	}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Path: address, RawQuery: query.Encode()}).String())
}

var placeholder = regexp.MustCompile(`\$(\d+)`)

// bind uses bare placeholders, which the driver binds fastest: queries here
// name each argument once and in order.
func (sqliteFiles) bind(query string) string { return placeholder.ReplaceAllString(query, "?") }

// postgresServer is a private server, as durable as its defaults make it.
type postgresServer struct {
	base  string
	admin *sql.DB
	stop  func()
}

func startPostgres() (*postgresServer, error) {
	base, stop, err := testenv.StartPostgres("shared_buffers=128MB", "synchronous_commit=on")
	if err != nil {
		return nil, err
	}
	admin, err := sql.Open("pgx", base)
	if err != nil {
		stop()
		return nil, err
	}
	return &postgresServer{base: base, admin: admin, stop: stop}, nil
}

func (p *postgresServer) close() error {
	defer p.stop()
	return p.admin.Close()
}

func (*postgresServer) name() string { return "PostgreSQL" }

func (p *postgresServer) version(ctx context.Context) (version string, err error) {
	return version, p.admin.QueryRowContext(ctx, "SHOW server_version").Scan(&version)
}

func (p *postgresServer) create(ctx context.Context, l *lab) (string, error) {
	return p.createFrom(ctx, l, "template1")
}

func (p *postgresServer) createFrom(ctx context.Context, l *lab, template string) (string, error) {
	l.serial++
	name := fmt.Sprintf("bench_%d", l.serial)
	if _, err := p.admin.ExecContext(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		return "", err
	}
	address, err := url.Parse(p.base)
	if err != nil {
		return "", err
	}
	address.Path = "/" + name
	return address.String(), nil
}

func (p *postgresServer) copy(ctx context.Context, l *lab, from string) (string, error) {
	address, err := url.Parse(from)
	if err != nil {
		return "", err
	}
	return p.createFrom(ctx, l, address.Path[1:])
}

func (*postgresServer) open(address string, _ bool) (*sql.DB, error) {
	return sql.Open("pgx", address)
}

func (*postgresServer) bind(query string) string { return query }

// copyFolder copies all files of a folder into one that is there.
func copyFolder(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		within, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, within), 0o700)
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		return copyFile(filepath.Join(to, within), path)
	})
}

func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
