package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// randomKey is an expression for 16 random bytes; it names a column, so that
// it is evaluated for each row.
func randomKey(db database, column string) string {
	if _, ok := db.(sqliteFiles); ok {
		return "randomblob(16)"
	}
	return "decode(md5(random()::text || " + column + "), 'hex')"
}

// plainEvents inserts events by prepared statements into a copy of a ledger.
type plainEvents struct {
	db     database
	pool   *sql.DB
	next   int64
	sample [][]any // the last events that were posted: their columns, salt and body
}

// eventColumns are those of events, seq first.
const eventColumns = "e.seq, e.time, e.received, e.type, e.source, e.actor, e.team, e.service, e.capability, e.environment, e.subject, e.envelope, e.payload_hash"

// openPlain opens a copy of a ledger. With more it adds two tables of whole
// events, both with as many rows: one with a unique index, one without any.
func openPlain(ctx context.Context, db database, address string, more bool) (*plainEvents, error) {
	pool, err := db.open(address, true)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	p := &plainEvents{db: db, pool: pool}
	if more {
		err = p.addTables(ctx)
	}
	if err == nil {
		p.sample, err = read(ctx, pool, fmt.Sprintf("SELECT %s, p.salt, p.body FROM events e JOIN event_payload p ON p.seq = e.seq ORDER BY e.seq DESC LIMIT %d", eventColumns, batchSize))
	}
	if err == nil {
		err = pool.QueryRowContext(ctx, "SELECT seq FROM ledger_head").Scan(&p.next)
	}
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return p, nil
}

func (p *plainEvents) addTables(ctx context.Context) error {
	blob := "BLOB"
	if _, ok := p.db.(*postgresServer); ok {
		blob = "BYTEA"
	}
	const table = `CREATE TABLE %[1]s (seq BIGINT NOT NULL, time BIGINT NOT NULL, received BIGINT NOT NULL, type BIGINT NOT NULL, source BIGINT NOT NULL,
		actor BIGINT NOT NULL, team BIGINT NOT NULL, service BIGINT NOT NULL, capability BIGINT NOT NULL, environment BIGINT NOT NULL,
		subject TEXT NOT NULL, envelope %[2]s NOT NULL, payload_hash %[2]s NOT NULL, salt %[2]s NOT NULL, body %[2]s NOT NULL, k %[2]s NOT NULL)`
	const fill = "INSERT INTO %s SELECT " + eventColumns + ", p.salt, p.body, %s FROM events e JOIN event_payload p ON p.seq = e.seq"
	for _, query := range []string{
		fmt.Sprintf(table, "plain_unique", blob), fmt.Sprintf(fill, "plain_unique", randomKey(p.db, "e.seq")),
		"CREATE UNIQUE INDEX plain_unique_k ON plain_unique (k)",
		fmt.Sprintf(table, "plain_bare", blob), fmt.Sprintf(fill, "plain_bare", randomKey(p.db, "e.seq")),
	} {
		if _, err := p.pool.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("%.40s: %w", query, err)
		}
	}
	return nil
}

// insertBatches commits batches of the size that is posted and gives events a
// second. Rows are made before the clock starts.
func (p *plainEvents) insertBatches(ctx context.Context, insert func(context.Context, *sql.Tx, [][]any) error) (float64, error) {
	batches := make([][][]any, batchesEach)
	for b := range batches {
		batches[b] = make([][]any, batchSize)
		for i := range batches[b] {
			p.next++
			key := make([]byte, 16)
			_, _ = rand.Read(key) // never fails
			batches[b][i] = append(append([]any{p.next}, p.sample[i%len(p.sample)][1:]...), key)
		}
	}
	began := time.Now()
	for _, batch := range batches {
		if err := inTransaction(ctx, p.pool, func(tx *sql.Tx) error { return insert(ctx, tx, batch) }); err != nil {
			return 0, err
		}
	}
	return batchSize * batchesEach / time.Since(began).Seconds(), nil
}

// intoLedger inserts into the ledger's own tables, with all their indexes.
func (p *plainEvents) intoLedger(ctx context.Context, tx *sql.Tx, batch [][]any) error {
	events, payloads, keys := make([][]any, len(batch)), make([][]any, len(batch)), make([][]any, len(batch))
	for i, row := range batch {
		events[i], payloads[i], keys[i] = row[:13], []any{row[0], row[13], row[14]}, []any{row[15], row[0]}
	}
	for _, t := range []tableRows{
		{table: "events", rows: events}, {table: "event_key", rows: keys}, {table: "event_payload", rows: payloads},
	} {
		if err := t.insert(ctx, tx, p.db); err != nil {
			return err
		}
	}
	return nil
}

func (p *plainEvents) intoUnique(ctx context.Context, tx *sql.Tx, batch [][]any) error {
	return tableRows{table: "plain_unique", rows: batch}.insert(ctx, tx, p.db)
}

func (p *plainEvents) intoBare(ctx context.Context, tx *sql.Tx, batch [][]any) error {
	return tableRows{table: "plain_bare", rows: batch}.insert(ctx, tx, p.db)
}
