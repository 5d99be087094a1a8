package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/event/merkle"
)

// Snapshot runs fn with one consistent view of the ledger, for an export. It
// may take long: on SQLite the write-ahead log cannot shrink meanwhile.
func (s *Store) Snapshot(ctx context.Context, fn func(context.Context, event.Snapshot) error) error {
	var options *sql.TxOptions // SQLite's readers see one state from their first read on
	if s.dialect.name == "postgres" {
		options = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	tx, err := s.reader.BeginTx(ctx, options)
	if err != nil {
		return s.translate(err)
	}
	defer func() { _ = tx.Rollback() }()
	return s.translate(fn(ctx, &snapshot{store: s, tx: tx, names: map[int64]dimName{}}))
}

// snapshot reads the tables as they are, past what the process remembers of them.
type snapshot struct {
	store *Store
	tx    *sql.Tx
	names map[int64]dimName
}

// Totals counts the rows of the ledger's tables.
func (sn *snapshot) Totals(ctx context.Context) (event.Totals, error) {
	var t event.Totals
	for _, c := range []struct {
		query string
		into  *int64
	}{
		{"SELECT seq FROM ledger_head WHERE one = 1", &t.Head},
		{"SELECT dims FROM ledger_head WHERE one = 1", &t.Dims},
		{"SELECT count(*) FROM dim", &t.Names},
		{"SELECT count(*) FROM events", &t.Events},
		{"SELECT count(*) FROM event_payload", &t.Payloads},
		{"SELECT count(*) FROM event_key", &t.Keys},
		{"SELECT count(*) FROM tiles", &t.Tiles},
		{"SELECT count(*) FROM checkpoints", &t.Checkpoints},
		{"SELECT count(*) FROM sources", &t.Sources},
	} {
		if err := sn.tx.QueryRowContext(ctx, c.query).Scan(c.into); err != nil {
			return t, fmt.Errorf("count rows of the ledger: %w", err)
		}
	}
	return t, nil
}

// Rows gives events as their tables hold them.
func (sn *snapshot) Rows(ctx context.Context, after int64, limit int) ([]event.Row, error) {
	stored, dims, err := sn.rows(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	keys := make([][]byte, 0, len(stored))
	keyOf := make([][16]byte, len(stored))
	for i := range stored {
		row, ids := &stored[i], dims[i]
		for d, into := range [...]*string{event.DimType: &row.Columns.Type, event.DimSource: &row.Columns.Source, event.DimActor: &row.Columns.Actor, event.DimTeam: &row.Columns.Team,
			event.DimService: &row.Columns.Service, event.DimCapability: &row.Columns.Capability, event.DimEnvironment: &row.Columns.Environment} {
			if *into, err = sn.name(ctx, event.DimKind(d), ids[d]); err != nil {
				return nil, err
			}
		}
		if rec, err := event.DecodeEnvelope([]byte(row.Envelope)); err == nil {
			keyOf[i] = event.KeyOf(rec.Source, rec.ID)
			keys = append(keys, keyOf[i][:])
		}
	}
	seqs, err := sn.store.keySeqs(ctx, sn.tx, keys)
	if err != nil {
		return nil, err
	}
	for i := range stored {
		stored[i].Key = seqs[keyOf[i]]
	}
	return stored, nil
}

func (sn *snapshot) rows(ctx context.Context, after int64, limit int) ([]event.Row, [][7]int64, error) {
	rows, err := sn.tx.QueryContext(ctx, `SELECT e.seq, e.time, e.received, e.type, e.source, e.actor, e.team, e.service, e.capability, e.environment,
		e.subject, e.envelope, e.payload_hash, p.salt, p.body
		FROM events e LEFT JOIN event_payload p ON p.seq = e.seq WHERE e.seq > $1 ORDER BY e.seq LIMIT $2`, after, limit)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	var all []event.Row
	var dims [][7]int64
	for size := 0; size < event.PageBytes && rows.Next(); {
		var r event.Row
		var ids [7]int64
		var envelope, body []byte
		if err := rows.Scan(&r.Seq, &r.Columns.Time, &r.Columns.Received, &ids[0], &ids[1], &ids[2], &ids[3], &ids[4], &ids[5], &ids[6],
			&r.Columns.Subject, &envelope, &r.PayloadHash, &r.Salt, &body); err != nil {
			return nil, nil, err
		}
		r.Envelope = string(envelope)
		if body != nil {
			payload := string(body)
			r.Payload = &payload
		}
		all, dims = append(all, r), append(dims, ids)
		size += len(envelope) + len(body)
	}
	return all, dims, rows.Err()
}

// name gives what a number stands for, "" when it stands for nothing of the kind.
func (sn *snapshot) name(ctx context.Context, kind event.DimKind, id int64) (string, error) {
	if id == 0 {
		return "", nil
	}
	n, ok := sn.names[id]
	if !ok {
		if len(sn.names) >= nameCacheSize {
			clear(sn.names)
		}
		err := sn.tx.QueryRowContext(ctx, "SELECT kind, name FROM dim WHERE id = $1", id).Scan(&n.kind, &n.name)
		if err != nil && err != sql.ErrNoRows {
			return "", err
		}
		sn.names[id] = n
	}
	if n.kind != kind {
		return "", nil
	}
	return n.name, nil
}

// Tiles gives the stored ones of the tiles named by level and number.
func (sn *snapshot) Tiles(ctx context.Context, want []merkle.Tile) ([]merkle.Tile, error) {
	return sn.store.tiles(ctx, sn.tx, want)
}

// Checkpoints gives checkpoints after a size, ascending.
func (sn *snapshot) Checkpoints(ctx context.Context, after int64, limit int) ([]event.CheckpointRow, error) {
	rows, err := sn.tx.QueryContext(ctx, "SELECT size, previous, note FROM checkpoints WHERE size > $1 ORDER BY size LIMIT $2", after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []event.CheckpointRow
	for rows.Next() {
		var c event.CheckpointRow
		if err := rows.Scan(&c.Size, &c.Previous, &c.Note); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// Sources gives who may speak for which source.
func (sn *snapshot) Sources(ctx context.Context) ([]event.SourceBinding, error) {
	rows, err := sn.tx.QueryContext(ctx, "SELECT source, owner, kind FROM sources ORDER BY source")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []event.SourceBinding
	for rows.Next() {
		var b event.SourceBinding
		if err := rows.Scan(&b.Source, &b.Owner, &b.Kind); err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, rows.Err()
}
