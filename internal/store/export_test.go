package store

import (
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/store/bulk"
	"github.com/stoa-platform/stoa/internal/store/words"
)

// SchemaForTest describes the tables, one a line.
func (s *Store) SchemaForTest(t testing.TB) []string {
	t.Helper()
	tables, err := s.listTables(t.Context(), s.reader)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, table := range tables {
		if !omitted(table.name) {
			lines = append(lines, table.String())
		}
	}
	return lines
}

// AppendingForTest is how many wait to append events.
func (s *Store) AppendingForTest() int {
	s.ledger.queue.mu.Lock()
	defer s.ledger.queue.mu.Unlock()
	return len(s.ledger.queue.waiting)
}

// BoundNamesForTest keeps at most so many names behind numbers, by blocks.
func (s *Store) BoundNamesForTest(names int) { s.ledger.names.most = names / nameBlock }

// NamesForTest is how many names behind numbers are kept.
func (s *Store) NamesForTest() (n int) {
	s.ledger.names.mu.Lock()
	defer s.ledger.names.mu.Unlock()
	for _, block := range s.ledger.names.blocks {
		n += len(block)
	}
	return n
}

// RowsForBenchmark reads all that a store's objects consist of, by table.
func (s *Store) RowsForBenchmark(t testing.TB) map[string][][]any {
	t.Helper()
	rows := map[string][][]any{}
	tables, err := s.listTables(t.Context(), s.reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if !strings.HasPrefix(table.name, "object") || table.name == "object_kinds" {
			continue
		}
		_, err := s.dump(t.Context(), s.reader, table, func(line []byte) error {
			row, err := parseRow(table, line)
			rows[table.name] = append(rows[table.name], row)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	page, err := s.reader.Query("SELECT uid, kind, doc FROM objects")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	for page.Next() {
		var d object.Document
		if err := page.Scan(&d.UID, &d.Kind, &d.Bytes); err != nil {
			t.Fatal(err)
		}
		o, err := d.Object()
		if err != nil {
			t.Fatal(err)
		}
		rows["object_search"] = append(rows["object_search"], []any{d.UID, words.Tokens(o.Kind, searchText(o))})
	}
	return rows
}

// InsertForBenchmark inserts the rows one by one with prepared statements, in
// one transaction.
func (s *Store) InsertForBenchmark(t testing.TB, rows map[string][][]any) {
	t.Helper()
	tx, err := s.writer.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	for table, of := range rows {
		b := bulk.Statement{Head: "INSERT INTO " + table + " VALUES ", Columns: len(of[0])}
		if table == "object_search" {
			b = s.insertSearch()
		}
		stmt, err := tx.Prepare(b.Text(s.dialect.bulk, 1))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range of {
			if _, err := stmt.Exec(row...); err != nil {
				t.Fatal(err)
			}
		}
		_ = stmt.Close()
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}
