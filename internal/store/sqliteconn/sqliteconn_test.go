package sqliteconn

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
)

func TestNumbered(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT 1":                               "SELECT 1",
		"a = $1 AND b = $2":                      "a = ? AND b = ?",
		"a = $2 AND b = $1":                      "a = ?2 AND b = ?1",
		"a = $1 OR b = $1":                       "a = ?1 OR b = ?1",
		"a = $1 AND b = $3":                      "a = ?1 AND b = ?3",
		"a = $10":                                "a = ?10",
		"a = $01":                                "a = ?01",
		"a = '$1' AND b = $1":                    "a = '$1' AND b = ?",
		"a = 'it''s $2' AND \"$3\" = $1":         "a = 'it''s $2' AND \"$3\" = ?",
		"a = $1 -- not $2\nAND b = $2":           "a = ? -- not $2\nAND b = ?",
		"a = $1 -- $2":                           "a = ? -- $2",
		"a = ?1 AND b = $2":                      "a = ?1 AND b = ?2",
		"a = $ AND b = $name":                    "a = $ AND b = $name",
		"unclosed '$1":                           "unclosed '$1",
		"a > $1 LIMIT $2":                        "a > ? LIMIT ?+0",
		"a > $2 LIMIT $1":                        "a > ?2 LIMIT ?1+0",
		"$1, $2, $3, $4, $5, $6, $7, $8, $9,$10": "?, ?, ?, ?, ?, ?, ?, ?, ?,?",
	} {
		if got := numbered(query); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}

func FuzzNumbered(f *testing.F) {
	f.Add("SELECT $1, '$2' -- $3\n, $4")
	f.Fuzz(func(t *testing.T, query string) {
		got := numbered(query)
		if strings.Count(got, "") > strings.Count(query, "") {
			t.Errorf("%q became longer: %q", query, got)
		}
		if !strings.ContainsAny(query, "$") && got != query {
			t.Errorf("%q became %q", query, got)
		}
	})
}

func TestKeepable(t *testing.T) {
	for query, want := range map[string]bool{
		"SELECT 1":                             true,
		"\n\twith a AS (SELECT 1) SELECT *":    true,
		"-- name: JobGet :one\nSELECT 1":       true,
		"-- one\n  -- two\nUPDATE a SET b = 1": true,
		"-- SELECT 1":                          false,
		"-- name\nPRAGMA a":                    false,
		"SELECT 1; SELECT 2":                   false,
		"CREATE TABLE a (b)":                   false,
		"":                                     false,
	} {
		if got := keepable(query); got != want {
			t.Errorf("keepable(%q) = %t, want %t", query, got, want)
		}
	}
}

// Texts that vary without end leave room for those that come again and again.
func TestKeptStatementsAreBounded(t *testing.T) {
	base := &counting{}
	c := &conn{sqliteConn: base, kept: map[string]*keptStatement{}}
	for n := range 3 * keptStatements {
		if k, err := c.statement(t.Context(), fmt.Sprint("SELECT ", n)); k == nil || err != nil {
			t.Fatalf("statement %d is not kept: %v", n, err)
		}
	}
	if len(c.kept) != keptStatements || base.open != keptStatements {
		t.Errorf("%d are kept and %d open, want %d", len(c.kept), base.open, keptStatements)
	}
	for _, k := range c.kept {
		k.reading = true
	}
	if _, err := c.statement(t.Context(), "SELECT 'all others are being read'"); err != nil || len(c.kept) != keptStatements+1 {
		t.Errorf("%d are kept: %v", len(c.kept), err)
	}
}

// counting is a connection that counts the statements that are open on it.
type counting struct {
	sqliteConn
	open int
}

func (c *counting) PrepareContext(context.Context, string) (driver.Stmt, error) {
	c.open++
	return statement{of: c}, nil
}

type statement struct {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
	of *counting
}

func (s statement) Close() error {
	s.of.open--
	return nil
}
