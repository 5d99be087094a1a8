package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/stoa-platform/stoa/internal/event"
)

// followed are the columns that ReadFrom makes records of: ten numbers, and what
// is no number. The envelope, which costs more to decode than all the rest, is
// read for its id, extensions and names alone. Payloads are read by themselves:
// most events have none, and to look for each costs as much as to read the event.
const (
	followed = `SELECT seq, time, received, type, source, actor, team, service, capability, environment, length(payload_hash), subject, envelope
		FROM events WHERE seq > $1 ORDER BY seq LIMIT $2`
	followedPayloads = "SELECT seq, body FROM event_payload WHERE seq >= $1 AND seq <= $2 ORDER BY seq"
)

// followedBytes bounds the envelopes and payloads of one page.
const followedBytes = 32 << 20

// followedAtOnce is how many records are read before it is known how large their
// payloads are: those that then are too many for the page were read for nothing.
const followedAtOnce = 1 << 12

// ReadFrom gives up to limit records after a sequence, ascending: what
// projectors read, see event.ProjectionStore. There are none only at the
// ledger's end; a page may be shorter than limit when its payloads are large.
func (s *Store) ReadFrom(ctx context.Context, after int64, limit int) ([]event.Record, error) {
	var records []event.Record
	extensions := event.ExtensionsDecoder{}
	for size := 0; len(records) < limit && size < followedBytes; {
		before, asked := len(records), min(followedAtOnce, limit-len(records))
		if before > 0 { // there are many: growing by and by would copy them again and again
			records = slices.Grow(records, min(limit-before, 3*before))
		}
		found, envelopes, err := s.follow(ctx, &extensions, records, after, asked)
		if err != nil {
			return nil, fmt.Errorf("follow events: %w", err)
		}
		if records, size, err = s.withPayloads(ctx, found, before, size+envelopes); err != nil {
			return nil, fmt.Errorf("follow events: %w", err)
		}
		if len(found)-before < asked {
			break
		}
		after = records[len(records)-1].Seq
	}
	return records, nil
}

// follow adds records to others, without their payloads, Erased where they have
// one, and says how many bytes it read.
func (s *Store) follow(ctx context.Context, extensions *event.ExtensionsDecoder, records []event.Record, after int64, limit int) (_ []event.Record, size int, err error) {
	rows, err := s.reader.QueryContext(ctx, followed, after, limit)
	if err != nil {
		return nil, 0, s.translate(err)
	}
	defer rows.Close()
	// Into an any, database/sql hands a number over as it is.
	var numbers [11]any
	var subject string
	var envelope sql.RawBytes
	into := make([]any, 0, len(numbers)+2)
	for i := range numbers {
		into = append(into, &numbers[i])
	}
	into = append(into, &subject, &envelope)
	var named [][7]int64 // the numbers of the names of each record read here
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, 0, s.translate(err)
		}
		var n [len(numbers)]int64
		for i, v := range numbers {
			var ok bool
			if n[i], ok = v.(int64); !ok {
				return nil, 0, fmt.Errorf("column %d is no number: %v", i, v)
			}
		}
		r := event.Record{Seq: n[0], Received: fromMicros(n[2]), Erased: n[10] > 0, IDs: event.Dimensions{
			Type: n[3], Source: n[4], Actor: n[5], Team: n[6], Service: n[7], Capability: n[8], Environment: n[9],
		}}
		r.Time, r.Subject = fromMicros(n[1]), subject
		if r.ID, err = event.DecodeID(envelope); err != nil {
			return nil, 0, fmt.Errorf("event %d: %w", r.Seq, err)
		}
		if r.Extensions, err = extensions.Decode(envelope); err != nil {
			return nil, 0, fmt.Errorf("event %d: %w", r.Seq, err)
		}
		if r.Names, err = event.DecodeNames(envelope); err != nil {
			return nil, 0, fmt.Errorf("event %d: %w", r.Seq, err)
		}
		records, named = append(records, r), append(named, [7]int64(n[3:10]))
		size += len(envelope)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, 0, s.translate(err)
	}
	// Not before the rows are closed: who held a connection while waiting for another
	// one could wait for those who do the same.
	for i, ids := range named {
		r := &records[len(records)-len(named)+i]
		for of, name := range []*string{&r.Type, &r.Source, &r.Actor, &r.Team, &r.Service, &r.Capability, &r.Environment} {
			if *name, err = s.ledger.names.of(ctx, s, ids[of]); err != nil {
				return nil, 0, fmt.Errorf("event %d: %w", r.Seq, err)
			}
		}
	}
	return records, size, nil
}

// withPayloads adds the payloads of a page's records from a place on, of which so
// much is read already, leaves out those that would make it too large, and gives
// what it then is.
func (s *Store) withPayloads(ctx context.Context, records []event.Record, from, size int) ([]event.Record, int, error) {
	first := slices.IndexFunc(records[from:], func(r event.Record) bool { return r.Erased })
	if first < 0 {
		return records, size, nil
	}
	first += from
	rows, err := s.reader.QueryContext(ctx, followedPayloads, records[first].Seq, records[len(records)-1].Seq)
	if err != nil {
		return nil, 0, s.translate(err)
	}
	defer rows.Close()
	at := first
	for rows.Next() {
		var seq int64
		var body []byte
		if err := rows.Scan(&seq, &body); err != nil {
			return nil, 0, s.translate(err)
		}
		for at < len(records) && records[at].Seq < seq {
			at++
		}
		if at == len(records) || records[at].Seq != seq {
			return nil, 0, fmt.Errorf("the ledger is damaged: the payload %d is of no event", seq)
		}
		records[at].Data, records[at].Erased = body, false
		if size += len(body); size >= followedBytes {
			return slices.Clip(records[:at+1]), size, nil
		}
	}
	return records, size, s.translate(rows.Err())
}
