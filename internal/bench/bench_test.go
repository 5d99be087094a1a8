package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/store"
)

func TestMedians(t *testing.T) {
	if got := medianTime([]time.Duration{5, 1, 3}); got != 3 {
		t.Errorf("median of 1, 3, 5 is %d", got)
	}
	if got := medianOf([]float64{4, 1, 2, 9}); got != 3 {
		t.Errorf("median of 1, 2, 4, 9 is %g", got)
	}
	// One run in which all was slow moves neither ratio nor median.
	if got := medianRatio([]float64{10, 1, 10}, []float64{20, 2, 20}); got != 0.5 {
		t.Errorf("ratio %g, want 0.5", got)
	}
}

func TestFigures(t *testing.T) {
	for want, got := range map[string]string{
		"37,900/s": rate(37_900.4), "999/s": rate(999), "1,000,000/s": rate(1e6),
		"2.9 ms": millis(2_940 * time.Microsecond), "183 ms": millis(183 * time.Millisecond), "47.8 MB": megabytes(47_800_000), "0.43×": times(0.4311),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestReport(t *testing.T) {
	r := &report{lab: &lab{runs: 3}, began: time.Unix(0, 0), facts: []string{"2 processors"}, lines: []line{
		{what: "a", ours: "1 ms", target: "≤ 2 ms", met: true}, {what: "b", ours: "3 ms", target: "≤ 2 ms"}, {what: "c|d", ours: "5/s"},
	}}
	path := filepath.Join(t.TempDir(), "benchmarks.md")
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"make bench-docs", "1970-01-01", "- 2 processors\n", "| a | 1 ms |  |  | ≤ 2 ms | ok |  |\n", "| b | 3 ms |  |  | ≤ 2 ms | missed |  |\n", `| c\|d | 5/s |  |  |  |  |  |`,
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%q is not in the page:\n%s", want, raw)
		}
	}
	var text strings.Builder
	if err := r.text(&text); err != nil || strings.Count(text.String(), "missed") != 1 || strings.Count(text.String(), "ok") != 1 {
		t.Errorf("%v:\n%s", err, &text)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-runs", "0"}, {"-row", "nothing"}, {"extra"}, {"-unknown"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

func TestEventsBatch(t *testing.T) {
	raw, err := eventsBatch(3, []string{"shop"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var events []struct{ ID string }
	if err := json.Unmarshal(raw, &events); err != nil || len(events) != 3 || events[0].ID == events[1].ID {
		t.Errorf("%v: %s", err, raw)
	}
}

// The comparison must do what it is compared with: it answers the same documents.
func TestBareServer(t *testing.T) {
	address := filepath.Join(t.TempDir(), "stoa.db")
	s, err := store.Open(t.Context(), address, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Write(t.Context(), "stoa/bench", func(ctx context.Context, tx *store.Tx) error {
		for n := range 30 {
			_, err := tx.Exec(ctx, `INSERT INTO objects (uid, kind, name, owner, title, version, generation, created, updated, doc)
				VALUES ($1, 'Service', $2, $3, '', 1, 1, 0, 0, $4)`, n, serviceName(n), teamName(n/20), fmt.Sprintf(`{"n":%d}`, n))
			if err == nil {
				_, err = tx.Exec(ctx, "INSERT INTO object_search (rowid, tokens) VALUES ($1, $2)", n, "service\ue000"+word(n%2))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := sqliteFiles{}.open(address, false)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	handler, err := bareHandler(t.Context(), sqliteFiles{}, pool)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"/api/v1/services/" + serviceName(7): 1, "/api/v1/services?limit=20&owner=" + teamName(0): 20, "/api/v1/services?limit=20&owner=" + teamName(1): 10,
		"/api/v1/services?limit=20&search=" + word(1): 15, "/first?limit=20&search=" + word(1): 15, "/api/v1/services?limit=20&search=none": 0,
	} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest("GET", path, nil))
		if got := strings.Count(answer.Body.String(), `"n":`); answer.Code != 200 || got != want {
			t.Errorf("GET %s: %d with %d documents, want %d: %s", path, answer.Code, got, want, answer.Body)
		}
	}
}

// Rows that are read and inserted again are the same rows.
func TestTableRows(t *testing.T) {
	db := sqliteFiles{}
	pool, err := db.open(filepath.Join(t.TempDir(), "rows.db"), true)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, query := range []string{
		"CREATE TABLE a (n INTEGER, t TEXT NOT NULL, b BLOB NOT NULL) STRICT", "CREATE TABLE z (n INTEGER, t TEXT NOT NULL, b BLOB NOT NULL) STRICT",
		"INSERT INTO a VALUES (1, 'one', x'00ff'), (2, '', x'')",
	} {
		if _, err := pool.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := read(t.Context(), pool, "SELECT * FROM a")
	if err != nil {
		t.Fatal(err)
	}
	if err := inTransaction(t.Context(), pool, func(tx *sql.Tx) error { return tableRows{table: "z", rows: rows}.insert(t.Context(), tx, db) }); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := pool.QueryRowContext(t.Context(), "SELECT count(*) FROM (SELECT * FROM a INTERSECT SELECT * FROM z)").Scan(&n); err != nil || n != 2 {
		t.Errorf("%d rows are the same, want 2; %v", n, err)
	}
}
