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

// The statements that append events; what fails ends the transaction. A key that is
// there already is no failure.
var (
	insertEvents = bulk.Statement{Head: "INSERT INTO events (seq, time, received, type, source, actor, team, service, capability, environment, subject, envelope, payload_hash) VALUES ",
		Columns: 13, Sizes: ledgerSizes, Ends: true}
	insertKeys     = bulk.Statement{Head: "INSERT INTO event_key (k, seq) VALUES ", Tail: " ON CONFLICT (k) DO NOTHING", Columns: 2, Sizes: ledgerSizes}
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
	among, arg, err := s.amongKeys(keys)
	if err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, "SELECT k, seq FROM event_key WHERE "+among, arg)
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

// amongKeys is the condition that a key k is one of these, which are argument $1.
func (s *Store) amongKeys(keys [][]byte) (condition string, arg any, err error) {
	if s.dialect.name != "sqlite" {
		return "k = ANY($1::bytea[])", keys, nil
	}
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = hex.EncodeToString(k)
	}
	raw, err := json.Marshal(list)
	return "k IN (SELECT unhex(value) FROM json_each($1))", string(raw), err
}

// takeKeys puts the keys of entries in the ledger, numbered after a sequence. It
// is false, and none is there, where one of them was there before.
func (tx *Tx) takeKeys(ctx context.Context, after int64, entries []event.Entry) (bool, error) {
	keys, seqs := make([][]byte, len(entries)), make([]int64, len(entries))
	for i := range entries {
		keys[i], seqs[i] = entries[i].Key[:], after+1+int64(i)
	}
	taken, err := tx.store.bulk.Run(ctx, tx.sql, insertKeys, bulk.Columns{keys, seqs})
	if err != nil || taken == int64(len(entries)) {
		return err == nil, tx.store.translate(err)
	}
	among, arg, err := tx.store.amongKeys(keys)
	if err == nil {
		_, err = tx.Exec(ctx, "DELETE FROM event_key WHERE "+among+" AND seq > $2", arg, after)
	}
	return false, err
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
