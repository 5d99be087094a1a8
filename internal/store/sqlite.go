package store

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store/bulk"
	"github.com/stoa-platform/stoa/internal/store/sqliteconn"
)

// openSQLite opens the file, readable by its owner only, with one connection
// that writes and several that read beside it (WAL).
func (s *Store) openSQLite(path string) error {
	if path == "" || strings.HasPrefix(path, ":") {
		return problem.New(problem.Invalid, "open database: %q is no path of a file", path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, os.ErrPermission) {
		return problem.New(problem.Unavailable, "open database: %w", err).Do("run stoa as the owner of " + path)
	}
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	err = checkMagic(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}

	// Pragmas stand in the DSN so that every connection of a pool has them.
	common := []string{fmt.Sprintf("busy_timeout(%d)", sqliteconn.BusyTimeout.Milliseconds()), "foreign_keys(1)", "temp_store(memory)"}
	writing := append(common, "journal_mode(wal)", "synchronous(full)", fmt.Sprintf("wal_autocheckpoint(%d)", walLimit), "cache_size(-65536)")
	reading := append(common, "query_only(1)", "cache_size(-8192)")
	s.dialect = sqliteDialect()
	s.bulk = bulk.NewRunner(s.dialect.bulk)
	if s.writer, err = openPool(path, "immediate", writing, 1); err != nil {
		return err
	}
	// The file must be in WAL mode before a reader opens it. Where several open a new
	// one at once, SQLite refuses all but the first at once, whatever the busy timeout.
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if err = s.writer.Ping(); classifySQLite(err) != faultLocked || time.Since(began) > sqliteconn.BusyTimeout {
			break
		}
	}
	if err != nil {
		return errors.Join(s.translate(err), s.writer.Close())
	}
	s.reader, err = openPool(path, "deferred", reading, max(4, 2*runtime.GOMAXPROCS(0)))
	if err != nil {
		return errors.Join(err, s.writer.Close())
	}
	if err := s.keepLogShort(path); err != nil {
		return errors.Join(err, s.reader.Close(), s.writer.Close())
	}
	return nil
}

// checkMagic refuses a file of something else, which SQLite would overwrite if
// it is short. An empty file becomes a database.
func checkMagic(file *os.File) error {
	const magic = "SQLite format 3\x00"
	head := make([]byte, len(magic))
	n, err := io.ReadFull(file, head)
	if errors.Is(err, io.EOF) || string(head) == magic {
		return nil
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("open database: %w", err)
	}
	return problem.New(problem.Failed, "open database: %s is no database: it begins with %q", file.Name(), head[:n]).
		Do("name another file", "or restore the last backup: stoa restore")
}

func openPool(path, txlock string, pragmas []string, connections int) (*sql.DB, error) {
	query := url.Values{"_pragma": pragmas, "_txlock": {txlock}}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	connector, err := sqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db := sql.OpenDB(sqliteconn.Connector{Connector: connector, Writes: txlock == "immediate",
		Locked: func(err error) bool { return classifySQLite(err) == faultLocked }})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func sqliteDialect() dialect {
	return dialect{
		name: "sqlite",
		// The driver's cost of an argument grows with the number of arguments.
		// OR FAIL spares the copies of pages that are kept to undo one statement alone.
		bulk:       bulk.Dialect{Sizes: []int{8, 1}, InsertEnding: "INSERT OR FAIL INTO "},
		quickCheck: "PRAGMA quick_check(1)",
		empty:      "DELETE FROM ",
		search: searchDialect{
			key: "rowid", tokens: "%s", match: "object_search MATCH %s", or: " OR ",
			query: func(terms []string) string { return `"` + strings.Join(terms, `" AND "`) + `"*` },
		},
		tables:   sqliteTables,
		classify: classifySQLite,
	}
}

// sqliteTables gives a row for each column: table, column, type in lower case,
// its place in the primary key from 1, or 0. What full-text search keeps is
// left out: it follows from the rest.
const sqliteTables = `
	SELECT t.name, c.name, lower(c.type), c.pk
	FROM sqlite_schema t, pragma_table_info(t.name) c
	WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND t.name NOT LIKE 'object!_search%' ESCAPE '!'
	ORDER BY t.name, c.cid`

func classifySQLite(err error) fault {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return faultNone
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return faultUnique
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return faultLocked
	case sqlite3.SQLITE_FULL:
		return faultDiskFull
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return faultReadOnly
	case sqlite3.SQLITE_TOOBIG:
		return faultTooLarge
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return faultDamaged
	case sqlite3.SQLITE_IOERR:
		return faultIO
	case sqlite3.SQLITE_INTERRUPT:
		return faultInterrupted
	}
	return faultNone
}
