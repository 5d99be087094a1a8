package event

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// SQL is a transaction, with $N placeholders on both databases.
type SQL interface {
	Exec(ctx context.Context, query string, args ...any) (sql.Result, error)
	// Add runs an insertion over many rows, see Upsert.Run.
	Add(ctx context.Context, into *Upsert, values []any) error
	// Empty removes all rows of the tables, by the fastest way of the database,
	// which may make others wait who read them.
	Empty(ctx context.Context, tables ...string) error
	// Query's rows must be closed before the next statement.
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) *sql.Row
}

// Querier reads summaries, inside or outside of a transaction.
type Querier interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) *sql.Row
}

// Projector keeps summary tables of the ledger. What it writes must follow from
// the events alone: the same events, in whatever batches, give the same rows.
type Projector interface {
	// Name is the projector's own for ever.
	Name() string
	// Version is at least 1; a higher one than stored resets the projection and
	// replays the ledger.
	Version() int
	// Reset empties the tables.
	Reset(ctx context.Context, sql SQL) error
	// Apply adds records, which come in the order of Seq and each exactly once; other
	// projectors get the same, so it must not change them. An error, or a panic,
	// undoes the batch and stops the projection before the record that causes it.
	Apply(ctx context.Context, sql SQL, records []Record) error
}

// Projection is how far a projector has come.
type Projection struct {
	Name      string `json:"name"`
	Version   int    `json:"version"`
	Watermark int64  `json:"watermark"` // the last sequence that was applied
	Head      int64  `json:"head"`      // the ledger's last sequence
	// ErrorSeq is the event at which the projection stands still, 0 while all is well.
	ErrorSeq int64     `json:"errorSeq,omitempty"`
	Error    string    `json:"error,omitempty"`
	FailedAt time.Time `json:"failedAt,omitzero"`
}

// lagTold is behind how many events a projection is at most of which nobody needs
// to be told: it takes in more than that in a second.
const lagTold = 20_000

// Lag is how many events the projection has not taken in yet.
func (p Projection) Lag() int64 { return max(0, p.Head-p.Watermark) }

// Shortfall says why numbers from the projection's summaries are not of all that
// happened; "" while they are, or will be in a moment. Why one stands still is in
// Error, and in the platform's log.
func (p Projection) Shortfall() string {
	switch {
	case p.ErrorSeq != 0:
		return fmt.Sprintf("the summary %s stands still at event %d since %s", p.Name, p.ErrorSeq, p.FailedAt.UTC().Format("2006-01-02 15:04 UTC"))
	case p.Lag() > lagTold:
		return fmt.Sprintf("the summary %s has taken in %d of %d events so far", p.Name, p.Watermark, p.Head)
	}
	return ""
}

// Shortfalls are those of all projections, in their order.
func Shortfalls(all []Projection) []string {
	told := []string{}
	for _, p := range all {
		if text := p.Shortfall(); text != "" {
			told = append(told, text)
		}
	}
	return told
}

// ProjectionStore is the ledger as projectors see it.
type ProjectionStore interface {
	// ReadFrom gives up to limit records after a sequence; none only at the end.
	// Of each it gives what the ledger keeps in columns, the id, the extensions, the
	// names and the data; Inferred, DataContentType and Poster are empty.
	ReadFrom(ctx context.Context, after int64, limit int) ([]Record, error)
	// Project runs change in a transaction with the projection's state locked, and
	// stores what change made of it.
	Project(ctx context.Context, name string, change func(context.Context, SQL, *Projection) error) error
	// Projections gives all states.
	Projections(ctx context.Context) ([]Projection, error)
	// Appended returns a channel that closes when this process next appends.
	Appended() <-chan struct{}
}
