package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// preloadEvents fills the ledger by copies of a posted batch, with random keys,
// until it holds l.preload events.
func (l *lab) preloadEvents(ctx context.Context, db database, data, address string) (err error) {
	p, err := l.serve(ctx, data, address)
	if err != nil {
		return err
	}
	body, err := eventsBatch(batchSize)
	if err == nil {
		_, err = p.request(ctx, "POST", "/events", "application/cloudevents-batch+json", body)
	}
	if err = errors.Join(err, p.stop()); err != nil {
		return err
	}
	pool, err := db.open(address, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	pool.SetMaxOpenConns(1)
	var head int64
	if err := pool.QueryRowContext(ctx, "SELECT seq FROM ledger_head").Scan(&head); err != nil {
		return err
	}
	if err := withoutIndexes(ctx, pool, db, func() error { return l.multiply(ctx, pool, head) }); err != nil {
		return fmt.Errorf("load events: %w", err)
	}
	// In the order of their keys, which is faster; they are random all the same.
	for _, query := range []string{
		fmt.Sprintf("INSERT INTO event_key SELECT k, seq FROM (SELECT %s AS k, seq FROM events WHERE seq > %d) AS keys ORDER BY k", randomKey(db, "seq"), head),
		"UPDATE ledger_head SET seq = (SELECT max(seq) FROM events)",
		"ANALYZE",
	} {
		if _, err := pool.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("load events: %.40s: %w", query, err)
		}
	}
	return nil
}

// multiply doubles the last batch until there are l.preload events after head.
func (l *lab) multiply(ctx context.Context, pool *sql.DB, head int64) error {
	from, have := head-batchSize, batchSize
	for target := l.preload + batchSize; have < target; {
		n := min(have, target-have)
		for _, query := range []string{
			`INSERT INTO events SELECT seq + %[1]d, time, received, type, source, actor, team, service, capability, environment,
				subject, envelope, payload_hash FROM events WHERE seq > %[2]d AND seq <= %[2]d + %[3]d`,
			"INSERT INTO event_payload SELECT seq + %[1]d, salt, body FROM event_payload WHERE seq > %[2]d AND seq <= %[2]d + %[3]d",
		} {
			if _, err := pool.ExecContext(ctx, fmt.Sprintf(query, have, from, n)); err != nil {
				return err
			}
		}
		have += n
	}
	return nil
}

// withoutIndexes runs do while the indexes of events are away, and makes them again.
func withoutIndexes(ctx context.Context, pool *sql.DB, db database, do func() error) error {
	list := "SELECT indexname, replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes WHERE tablename = 'events' AND indexname NOT LIKE '%pkey'"
	if _, ok := db.(sqliteFiles); ok {
		list = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'events' AND sql IS NOT NULL"
	}
	indexes, err := read(ctx, pool, list)
	if err != nil {
		return err
	}
	for _, index := range indexes {
		if _, err := pool.ExecContext(ctx, fmt.Sprintf("DROP INDEX %s", index[0])); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return err
	}
	for _, index := range indexes {
		if _, err := pool.ExecContext(ctx, fmt.Sprint(index[1])); err != nil {
			return err
		}
	}
	return nil
}

// randomKey is an expression for 16 random bytes; it names a column, so that
// it is evaluated for each row.
func randomKey(db database, column string) string {
	if _, ok := db.(sqliteFiles); ok {
		return "randomblob(16)"
	}
	return "decode(md5(random()::text || " + column + "), 'hex')"
}

// plainEvents inserts events by prepared statements into a copy of the ledger.
type plainEvents struct {
	db     database
	pool   *sql.DB
	next   int64
	sample []any // columns of an event as the ledger has it, with salt and body
}

// eventColumns are those of events and event_payload together, seq first.
const eventColumns = "seq, time, received, type, source, actor, team, service, capability, environment, subject, envelope, payload_hash"

// openPlain opens a copy of the ledger and adds two tables of whole events,
// both with as many rows: one with a unique index, one without any.
func openPlain(ctx context.Context, db database, address string, preload int) (*plainEvents, error) {
	pool, err := db.open(address, true)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	p := &plainEvents{db: db, pool: pool, next: int64(preload) * 4}
	if err := p.prepare(ctx); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return p, nil
}

func (p *plainEvents) prepare(ctx context.Context) error {
	blob := "BLOB"
	if _, ok := p.db.(*postgresServer); ok {
		blob = "BYTEA"
	}
	const table = `CREATE TABLE %[1]s (seq BIGINT NOT NULL, time BIGINT NOT NULL, received BIGINT NOT NULL, type BIGINT NOT NULL, source BIGINT NOT NULL,
		actor BIGINT NOT NULL, team BIGINT NOT NULL, service BIGINT NOT NULL, capability BIGINT NOT NULL, environment BIGINT NOT NULL,
		subject TEXT NOT NULL, envelope %[2]s NOT NULL, payload_hash %[2]s NOT NULL, salt %[2]s NOT NULL, body %[2]s NOT NULL, k %[2]s NOT NULL)`
	const fill = `INSERT INTO %s SELECT e.seq, e.time, e.received, e.type, e.source, e.actor, e.team, e.service, e.capability, e.environment,
		e.subject, e.envelope, e.payload_hash, p.salt, p.body, %s FROM events e JOIN event_payload p ON p.seq = e.seq`
	for _, query := range []string{
		fmt.Sprintf(table, "plain_unique", blob), fmt.Sprintf(fill, "plain_unique", randomKey(p.db, "e.seq")),
		"CREATE UNIQUE INDEX plain_unique_k ON plain_unique (k)",
		fmt.Sprintf(table, "plain_bare", blob), fmt.Sprintf(fill, "plain_bare", randomKey(p.db, "e.seq")),
	} {
		if _, err := p.pool.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("%.40s: %w", query, err)
		}
	}
	rows, err := read(ctx, p.pool, "SELECT e."+strings.ReplaceAll(eventColumns, ", ", ", e.")+
		", p.salt, p.body FROM events e JOIN event_payload p ON p.seq = e.seq ORDER BY e.seq DESC LIMIT 1")
	if err != nil {
		return err
	}
	p.sample = rows[0]
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
			row := append(append([]any{p.next}, p.sample[1:]...), key)
			batches[b][i] = row
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
