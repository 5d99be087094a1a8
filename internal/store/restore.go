package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store/bulk"
	"github.com/stoa-platform/stoa/internal/store/words"
)

// Restore makes the database that url names out of a backup. The database must
// be empty, of either kind; it is filled in one transaction, compared with the
// backup row by row, and brought to the newest schema. When Restore fails the
// database is as empty as before.
func Restore(ctx context.Context, from io.Reader, url string, o Options) (Manifest, error) {
	if strings.Contains(url, "://") {
		return restoreServer(ctx, from, url, o)
	}
	return restoreFile(ctx, from, strings.TrimPrefix(url, "sqlite:"), o)
}

func notEmpty(what string) error {
	return problem.New(problem.Conflict, "restore: %s is not empty", what).
		Do("name a database that does not exist yet", "or move the old one away")
}

// restoreFile fills a file beside path and gives it the name at the end.
func restoreFile(ctx context.Context, from io.Reader, path string, o Options) (m Manifest, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return Manifest{}, fmt.Errorf("restore: %w", err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(name); err == nil && info.Size() > 0 {
			return Manifest{}, notEmpty(name)
		}
	}
	partial := path + ".restoring"
	clear := func() error {
		var errs []error
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(partial + suffix); !errors.Is(err, os.ErrNotExist) {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	}
	if err := clear(); err != nil { // of a restoration that was killed
		return Manifest{}, fmt.Errorf("restore: %w", err)
	}
	s, err := connect(ctx, partial, o)
	if err != nil {
		return Manifest{}, err
	}
	m, err = s.restore(ctx, from)
	if err == nil {
		_, err = s.writer.ExecContext(ctx, "PRAGMA wal_checkpoint(truncate)")
	}
	if err = errors.Join(err, s.Close()); err != nil {
		return Manifest{}, errors.Join(err, clear())
	}
	if err := os.Rename(partial, path); err != nil {
		return Manifest{}, errors.Join(fmt.Errorf("restore: %w", err), clear())
	}
	return m, nil
}

// restoreServer fills a database of a server, and drops what it made of it if
// it fails.
func restoreServer(ctx context.Context, from io.Reader, url string, o Options) (m Manifest, err error) {
	s, err := connect(ctx, url, o)
	if err != nil {
		return Manifest{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	tables, err := s.listTables(ctx, s.reader)
	if err != nil {
		return Manifest{}, err
	}
	if len(tables) > 0 {
		return Manifest{}, notEmpty("the database (it has table " + tables[0].name + ")")
	}
	m, err = s.restore(ctx, from)
	if err != nil {
		return Manifest{}, errors.Join(err, s.dropAll(context.WithoutCancel(ctx)))
	}
	// Without it what was just filled is read slowly until the server's own turn
	// comes; what cannot be set in order is whole all the same.
	if _, err := s.writer.ExecContext(ctx, s.dialect.vacuum); err != nil {
		s.logger.WarnContext(ctx, "set the restored tables in order", "err", s.translate(err))
	}
	return m, nil
}

// dropAll drops the tables of a database that had none when we came.
func (s *Store) dropAll(ctx context.Context) error {
	tables, err := s.listTables(ctx, s.writer)
	if err != nil {
		return err
	}
	names := []string{"object_search"}
	for _, t := range tables {
		names = append(names, t.name)
	}
	for _, name := range names {
		if _, err := s.writer.ExecContext(ctx, "DROP TABLE IF EXISTS "+quote(name)+" CASCADE"); err != nil {
			return fmt.Errorf("drop half-restored table %s: %w", name, s.translate(err))
		}
	}
	return nil
}

// restore fills the schema that the backup was made of, then migrates it.
func (s *Store) restore(ctx context.Context, from io.Reader) (Manifest, error) {
	load := &loading{store: s}
	defer load.rollback()
	m, err := readBackup(ctx, from, backupReader{
		start: func(m Manifest) error { return load.start(ctx, m) },
		table: func(t tableLine) error { return load.table(ctx, t) },
		row:   func(line []byte) error { return load.row(ctx, line) },
	})
	if err == nil {
		err = load.finish(ctx, m)
	}
	if err == nil {
		err = s.migrate(ctx, 0)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("restore: %w", s.translate(err))
	}
	return m, nil
}

// loading is a restoration under way.
type loading struct {
	store  *Store
	conn   *sql.Conn
	tx     *Tx
	tables map[string]table
	into   table // of the rows that come now
	insert bulk.Statement
	names  []string // of the columns
	rows   [][]any
}

// copiedRows is how many rows are copied at once.
const copiedRows = 2000

func (l *loading) rollback() {
	if l.tx != nil {
		_ = l.tx.sql.Rollback()
	}
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// start makes the schema, empty of what its migrations put there.
func (l *loading) start(ctx context.Context, m Manifest) error {
	s := l.store
	newest, err := s.newestSchema()
	if err != nil {
		return err
	}
	if m.Schema < 1 || m.Schema > newest {
		return damagedBackup("it has schema %d, this stoa knows up to %d", m.Schema, newest).Do("use the stoa that made it")
	}
	if err := s.migrate(ctx, m.Schema); err != nil {
		return err
	}
	if err := s.partitionsAhead(ctx, m.Events); err != nil {
		return err
	}
	tables, err := s.listTables(ctx, s.reader)
	if err != nil {
		return err
	}
	if l.conn, err = s.writer.Conn(ctx); err != nil {
		return err
	}
	begun, err := l.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	l.tx = &Tx{store: s, sql: begun, now: s.now()}
	l.tables = map[string]table{}
	for _, t := range tables {
		if omitted(t.name) {
			continue
		}
		l.tables[t.name] = t
		if _, err := begun.ExecContext(ctx, "DELETE FROM "+quote(t.name)); err != nil {
			return err
		}
	}
	return nil
}

func (l *loading) table(ctx context.Context, line tableLine) error {
	if err := l.flush(ctx); err != nil {
		return err
	}
	known, ok := l.tables[line.Table]
	if !ok {
		return damagedBackup("schema has no table %q", line.Table)
	}
	t := table{name: known.name}
	var columns []string
	for _, name := range line.Columns {
		for _, c := range known.columns {
			if c.name == name {
				t.columns = append(t.columns, c)
				columns = append(columns, quote(name))
			}
		}
	}
	if len(t.columns) != len(line.Columns) || len(t.columns) != len(known.columns) {
		return damagedBackup("table %s has other columns", line.Table)
	}
	l.into, l.tables[t.name], l.names = t, t, line.Columns
	l.insert = bulk.Statement{Head: "INSERT INTO " + quote(t.name) + " (" + strings.Join(columns, ", ") + ") VALUES ", Columns: len(columns)}
	return nil
}

func (l *loading) row(ctx context.Context, line []byte) error {
	row, err := parseRow(l.into, line)
	if err != nil {
		return damagedBackup("table %s: %w", l.into.name, err)
	}
	l.rows = append(l.rows, row)
	enough := l.store.dialect.bulk.Sizes[0]
	if l.store.dialect.copyIn != nil {
		enough = copiedRows
	}
	if len(l.rows) < enough {
		return nil
	}
	return l.flush(ctx)
}

func (l *loading) flush(ctx context.Context) error {
	var err error
	if copyIn := l.store.dialect.copyIn; copyIn == nil {
		err = l.tx.run(ctx, l.insert, l.rows)
	} else if len(l.rows) > 0 {
		err = copyIn(ctx, l.conn, l.into.name, l.names, l.rows)
	}
	l.rows = l.rows[:0]
	if l.store.dialect.classify(err) == faultUnique {
		return damagedBackup("table %s has a row twice", l.into.name)
	}
	return err
}

// finish makes what follows from the rows, compares them with the backup and commits.
func (l *loading) finish(ctx context.Context, m Manifest) error {
	if err := l.flush(ctx); err != nil {
		return err
	}
	if err := l.tx.rebuildSearch(ctx); err != nil {
		return err
	}
	for name, t := range l.tables {
		got, err := l.store.dump(ctx, l.tx.sql, t, func([]byte) error { return nil })
		if err != nil {
			return fmt.Errorf("verify table %s: %w", name, err)
		}
		if want, ok := m.Tables[name]; !ok || got != want {
			return problem.New(problem.Failed, "table %s came out with %d rows of %d, or other ones", name, got.Rows, want.Rows)
		}
	}
	if err := l.tx.sql.Commit(); err != nil {
		return err
	}
	conn := l.conn
	l.tx, l.conn = nil, nil
	return conn.Close() // SQLite has one for writing, which the migrations need
}

// rebuildSearch fills object_search from the objects.
func (tx *Tx) rebuildSearch(ctx context.Context) error {
	const batch = 500 // documents in memory at once
	for after := int64(0); ; {
		rows, err := tx.sql.QueryContext(ctx, "SELECT "+documentColumns+" FROM objects o WHERE o.uid > $1 ORDER BY o.uid LIMIT $2", after, batch)
		if err != nil {
			return err
		}
		docs, err := scanDocuments(rows, batch)
		if err != nil || len(docs) == 0 {
			return err
		}
		var search [][]any
		for _, d := range docs {
			o, err := d.Object()
			if err != nil {
				return err
			}
			search = append(search, []any{d.UID, words.Tokens(o.Kind, searchText(o))})
		}
		if err := tx.run(ctx, tx.store.insertSearch(), search); err != nil {
			return err
		}
		after = docs[len(docs)-1].UID
	}
}

// parseRow turns a line of a backup into the values of a table's columns.
func parseRow(t table, line []byte) ([]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	var row []any
	if err := decoder.Decode(&row); err != nil {
		return nil, err
	}
	if len(row) != len(t.columns) {
		return nil, fmt.Errorf("a row has %d values for %d columns", len(row), len(t.columns))
	}
	for i, c := range t.columns {
		var err error
		switch v := row[i].(type) {
		case nil:
		case json.Number:
			if c.typ == typeReal {
				row[i], err = v.Float64()
			} else {
				row[i], err = strconv.ParseInt(string(v), 10, 64)
			}
		case string:
			if c.typ == typeBlob {
				row[i], err = base64.StdEncoding.DecodeString(v)
			}
		default:
			err = fmt.Errorf("%T", v)
		}
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	return row, nil
}
