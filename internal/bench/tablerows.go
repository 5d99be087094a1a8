package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// tableRows are rows of one table, to be inserted again elsewhere.
type tableRows struct {
	table  string
	values string // of the insert, such as "$1, $2"; "" is one for each column
	into   string // columns of the insert, such as "(rowid, tokens)"; "" is all
	rows   [][]any
}

// insert inserts the rows by a prepared statement of one row.
func (t tableRows) insert(ctx context.Context, tx *sql.Tx, db database) error {
	if len(t.rows) == 0 {
		return nil
	}
	values := t.values
	if values == "" {
		places := make([]string, len(t.rows[0]))
		for i := range places {
			places[i] = "$" + strconv.Itoa(i+1)
		}
		values = strings.Join(places, ", ")
	}
	stmt, err := tx.PrepareContext(ctx, db.bind("INSERT INTO "+t.table+t.into+" VALUES ("+values+")"))
	if err != nil {
		return fmt.Errorf("prepare insert into %s: %w", t.table, err)
	}
	defer stmt.Close()
	for _, row := range t.rows {
		if _, err := stmt.ExecContext(ctx, row...); err != nil {
			return fmt.Errorf("insert into %s: %w", t.table, err)
		}
	}
	return nil
}

// rowsOfServices reads all rows that the apply of the services has made beyond
// the template's: objects with what they are found by, history and ledger.
func rowsOfServices(ctx context.Context, db database, template, applied string) (_ []tableRows, err error) {
	last, err := lastOf(ctx, db, template)
	if err != nil {
		return nil, err
	}
	pool, err := db.open(applied, true) // to list the index's words a temporary table is made
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	pool.SetMaxOpenConns(1)
	const ofServices = "uid IN (SELECT uid FROM objects WHERE kind = 'Service')"
	made := []tableRows{{table: "objects"}, {table: "object_history"}, {table: "object_labels"}, {table: "object_fields"},
		{table: "events"}, {table: "event_key"}, {table: "event_payload"}, {table: "event_person"}, {table: "dim"}}
	conditions := []string{"kind = 'Service'", "kind = 'Service'", ofServices, ofServices, last.after, last.after, last.after, last.after, last.dims}
	for i := range made {
		if made[i].rows, err = read(ctx, pool, "SELECT * FROM "+made[i].table+" WHERE "+conditions[i]); err != nil {
			return nil, err
		}
	}
	search, err := searchRows(ctx, db, pool, ofServices)
	return append(made, search), err
}

// searchRows reads what the full-text index holds of the services.
func searchRows(ctx context.Context, db database, pool *sql.DB, ofServices string) (tableRows, error) {
	if _, ok := db.(sqliteFiles); !ok {
		rows, err := read(ctx, pool, "SELECT uid, tokens::text FROM object_search WHERE "+ofServices)
		return tableRows{table: "object_search", values: "$1, $2::text::tsvector", rows: rows}, err
	}
	// The index keeps no text, but can list its words.
	if _, err := pool.ExecContext(ctx, "CREATE VIRTUAL TABLE temp.words USING fts5vocab('main', 'object_search', 'instance')"); err != nil {
		return tableRows{}, err
	}
	rows, err := read(ctx, pool, "SELECT doc, group_concat(term, ' ') FROM temp.words GROUP BY doc HAVING doc IN (SELECT uid FROM objects WHERE kind = 'Service')")
	return tableRows{table: "object_search", into: " (rowid, tokens)", rows: rows}, err
}

// last are conditions for what was added after a state of the ledger.
type last struct{ after, dims string }

func lastOf(ctx context.Context, db database, address string) (l last, err error) {
	pool, err := db.open(address, false)
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	var seq, dims int64
	err = pool.QueryRowContext(ctx, "SELECT seq, dims FROM ledger_head").Scan(&seq, &dims)
	return last{after: fmt.Sprintf("seq > %d", seq), dims: fmt.Sprintf("id > %d", dims)}, err
}

// read gives all rows of a query, ready to be arguments.
func read(ctx context.Context, pool *sql.DB, query string) ([][]any, error) {
	rows, err := pool.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var all [][]any
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("%s: %w", query, err)
		}
		for i, value := range row {
			if b, ok := value.([]byte); value == nil || ok && len(b) == 0 {
				row[i] = []byte{} // what is read as NULL: none of these columns can be
			}
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// stderrOf is what a failed command said.
func stderrOf(err error) []byte {
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return failed.Stderr
	}
	return nil
}
