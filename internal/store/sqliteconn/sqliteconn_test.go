package sqliteconn

import (
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
