package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/stoa-platform/stoa/internal/event"
)

// bulkTable is a table that takes many rows at once, by columns.
type bulkTable struct {
	name    string
	columns []string
	types   []string // PostgreSQL's types of the columns

	once                       sync.Once
	postgres, single, multiple string
}

// bulkRows is the number of rows that one statement inserts on SQLite, whose
// driver binds parameters in time that grows with their square.
const bulkRows = 20

var (
	eventsTable = bulkTable{
		name: "events",
		columns: []string{"seq", "time", "received", "type", "source", "actor", "team", "service", "capability", "environment",
			"subject", "envelope", "payload_hash"},
		types: []string{"bigint", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint",
			"text", "bytea", "bytea"},
	}
	keyTable     = bulkTable{name: "event_key", columns: []string{"k", "seq"}, types: []string{"bytea", "bigint"}}
	payloadTable = bulkTable{name: "event_payload", columns: []string{"seq", "salt", "body"}, types: []string{"bigint", "bytea", "bytea"}}
	personTable  = bulkTable{name: "event_person", columns: []string{"pseudonym", "seq"}, types: []string{"text", "bigint"}}
)

func (t *bulkTable) statements() {
	into := fmt.Sprintf("INSERT INTO %s (%s) ", t.name, strings.Join(t.columns, ", "))
	arrays := make([]string, len(t.types))
	for i, typ := range t.types {
		arrays[i] = fmt.Sprintf("unnest($%d::%s[])", i+1, typ)
	}
	t.postgres = into + "SELECT " + strings.Join(arrays, ", ")
	rows := make([]string, bulkRows)
	for r := range rows {
		values := make([]string, len(t.columns))
		for c := range values {
			values[c] = fmt.Sprintf("$%d", r*len(t.columns)+c+1)
		}
		rows[r] = "(" + strings.Join(values, ", ") + ")"
	}
	// A failed statement ends the transaction, so SQLite need not be able to undo
	// it alone: OR FAIL spares the copies of pages that it keeps for that.
	into = strings.Replace(into, "INSERT", "INSERT OR FAIL", 1)
	t.single, t.multiple = into+"VALUES "+rows[0], into+"VALUES "+strings.Join(rows, ", ")
}

// insertRows inserts rows given as one slice ([]int64, []string or [][]byte) a
// column. PostgreSQL takes the columns as arrays; SQLite, in the same process,
// rows as parameters.
func (tx *Tx) insertRows(ctx context.Context, t *bulkTable, columns []any) error {
	t.once.Do(t.statements)
	n := columnLen(columns[0])
	if n == 0 {
		return nil
	}
	if tx.store.dialect.name == "postgres" {
		_, err := tx.Exec(ctx, t.postgres, columns...)
		return err
	}
	args := make([]any, 0, bulkRows*len(columns))
	for at := 0; at < n; {
		query, rows := t.single, 1
		if n-at >= bulkRows {
			query, rows = t.multiple, bulkRows
		}
		args = args[:0]
		for r := at; r < at+rows; r++ {
			for _, c := range columns {
				switch c := c.(type) {
				case []int64:
					args = append(args, c[r])
				case []string:
					args = append(args, c[r])
				case [][]byte:
					args = append(args, c[r])
				}
			}
		}
		if _, err := tx.Exec(ctx, query, args...); err != nil {
			return err
		}
		at += rows
	}
	return nil
}

func columnLen(column any) int {
	switch c := column.(type) {
	case []int64:
		return len(c)
	case []string:
		return len(c)
	case [][]byte:
		return len(c)
	}
	return 0
}

// knownEvents gives the events that stand under the keys, with their time only
// where the sender gave one.
func (tx *Tx) knownEvents(ctx context.Context, keys [][]byte) (map[[16]byte]event.Record, error) {
	seqs, err := tx.store.keySeqs(ctx, tx.sql, keys)
	if err != nil {
		return nil, err
	}
	known := make(map[[16]byte]event.Record, len(seqs))
	for key, seq := range seqs {
		rec, err := tx.storedEvent(ctx, seq)
		if err != nil {
			return nil, fmt.Errorf("read event %d: %w", seq, err)
		}
		known[key] = rec
	}
	return known, nil
}

// keySeqs gives the sequences of those keys that are in the ledger.
func (s *Store) keySeqs(ctx context.Context, q querier, keys [][]byte) (map[[16]byte]int64, error) {
	found := map[[16]byte]int64{}
	if len(keys) == 0 {
		return found, nil
	}
	query, arg := "SELECT k, seq FROM event_key WHERE k = ANY($1::bytea[])", any(keys)
	if s.dialect.name == "sqlite" {
		query = "SELECT k, seq FROM event_key WHERE k IN (SELECT unhex(value) FROM json_each($1))"
		list := make([]string, len(keys))
		for i, k := range keys {
			list[i] = hex.EncodeToString(k)
		}
		raw, err := json.Marshal(list)
		if err != nil {
			return nil, err
		}
		arg = string(raw)
	}
	rows, err := q.QueryContext(ctx, query, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var k []byte
		var seq int64
		if err := rows.Scan(&k, &seq); err != nil {
			return nil, err
		}
		if len(k) == 16 {
			found[[16]byte(k)] = seq
		}
	}
	return found, rows.Err()
}

func (tx *Tx) storedEvent(ctx context.Context, seq int64) (event.Record, error) {
	var envelope, hash, body []byte
	err := tx.QueryRow(ctx, `SELECT e.envelope, e.payload_hash, p.body FROM events e
		LEFT JOIN event_payload p ON p.seq = e.seq WHERE e.seq = $1`, seq).Scan(&envelope, &hash, &body)
	if err != nil {
		return event.Record{}, err
	}
	rec, err := event.DecodeEnvelope(envelope)
	rec.Seq, rec.Data, rec.Erased = seq, body, len(hash) > 0 && body == nil
	return rec, err
}
