package event

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// upsertSizes are the numbers of rows that one statement takes, falling to 1: few
// different ones, so that databases keep each compiled. More rows gain little on
// PostgreSQL, and SQLite's driver binds parameters in time that grows with their
// square.
func upsertSizes(columns int) []int {
	const mostRows, mostParameters = 64, 320
	var sizes []int
	for rows := min(mostRows, mostParameters/columns); rows > 1; rows /= 4 {
		sizes = append(sizes, rows)
	}
	return append(sizes, 1)
}

// Upsert is how a projector adds many rows to its table: as few statements as
// can be, the same few every time.
type Upsert struct {
	table   string
	columns int
	sizes   []int
	texts   map[int]string // by the number of rows
}

// NewUpsert makes the statements for a table. What to do with a row that is
// there already is said by conflict, such as "ON CONFLICT (day) DO UPDATE SET n =
// usage_day.n + excluded.n"; "" if none can be.
func NewUpsert(table, conflict string, columns ...string) *Upsert {
	u := &Upsert{table: table, columns: len(columns), sizes: upsertSizes(len(columns)), texts: map[int]string{}}
	for _, rows := range u.sizes {
		var text strings.Builder
		text.WriteString("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES ")
		for n := range rows * len(columns) {
			switch {
			case n == 0:
				text.WriteString("(")
			case n%len(columns) == 0:
				text.WriteString("), (")
			default:
				text.WriteString(", ")
			}
			text.WriteString("$" + strconv.Itoa(n+1))
		}
		text.WriteString(") " + conflict)
		u.texts[rows] = strings.TrimSpace(text.String())
	}
	return u
}

// Run adds the rows, whose values lie in args one row after the other. No two
// rows may have the same key.
func (u *Upsert) Run(ctx context.Context, tx SQL, args []any) error {
	if len(args)%u.columns != 0 {
		return fmt.Errorf("add to %s: %d values for rows of %d", u.table, len(args), u.columns)
	}
	for _, rows := range u.sizes {
		for size := rows * u.columns; len(args) >= size; args = args[size:] {
			if _, err := tx.Exec(ctx, u.texts[rows], args[:size]...); err != nil {
				return fmt.Errorf("add to %s: %w", u.table, err)
			}
		}
	}
	return nil
}
