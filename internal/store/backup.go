package store

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// A backup is a zstd stream of JSON, one value a line:
//
//	{"format":"stoa-backup","version":1,"schema":3,…}    Manifest, without its tables
//	{"table":"objects","columns":["uid",…]}              then its rows, by primary key:
//	[7,"Service","shop",…]                               blobs in base64
//	{"end":{"objects":{"rows":1,"sha256":"…"}},"sha256":"…"}
//
// The digests are of the lines: of a table's rows, and of all before the end. It
// holds all tables of the schema except what follows from others (full-text
// search) and the queue's: jobs are not kept, at its start Stoa enqueues anew
// what is unfinished. Both databases write and read the same.
const (
	backupFormat  = "stoa-backup"
	backupVersion = 1
)

// Manifest tells what a backup holds.
type Manifest struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Schema  int64     `json:"schema"` // version of the schema
	Made    time.Time `json:"made"`
	Dialect string    `json:"dialect"` // the database that it was made of
	// Events is the last sequence of the ledger, Checkpoint the newest signed
	// note over it, "" if nothing was sealed yet.
	Events     int64  `json:"events"`
	Checkpoint string `json:"checkpoint,omitempty"`
	// Tables are known at the end only.
	Tables map[string]TableDigest `json:"tables,omitempty"`
}

// TableDigest says how many rows a table has and what they are.
type TableDigest struct {
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
}

// tableLine begins a table.
type tableLine struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

// endLine ends a backup.
type endLine struct {
	End    map[string]TableDigest `json:"end"`
	SHA256 string                 `json:"sha256"`
}

// omitted says that a table is in no backup.
func omitted(name string) bool { return name == versionTable || strings.HasPrefix(name, "river_") }

// Backup writes a consistent backup of the whole database while it is in use.
func (s *Store) Backup(ctx context.Context, w io.Writer) (Manifest, error) {
	m, err := s.backup(ctx, w)
	if err != nil {
		return Manifest{}, fmt.Errorf("back up: %w", s.translate(err))
	}
	return m, nil
}

func (s *Store) backup(ctx context.Context, w io.Writer) (Manifest, error) {
	packer, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return Manifest{}, err
	}
	defer packer.Close() // does nothing after the one below
	out := &backupWriter{w: bufio.NewWriterSize(packer, 1<<16), sum: sha256.New()}

	snapshot, release, err := s.snapshot(ctx)
	if err != nil {
		return Manifest{}, err
	}
	defer release()
	tables, err := s.listTables(ctx, snapshot)
	if err != nil {
		return Manifest{}, err
	}
	m, err := s.manifest(ctx, snapshot)
	if err != nil {
		return Manifest{}, err
	}
	if err := out.value(m); err != nil {
		return Manifest{}, err
	}
	m.Tables = map[string]TableDigest{}
	for _, t := range tables {
		if omitted(t.name) {
			continue
		}
		if err := out.value(tableLine{t.name, t.columnNames()}); err != nil {
			return Manifest{}, err
		}
		if m.Tables[t.name], err = s.dump(ctx, snapshot, t, out.line); err != nil {
			return Manifest{}, fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	if err := out.value(endLine{m.Tables, hex.EncodeToString(out.sum.Sum(nil))}); err != nil {
		return Manifest{}, err
	}
	if err := out.w.Flush(); err != nil {
		return Manifest{}, err
	}
	return m, packer.Close()
}

// snapshotLock is held while a snapshot is read, shared, and by whoever empties a
// table in the way that a snapshot does not see.
const snapshotLock = "snapshot"

// snapshot begins a transaction that sees the database as it is now, whatever
// others write, and holds nobody up. Release ends it.
func (s *Store) snapshot(ctx context.Context) (tx *sql.Tx, release func(), err error) {
	if s.dialect.lockShared == "" {
		tx, err := s.reader.BeginTx(ctx, nil)
		return tx, func() { _ = tx.Rollback() }, err
	}
	conn, err := s.reader.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	// Before the transaction, whose view would be from before the lock is had; it
	// goes with the connection, which nobody else gets.
	_, err = conn.ExecContext(ctx, s.dialect.lockShared, snapshotLock)
	if err == nil {
		tx, err = conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	}
	release = func() {
		if tx != nil {
			_ = tx.Rollback()
		}
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = conn.Close()
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return tx, release, nil
}

func (s *Store) manifest(ctx context.Context, q *sql.Tx) (Manifest, error) {
	m := Manifest{Format: backupFormat, Version: backupVersion, Made: s.now(), Dialect: s.dialect.name}
	err := q.QueryRowContext(ctx, "SELECT max(version_id) FROM "+versionTable).Scan(&m.Schema)
	if err == nil {
		err = q.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM events").Scan(&m.Events)
	}
	if err == nil {
		err = q.QueryRowContext(ctx, "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1").Scan(&m.Checkpoint)
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return m, err
}

// dump gives a table's rows to line, in the order of its primary key, and their digest.
func (s *Store) dump(ctx context.Context, q queryer, t table, line func([]byte) error) (TableDigest, error) {
	rows, err := q.QueryContext(ctx, s.dumpQuery(t))
	if err != nil {
		return TableDigest{}, err
	}
	defer rows.Close()
	cells, targets := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i := range cells {
		targets[i] = &cells[i]
	}
	var d TableDigest
	sum := sha256.New()
	var text []byte
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return TableDigest{}, err
		}
		if text, err = appendRow(text[:0], t, cells); err != nil {
			return TableDigest{}, err
		}
		sum.Write(text)
		d.Rows++
		if err := line(text); err != nil {
			return TableDigest{}, err
		}
	}
	d.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return d, rows.Err()
}

func (s *Store) dumpQuery(t table) string {
	var columns, order []string
	key := make([]string, len(t.columns)+1)
	for _, c := range t.columns {
		columns = append(columns, quote(c.name))
		sorted := quote(c.name)
		if c.typ == typeText {
			sorted += s.dialect.collate
		}
		key[c.key] = sorted
		order = append(order, sorted)
	}
	if key[1] != "" { // it has a primary key
		order = nil
		for _, k := range key[1:] {
			if k != "" {
				order = append(order, k)
			}
		}
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + quote(t.name) + " ORDER BY " + strings.Join(order, ", ")
}

// appendRow appends a row's line. Both databases give the same line for the same row.
func appendRow(line []byte, t table, cells []any) ([]byte, error) {
	for i, cell := range cells {
		line = append(line, separator(i, "[", ",")...)
		switch v := cell.(type) {
		case nil:
			line = append(line, "null"...)
		case int64:
			line = strconv.AppendInt(line, v, 10)
		case float64:
			if math.IsInf(v, 0) || math.IsNaN(v) {
				return nil, fmt.Errorf("column %s holds %v", t.columns[i].name, v)
			}
			line = strconv.AppendFloat(line, v, 'g', -1, 64)
		case string:
			if !utf8.ValidString(v) {
				return nil, fmt.Errorf("column %s holds text that is not valid UTF-8", t.columns[i].name)
			}
			quoted, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			line = append(line, quoted...)
		case []byte:
			line = append(line, '"')
			line = base64.StdEncoding.AppendEncode(line, v)
			line = append(line, '"')
		default:
			return nil, fmt.Errorf("column %s holds a %T", t.columns[i].name, cell)
		}
	}
	return append(line, "]\n"...), nil
}

// backupWriter writes lines and sums them up.
type backupWriter struct {
	w   *bufio.Writer
	sum hash.Hash
}

func (b *backupWriter) line(text []byte) error {
	b.sum.Write(text)
	_, err := b.w.Write(text)
	return err
}

func (b *backupWriter) value(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.line(append(text, '\n'))
}

func (t table) columnNames() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}
