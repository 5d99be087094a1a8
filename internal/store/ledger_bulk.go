package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store/bulk"
)

// ledgerSizes are the numbers of rows that one statement inserts on SQLite, whose
// driver binds parameters in time that grows with their square.
var ledgerSizes = []int{20, 1}

// The statements that append events; what fails ends the transaction.
var (
	insertEvents = bulk.Statement{Head: "INSERT INTO events (seq, time, received, type, source, actor, team, service, capability, environment, subject, envelope, payload_hash) VALUES ",
		Columns: 13, Sizes: ledgerSizes, Ends: true}
	insertKeys     = bulk.Statement{Head: "INSERT INTO event_key (k, seq) VALUES ", Columns: 2, Sizes: ledgerSizes, Ends: true}
	insertPayloads = bulk.Statement{Head: "INSERT INTO event_payload (seq, salt, body) VALUES ", Columns: 3, Sizes: ledgerSizes, Ends: true}
	insertPersons  = bulk.Statement{Head: "INSERT INTO event_person (pseudonym, seq) VALUES ", Columns: 2, Sizes: ledgerSizes, Ends: true}
)

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
