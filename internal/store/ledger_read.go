package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Query reads what is committed, such as summaries, with $N placeholders.
func (s *Store) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := s.reader.QueryContext(ctx, query, args...)
	return rows, s.translate(err)
}

// QueryRow reads at most one row; Scan returns sql.ErrNoRows without one.
func (s *Store) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return s.reader.QueryRowContext(ctx, query, args...)
}

const selectRecords = `SELECT e.seq, e.time, e.received, e.type, e.source, e.actor, e.team, e.service, e.capability, e.environment,
	e.envelope, e.payload_hash, p.body FROM events e LEFT JOIN event_payload p ON p.seq = e.seq WHERE `

// Events gives a page of the records that the filter selects. A page may be
// shorter than the limit when its payloads are large: event.Full says whether more
// may follow. It returns problem.Invalid for a limit out of range.
func (s *Store) Events(ctx context.Context, f event.Filter) ([]event.Record, error) {
	if f.Limit == 0 {
		f.Limit = 100
	}
	if f.Limit < 1 || f.Limit > 1000 {
		return nil, problem.New(problem.Invalid, "limit %d is out of range", f.Limit).Do("ask for 1 to 1000 events")
	}
	var where conditions
	known, err := s.filterEvents(ctx, f, &where)
	if err != nil || !known {
		return nil, err
	}
	order := "ASC"
	if f.Newest {
		order = "DESC"
	}
	query := selectRecords + where.sql() + " ORDER BY e.seq " + order + " LIMIT " + where.arg(f.Limit)
	return s.records(ctx, query, where.args...)
}

// conditions collects the conditions of a query with their arguments.
type conditions struct {
	parts []string
	args  []any
}

func (c *conditions) arg(v any) string {
	c.args = append(c.args, v)
	return fmt.Sprintf("$%d", len(c.args))
}

func (c *conditions) add(column, operator string, v any) {
	c.parts = append(c.parts, column+" "+operator+" "+c.arg(v))
}

func (c *conditions) sql() string {
	if len(c.parts) == 0 {
		return "1 = 1"
	}
	return strings.Join(c.parts, " AND ")
}

// filterEvents turns the filter into conditions. It reports false when the
// filter names something that no event carries.
func (s *Store) filterEvents(ctx context.Context, f event.Filter, where *conditions) (bool, error) {
	actor := f.Actor
	if !readable(actor) {
		err := s.reader.QueryRowContext(ctx, "SELECT pseudonym FROM persons WHERE principal = $1", actor).Scan(&actor)
		if errors.Is(err, sql.ErrNoRows) {
			return false, nil
		}
		if err != nil {
			return false, s.translate(err)
		}
	}
	for _, d := range []struct {
		kind         event.DimKind
		column, name string
	}{
		{event.DimSource, "e.source", f.Source}, {event.DimActor, "e.actor", actor}, {event.DimTeam, "e.team", f.Team}, {event.DimService, "e.service", f.Service},
		{event.DimCapability, "e.capability", f.Capability}, {event.DimEnvironment, "e.environment", f.Environment},
	} {
		if d.name == "" {
			continue
		}
		id, err := s.idOf(ctx, d.kind, d.name)
		if err != nil || id == 0 {
			return false, err
		}
		where.add(d.column, "=", id)
		where.parts = append(where.parts, d.column+" <> 0") // the indexes are of these rows only, and no planner sees it in a parameter
	}
	if len(f.Types) > 0 {
		ids, err := s.typeIDs(ctx, f.Types)
		if err != nil || len(ids) == 0 {
			return false, err
		}
		list := make([]string, len(ids))
		for i, id := range ids {
			list[i] = where.arg(id)
		}
		where.parts = append(where.parts, "e.type IN ("+strings.Join(list, ", ")+")")
	}
	if strings.HasPrefix(f.Subject, event.UserPrefix) {
		// Stoa's own events name the person by the pseudonym.
		pseudonym, err := s.Pseudonym(ctx, f.Subject)
		if err != nil {
			return false, err
		}
		where.parts = append(where.parts, "e.subject IN ("+where.arg(f.Subject)+", "+where.arg(event.PersonPrefix+pseudonym)+")")
	} else if f.Subject != "" {
		where.add("e.subject", "=", f.Subject)
	}
	if !f.From.IsZero() {
		where.add("e.time", ">=", f.From.UnixMicro())
	}
	if !f.To.IsZero() {
		where.add("e.time", "<", f.To.UnixMicro())
	}
	if f.AfterSeq > 0 {
		where.add("e.seq", ">", f.AfterSeq)
	}
	if f.BeforeSeq > 0 {
		where.add("e.seq", "<", f.BeforeSeq)
	}
	if len(f.Seqs) > 0 {
		list := make([]string, len(f.Seqs))
		for i, seq := range f.Seqs {
			list[i] = where.arg(seq)
		}
		where.parts = append(where.parts, "e.seq IN ("+strings.Join(list, ", ")+")")
	}
	return true, nil
}

// idOf gives the number of a name, 0 when no event carries it.
func (s *Store) idOf(ctx context.Context, kind event.DimKind, name string) (int64, error) {
	n := dimName{kind, name}
	if id, ok := s.ledger.dims.id(n); ok {
		return id, nil
	}
	var id int64
	err := s.reader.QueryRowContext(ctx, "SELECT id FROM dim WHERE kind = $1 AND name = $2", int(kind), name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, s.translate(err)
	}
	s.ledger.dims.add(n, id)
	return id, nil
}

// typeIDs gives the numbers of the types that are named, or begin with a prefix
// that ends in ".".
func (s *Store) typeIDs(ctx context.Context, types []string) ([]int64, error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT id, name FROM dim WHERE kind = $1 ORDER BY id", int(event.DimType))
	if err != nil {
		return nil, s.translate(err)
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, s.translate(err)
		}
		for _, t := range types {
			if name == t || (strings.HasSuffix(t, ".") && strings.HasPrefix(name, t)) {
				ids = append(ids, id)
				break
			}
		}
	}
	return ids, s.translate(rows.Err())
}

func (s *Store) records(ctx context.Context, query string, args ...any) ([]event.Record, error) {
	rows, err := s.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", s.translate(err))
	}
	defer rows.Close()
	var records []event.Record
	size := 0
	for size < event.PageBytes && rows.Next() {
		var seq, at, received int64
		var ids event.Dimensions
		var envelope, hash, body []byte
		if err := rows.Scan(&seq, &at, &received, &ids.Type, &ids.Source, &ids.Actor, &ids.Team, &ids.Service, &ids.Capability, &ids.Environment,
			&envelope, &hash, &body); err != nil {
			return nil, fmt.Errorf("read events: %w", s.translate(err))
		}
		rec, err := event.DecodeEnvelope(envelope)
		if err != nil {
			return nil, fmt.Errorf("read event %d: %w", seq, err)
		}
		rec.Seq, rec.Time, rec.Received, rec.IDs = seq, fromMicros(at), fromMicros(received), ids
		rec.Data, rec.Erased = body, len(hash) > 0 && body == nil
		records = append(records, rec)
		size += len(body)
	}
	return records, s.translate(rows.Err())
}
