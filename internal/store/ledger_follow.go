package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"

	"github.com/stoa-platform/stoa/internal/event"
)

// followed are the columns that ReadFrom makes records of. The envelope, which
// costs more to decode than all the rest, is read for its id and extensions alone.
const followed = `SELECT e.seq, e.time, e.received, e.type, e.source, e.actor, e.team, e.service, e.capability, e.environment,
	e.subject, e.envelope, length(e.payload_hash), p.body FROM events e LEFT JOIN event_payload p ON p.seq = e.seq
	WHERE e.seq > $1 ORDER BY e.seq LIMIT $2`

// fewRecords is more than usually come within a second.
const fewRecords = 256

// ReadFrom gives up to limit records after a sequence, ascending: what
// projectors read, see event.ProjectionStore. There are none only at the
// ledger's end; a page may be shorter than limit when its payloads are large.
func (s *Store) ReadFrom(ctx context.Context, after int64, limit int) ([]event.Record, error) {
	rows, err := s.reader.QueryContext(ctx, followed, after, limit)
	if err != nil {
		return nil, fmt.Errorf("follow events: %w", s.translate(err))
	}
	defer rows.Close()
	var records []event.Record
	size := 0
	for size < pageBytes && rows.Next() {
		var r event.Record
		var at, received, source, hash int64
		var envelope sql.RawBytes
		var body []byte
		ids := &r.IDs
		if err := rows.Scan(&r.Seq, &at, &received, &ids.Type, &source, &ids.Actor, &ids.Team, &ids.Service, &ids.Capability, &ids.Environment,
			&r.Subject, &envelope, &hash, &body); err != nil {
			return nil, fmt.Errorf("follow events: %w", s.translate(err))
		}
		size += len(body) + len(envelope)
		if r.ID, err = event.DecodeID(envelope); err != nil {
			return nil, fmt.Errorf("follow event %d: %w", r.Seq, err)
		}
		if r.Extensions, err = event.DecodeExtensions(envelope); err != nil {
			return nil, fmt.Errorf("follow event %d: %w", r.Seq, err)
		}
		if r.Names, err = event.DecodeNames(envelope); err != nil {
			return nil, fmt.Errorf("follow event %d: %w", r.Seq, err)
		}
		r.Time, r.Received, r.Data, r.Erased = fromMicros(at), fromMicros(received), body, hash > 0 && body == nil
		for _, f := range []struct {
			into *string
			id   int64
		}{
			{&r.Type, ids.Type}, {&r.Source, source}, {&r.Actor, ids.Actor}, {&r.Team, ids.Team}, {&r.Service, ids.Service},
			{&r.Capability, ids.Capability}, {&r.Environment, ids.Environment},
		} {
			if *f.into, err = s.ledger.names.of(ctx, s, f.id); err != nil {
				return nil, fmt.Errorf("follow event %d: %w", r.Seq, err)
			}
		}
		if len(records) == fewRecords { // a ledger that is read from its beginning: grow once
			records = slices.Grow(records, limit)
		}
		records = append(records, r)
	}
	return records, s.translate(rows.Err())
}

// dimNamesByID keeps the names behind the ledger's numbers, which are given
// without gaps and never change.
type dimNamesByID struct {
	mu    sync.RWMutex
	names []string // by number; 0 is no name
}

func (d *dimNamesByID) of(ctx context.Context, s *Store, id int64) (string, error) {
	d.mu.RLock()
	known := int64(len(d.names))
	if id < known {
		defer d.mu.RUnlock()
		return d.names[id], nil
	}
	d.mu.RUnlock()
	if id == 0 {
		return "", nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.names) == 0 {
		d.names = []string{""}
	}
	rows, err := s.reader.QueryContext(ctx, "SELECT id, name FROM dim WHERE id >= $1 ORDER BY id", len(d.names))
	if err != nil {
		return "", s.translate(err)
	}
	defer rows.Close()
	for rows.Next() {
		var at int64
		var name string
		if err := rows.Scan(&at, &name); err != nil {
			return "", s.translate(err)
		}
		if at != int64(len(d.names)) {
			return "", fmt.Errorf("the ledger is damaged: name %d is missing (the next one is %d)", len(d.names), at)
		}
		d.names = append(d.names, name)
	}
	if err := rows.Err(); err != nil {
		return "", s.translate(err)
	}
	if id >= int64(len(d.names)) {
		return "", fmt.Errorf("the ledger is damaged: there is no name %d", id)
	}
	return d.names[id], nil
}
