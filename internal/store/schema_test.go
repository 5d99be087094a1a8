package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/store/storetest"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// TestParity compares the schemas: every table of one database exists in the
// other with the same columns, types and key, as do the migrations.
func TestParity(t *testing.T) {
	schemas := map[string]string{}
	files := map[string]string{}
	for name, address := range databases {
		s := open(t, address(t), options)
		schemas[name] = strings.Join(s.SchemaForTest(t), "\n")
		found, err := filepath.Glob("migrations/" + name + "/*.sql")
		if err != nil || len(found) == 0 {
			t.Fatalf("migrations of %s: %v, %v", name, found, err)
		}
		for _, f := range found {
			files[name] += filepath.Base(f) + "\n"
			if raw, _ := os.ReadFile(f); strings.Contains(string(raw), "+goose Down") {
				t.Errorf("%s goes back", f)
			}
		}
	}
	if schemas["sqlite"] != schemas["postgres"] || schemas["sqlite"] == "" {
		t.Errorf("schemas differ:\n%s\n\n%s", schemas["sqlite"], schemas["postgres"])
	}
	if files["sqlite"] != files["postgres"] {
		t.Errorf("migrations differ:\n%s\n%s", files["sqlite"], files["postgres"])
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(testing.TB) string) {
		url := address(t)
		s := open(t, url, options)
		if _, err := s.Writer().Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)", 90_000, true); err != nil {
			t.Fatal(err)
		}
		_, err := store.Open(t.Context(), url, options)
		if p := problem.From(err); p.Kind != problem.Failed || !strings.Contains(p.Title, "90000") || len(p.Next) == 0 {
			t.Fatalf("open: %v", err)
		}
	})
}

// TestStartTogether opens a new database many times at once.
func TestStartTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(testing.TB) string) {
		for range 3 {
			url := address(t)
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					s, err := store.Open(t.Context(), url, options)
					if err != nil {
						t.Errorf("open: %v", err)
						return
					}
					defer s.Close()
					if _, err := s.Count(t.Context(), object.Query{Kind: "Widget"}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
	})
}

// TestFieldsOfANewRelease opens a store with other filterable fields than those
// its objects were stored with.
func TestFieldsOfANewRelease(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(testing.TB) string) {
		url := address(t)
		with := func(fields ...string) *store.Store {
			return open(t, url, store.Options{Fields: func(string) []string { return fields }})
		}
		err := with("spec.colour").Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.PutAll(ctx, storetest.Services(1200))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		count := func(s *store.Store, field, value string) string {
			n, err := s.Count(t.Context(), object.Query{Kind: "Widget", Fields: map[string]string{field: value}})
			return fmt.Sprint(n, problem.Is(err, problem.Invalid))
		}
		s := with("spec.language", "spec.port")
		for field, want := range map[string]string{"spec.language": "1200 false", "spec.port": "0 false", "spec.colour": "0 true"} {
			if got := count(s, field, "go"); got != want {
				t.Errorf("%s: %s, want %s", field, got, want)
			}
		}
		if got := count(s, "spec.port", "8080"); got != "1200 false" {
			t.Errorf("port: %s", got)
		}
		// The fields that went are no longer in the way when they come back.
		err = s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Put(ctx, storetest.Widget("w00003", "", map[string]string{"colour": "new"}))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s = with("spec.colour")
		if got := count(s, "spec.colour", "new"); got != "1 false" {
			t.Errorf("changed meanwhile: %s", got)
		}
		if got := count(s, "spec.colour", "c3"); got != "23 false" {
			t.Errorf("the others: %s", got)
		}
	})
}

// TestStrangePlace opens files whose names mean something inside a URL.
func TestStrangePlace(t *testing.T) {
	for _, name := range []string{"a b", "a?b=c", "a%20b", "a#b", "ü", "new/folder/db"} {
		path := filepath.Join(t.TempDir(), name)
		open(t, "sqlite:"+path, options)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%q: %v, %v", name, info, err)
		}
	}
}

// TestPragmas looks at every connection of the pools.
func TestPragmas(t *testing.T) {
	s := open(t, databases["sqlite"](t), options)
	for _, pool := range []struct {
		db   *sql.DB
		want map[string]string
	}{
		{s.Writer(), map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "15000", "foreign_keys": "1", "query_only": "0"}},
		{s.Reader(), map[string]string{"journal_mode": "wal", "busy_timeout": "15000", "query_only": "1"}},
	} {
		for n := pool.db.Stats().MaxOpenConnections; n > 0; n-- {
			conn, err := pool.db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for pragma, want := range pool.want {
				var got string
				if err := conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
					t.Errorf("%s is %s, want %s, %v", pragma, got, want, err)
				}
			}
		}
	}
}

// After many objects at once the planner knows of them, without waiting for the
// server's own analysis.
func TestManyObjectsAreAnalyzed(t *testing.T) {
	s := open(t, testenv.Postgres(t), store.Options{})
	err := s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.PutAll(ctx, storetest.Services(1200))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var known float64
	for began := time.Now(); known < 1200 && time.Since(began) < 20*time.Second; <-time.After(5 * time.Millisecond) {
		if err := s.QueryRow(t.Context(), "SELECT reltuples FROM pg_class WHERE oid = 'objects'::regclass").Scan(&known); err != nil {
			t.Fatal(err)
		}
	}
	if known != 1200 {
		t.Errorf("the planner knows of %g objects", known)
	}
}
