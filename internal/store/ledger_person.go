package store

import (
	"context"
	"fmt"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
)

// Deed is how often a principal stands in the ledger as the one who did
// something, of one type of event.
type Deed struct {
	Type  string    `json:"type"`
	N     int64     `json:"n"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// Deeds tells what the ledger keeps of a principal, by type of event, most
// often first; nothing of one that never acted.
func (s *Store) Deeds(ctx context.Context, principal string) ([]Deed, error) {
	pseudonym, err := s.Pseudonym(ctx, principal)
	if err != nil || pseudonym == "" {
		return nil, err
	}
	rows, err := s.reader.QueryContext(ctx, `SELECT t.name, count(*), min(e.time), max(e.time) FROM dim a
		JOIN events e ON e.actor = a.id JOIN dim t ON t.id = e.type
		WHERE a.kind = $1 AND a.name = $2 AND e.actor <> 0 GROUP BY t.name ORDER BY count(*) DESC, t.name`, int(event.DimActor), pseudonym)
	if err != nil {
		return nil, fmt.Errorf("count deeds: %w", s.translate(err))
	}
	defer rows.Close()
	var deeds []Deed
	for rows.Next() {
		var d Deed
		var first, last int64
		if err := rows.Scan(&d.Type, &d.N, &first, &last); err != nil {
			return nil, fmt.Errorf("count deeds: %w", s.translate(err))
		}
		d.First, d.Last = fromMicros(first), fromMicros(last)
		deeds = append(deeds, d)
	}
	return deeds, s.translate(rows.Err())
}

// Named is an event whose payload names a person.
type Named struct {
	Seq  int64
	Type string
}

// Naming gives the newest thousand events whose payloads name a pseudonym:
// they go when the person is erased.
func (s *Store) Naming(ctx context.Context, pseudonym string) ([]Named, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT e.seq, t.name FROM event_person p JOIN events e ON e.seq = p.seq
		JOIN dim t ON t.id = e.type WHERE p.pseudonym = $1 ORDER BY e.seq DESC LIMIT 1000`, pseudonym)
	if err != nil {
		return nil, fmt.Errorf("find payloads: %w", s.translate(err))
	}
	defer rows.Close()
	var found []Named
	for rows.Next() {
		var n Named
		if err := rows.Scan(&n.Seq, &n.Type); err != nil {
			return nil, fmt.Errorf("find payloads: %w", s.translate(err))
		}
		found = append(found, n)
	}
	return found, s.translate(rows.Err())
}
