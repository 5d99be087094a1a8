package event

import (
	"context"
	"fmt"
)

// Upsert is how a projector adds many rows to its table.
type Upsert struct {
	Table   string
	Columns []string
	// Conflict says what to do with a row that is there already, such as "ON CONFLICT
	// (day) DO UPDATE SET n = usage_day.n + excluded.n"; "" if none can be.
	Conflict string
}

// NewUpsert describes the insertion into a table.
func NewUpsert(table, conflict string, columns ...string) *Upsert {
	return &Upsert{Table: table, Columns: columns, Conflict: conflict}
}

// Run adds the rows, whose values lie in values one row after the other. No two
// rows may have the same key. It is fastest where each column holds nothing but
// whole numbers, texts or bytes.
func (u *Upsert) Run(ctx context.Context, tx SQL, values []any) error {
	if len(values)%len(u.Columns) != 0 {
		return fmt.Errorf("add to %s: %d values for rows of %d", u.Table, len(values), len(u.Columns))
	}
	if err := tx.Add(ctx, u, values); err != nil {
		return fmt.Errorf("add to %s: %w", u.Table, err)
	}
	return nil
}
