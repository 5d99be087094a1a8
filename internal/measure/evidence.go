package measure

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
)

// Spans keeps between which times the events of each block of sequences lie, so
// that the events of some days are found without reading the others: events
// come late, and so their times have no order in the ledger.
type Spans struct{}

// spanBlock is how many sequences a block has.
const spanBlock = 1024

// Name is the projection's name.
func (Spans) Name() string { return "spans" }

// Version grows when the rows that follow from the same events change.
func (Spans) Version() int { return 1 }

// Reset empties the table.
func (Spans) Reset(ctx context.Context, tx event.SQL) error {
	return tx.Empty(ctx, "event_span")
}

var upsertSpan = event.NewUpsert("event_span", `ON CONFLICT (block) DO UPDATE SET
	low = CASE WHEN excluded.low < event_span.low THEN excluded.low ELSE event_span.low END,
	high = CASE WHEN excluded.high > event_span.high THEN excluded.high ELSE event_span.high END`, "block", "low", "high")

// Apply widens the spans.
func (Spans) Apply(ctx context.Context, tx event.SQL, records []event.Record) error {
	spans := map[int64][2]int64{}
	for i := range records {
		at, block := records[i].Time.UnixMicro(), records[i].Seq/spanBlock
		span, known := spans[block]
		if !known {
			span = [2]int64{at, at}
		}
		spans[block] = [2]int64{min(span[0], at), max(span[1], at)}
	}
	var args []any
	for _, block := range slices.Sorted(maps.Keys(spans)) {
		args = append(args, block, spans[block][0], spans[block][1])
	}
	return upsertSpan.Run(ctx, tx, args)
}

// Sought says which events are looked for as evidence.
type Sought struct {
	// Types are the numbers of their types; without any there are none.
	Types []int64
	// From and To bound their own times, as days, half-open.
	From, To int64
	// Keep judges an event by all but its payload. Nil keeps all.
	Keep func(*event.Record) bool
	// After is the sequence behind which the page begins, Limit its length.
	After int64
	Limit int
}

// evidencePage is how many events are read at once.
const evidencePage = 2000

// Events finds events of the view's database by their own time and gives their
// sequences, ascending.
func (v *View) Events(ctx context.Context, s Sought) ([]int64, error) {
	found := []int64{}
	if len(s.Types) == 0 || s.Limit <= 0 {
		return found, nil
	}
	ranges, err := v.ranges(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("find evidence: %w", err)
	}
	for _, r := range ranges {
		for after := max(s.After, r[0]-1); after < r[1]; {
			records, err := v.page(ctx, s, after, r[1])
			if err != nil {
				return nil, fmt.Errorf("find evidence: %w", err)
			}
			for i := range records {
				if s.Keep != nil && !s.Keep(&records[i]) {
					continue
				}
				if found = append(found, records[i].Seq); len(found) == s.Limit {
					return found, nil
				}
			}
			if len(records) < evidencePage {
				break
			}
			after = records[len(records)-1].Seq
		}
	}
	return found, nil
}

// ranges are the sequences, both ends included, among which the events can be.
func (v *View) ranges(ctx context.Context, s Sought) ([][2]int64, error) {
	rows, err := v.DB.Query(ctx, "SELECT block FROM event_span WHERE block >= $1 AND high >= $2 AND low < $3 ORDER BY block",
		s.After/spanBlock, Micros(s.From), Micros(s.To))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ranges [][2]int64
	for rows.Next() {
		var block int64
		if err := rows.Scan(&block); err != nil {
			return nil, err
		}
		first, last := block*spanBlock, (block+1)*spanBlock-1
		if n := len(ranges); n > 0 && ranges[n-1][1]+1 == first {
			ranges[n-1][1] = last
			continue
		}
		ranges = append(ranges, [2]int64{first, last})
	}
	return ranges, rows.Err()
}

func (v *View) page(ctx context.Context, s Sought, after, last int64) ([]event.Record, error) {
	args := []any{after, last, Micros(s.From), Micros(s.To), evidencePage}
	in := make([]string, len(s.Types))
	for i, id := range s.Types {
		args = append(args, id)
		in[i] = fmt.Sprintf("$%d", len(args))
	}
	rows, err := v.DB.Query(ctx, `SELECT seq, time, type, source, actor, team, service, capability, environment, envelope FROM events
		WHERE seq > $1 AND seq <= $2 AND time >= $3 AND time < $4 AND type IN (`+strings.Join(in, ", ")+`) ORDER BY seq LIMIT $5`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var records []event.Record
	for rows.Next() {
		var seq, at int64
		var ids event.Dimensions
		var envelope []byte
		if err := rows.Scan(&seq, &at, &ids.Type, &ids.Source, &ids.Actor, &ids.Team, &ids.Service, &ids.Capability, &ids.Environment, &envelope); err != nil {
			return nil, err
		}
		r, err := event.DecodeEnvelope(envelope)
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", seq, err)
		}
		r.Seq, r.Time, r.IDs = seq, time.UnixMicro(at).UTC(), ids
		records = append(records, r)
	}
	return records, rows.Err()
}
