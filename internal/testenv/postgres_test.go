package testenv_test

import (
	"database/sql"
	"testing"

	"github.com/stoa-platform/stoa/internal/testenv"
)

func TestPostgresGivesSeparateDatabases(t *testing.T) {
	for range 2 {
		db, err := sql.Open("pgx", testenv.Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		if _, err := db.Exec("CREATE TABLE only_here(x INTEGER)"); err != nil {
			t.Fatalf("the database is not empty: %v", err)
		}
	}
}
