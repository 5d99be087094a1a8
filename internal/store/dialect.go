package store

import (
	"context"
	"database/sql"

	"github.com/stoa-platform/stoa/internal/store/bulk"
)

// dialect is all in which the two databases differ for the queries of this
// package; opening them and reading their catalogues lies in sqlite.go and
// postgres.go.
type dialect struct {
	name string
	// bulk says how many rows are written, and named, at once.
	bulk bulk.Dialect
	// collate orders text by its bytes; "" where that is the default.
	collate string
	// forUpdate ends a SELECT whose rows must not change before the commit.
	forUpdate string
	// lock takes the lock named $1 until the end of the transaction; "" where
	// there is one writer at a time anyway.
	lock string
	// lockShared takes the lock named $1 for the connection, beside others who share
	// it; "" where a snapshot sees all the same what is emptied meanwhile.
	lockShared string
	// tryLock gives whether the transaction gets the lock named $1 at once.
	tryLock string
	// quickCheck is the query that answers "ok" for an undamaged database; ""
	// where there is none.
	quickCheck string
	// analyze refreshes what the planner knows of the objects; "" where plans do
	// not go stale.
	analyze string
	// late, run in a transaction, spares its commit the wait for the disk; "" where
	// that is said before the transaction begins: sqliteconn.Late.
	late string
	// empty begins the statement that removes all rows of the table named next, if
	// nobody reads a snapshot.
	empty string
	// vacuum, run outside of a transaction, sets tables in order that were filled
	// at once; "" in a database of one file.
	vacuum string
	// search says how object_search is written and asked.
	search searchDialect
	// tables lists the tables with their columns and keys.
	tables string
	// copyIn inserts rows by the fastest way that there is, in the transaction that
	// the connection is in; nil where that is a statement like any other.
	copyIn func(ctx context.Context, conn *sql.Conn, table string, columns []string, rows [][]any) error
	// classify tells what an error of the driver means.
	classify func(err error) fault
}

// searchDialect is the full-text index of a database.
type searchDialect struct {
	key    string                      // the column with the uid
	tokens string                      // makes words joined by spaces searchable; %s is the placeholder
	match  string                      // the condition; %s is the placeholder
	query  func(terms []string) string // all of them, the last one as a prefix
	or     string                      // between queries
}
