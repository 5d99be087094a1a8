package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// table is what the database's catalogue says of one table.
type table struct {
	name    string
	columns []column
}

type column struct {
	name string
	typ  columnType
	key  int // its place in the primary key from 1, or 0
}

// columnType is the type that both databases share.
type columnType string

const (
	typeInteger columnType = "integer"
	typeReal    columnType = "real"
	typeText    columnType = "text"
	typeBlob    columnType = "blob"
)

// queryer is a pool, a connection or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// listTables reads the tables with their columns, by name. What full-text search
// keeps is not among them: it follows from the objects.
func (s *Store) listTables(ctx context.Context, q queryer) ([]table, error) {
	rows, err := q.QueryContext(ctx, s.dialect.tables)
	if err != nil {
		return nil, s.translate(err)
	}
	defer rows.Close()
	var tables []table
	for rows.Next() {
		var name, typ string
		var c column
		if err := rows.Scan(&name, &c.name, &typ, &c.key); err != nil {
			return nil, err
		}
		c.typ = sharedType(typ)
		if len(tables) == 0 || tables[len(tables)-1].name != name {
			tables = append(tables, table{name: name})
		}
		last := &tables[len(tables)-1]
		last.columns = append(last.columns, c)
	}
	return tables, s.translate(rows.Err())
}

func sharedType(name string) columnType {
	switch {
	case strings.Contains(name, "int"):
		return typeInteger
	case name == "real", strings.HasPrefix(name, "double"):
		return typeReal
	case name == "text", strings.HasPrefix(name, "character varying"):
		return typeText
	case name == "blob", name == "bytea":
		return typeBlob
	}
	return columnType(name)
}

// quote makes a name of the catalogue safe inside a statement.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func (t table) String() string {
	var b strings.Builder
	b.WriteString(t.name)
	for _, c := range t.columns {
		fmt.Fprintf(&b, " %s:%s:%d", c.name, c.typ, c.key)
	}
	return b.String()
}
