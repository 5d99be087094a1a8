package dora

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
)

// span is a series in one period.
type span struct {
	series
	period int64
}

// cell is a row of delivery_period.
type cell struct {
	span
	team, path int64
}

func (c cell) row(packed []byte) []any {
	return []any{c.environment, c.period, c.service, c.team, c.path, packed}
}

// pack brings delivery_period up to date. Where deployments only came, they are
// put between those that are packed; where others changed, all are packed anew.
func (w *work) pack(ctx context.Context) error {
	var came, changed []span
	for _, s := range slices.SortedFunc(maps.Keys(w.repack), func(a, b span) int {
		return cmp.Or(cmp.Compare(a.period, b.period), cmp.Compare(a.service, b.service), cmp.Compare(a.environment, b.environment))
	}) {
		if w.repack[s] {
			changed = append(changed, s)
		} else {
			came = append(came, s)
		}
	}
	rows, undecided, err := w.put(ctx, came)
	if err != nil {
		return err
	}
	anew, err := w.packAnew(ctx, append(changed, undecided...))
	if err != nil {
		return err
	}
	return upsertPeriod.Run(ctx, w, append(rows, anew...))
}

// put gives the rows of spans with their new deployments put between the others,
// and the spans where that cannot be told from what is packed.
func (w *work) put(ctx context.Context, spans []span) (rows []any, undecided []span, err error) {
	if len(spans) == 0 {
		return nil, nil, nil
	}
	arrivals := map[span]map[cell][]delivered{}
	for _, s := range spans {
		arrivals[s] = map[cell][]delivered{}
	}
	err = w.deployments(ctx, "", "deployments d", "WHERE d.seq >= $1 AND d.seq <= $2", []any{w.from, w.to}, func(c cell, d *delivered) {
		if cells, wanted := arrivals[c.span]; wanted {
			own := *d
			own.leads = slices.Clone(d.leads)
			cells[c] = append(cells[c], own)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	before, err := w.packedBefore(ctx, spans)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range spans {
		var whole []any
		decided := true
		for c, arrived := range arrivals[s] {
			packed, ok, err := merge(s.period, before[c], arrived)
			if err != nil {
				return nil, nil, err
			}
			decided = decided && ok
			whole = append(whole, c.row(packed)...)
		}
		if decided {
			rows = append(rows, whole...)
		} else {
			undecided = append(undecided, s)
		}
	}
	return rows, undecided, nil
}

// run is deployments of a cell that are being packed, in the order of time.
type run struct {
	packed []byte
	since  int64 // the time of the last one, or the start of the period
}

func (r *run) add(d *delivered) { r.packed, r.since = d.pack(r.packed, r.since), d.at }

// merge packs deployments, in the order of time, among those that are packed. It
// is not ok where two are of the same time: which comes first is said by what is
// not packed.
func merge(period int64, packed []byte, arrived []delivered) (merged []byte, ok bool, err error) {
	r := run{packed: make([]byte, 0, len(packed)+8*len(arrived)), since: period * periodMicros}
	ok = true
	err = unpack(period, packed, func(old *delivered) {
		for len(arrived) > 0 && arrived[0].at < old.at {
			r.add(&arrived[0])
			arrived = arrived[1:]
		}
		ok = ok && (len(arrived) == 0 || arrived[0].at != old.at)
		r.add(old)
	})
	for i := range arrived {
		r.add(&arrived[i])
	}
	return r.packed, ok, err
}

// packAnew gives the rows of spans from all their deployments.
func (w *work) packAnew(ctx context.Context, spans []span) ([]any, error) {
	runs := map[cell]*run{}
	period := strconv.FormatInt(periodMicros, 10)
	err := chunked(spans, func(some string, args []any) error {
		return w.deployments(ctx, some, "span s JOIN deployments d ON d.service = s.service AND d.environment = s.environment AND d.at >= s.period * "+
			period+" AND d.at < (s.period + 1) * "+period, "", args, func(c cell, d *delivered) {
			r, ok := runs[c]
			if !ok {
				r = &run{since: c.period * periodMicros}
				runs[c] = r
			}
			r.add(d)
		})
	})
	rows := make([]any, 0, 6*len(runs))
	for c, r := range runs {
		rows = append(rows, c.row(r.packed)...)
	}
	return rows, err
}

// deployments calls do with deployments in the order of time, where from is a
// join that names them d. What do is given is used again for the next one.
func (w *work) deployments(ctx context.Context, with, from, where string, args []any, do func(cell, *delivered)) error {
	var d delivered
	var seq int64
	var of cell
	err := w.each(ctx, with+`SELECT d.seq, d.at, d.team, d.path, d.cause, d.brings, d.repeated, d.failed, d.failed_at, d.recovered_at, c.at, d.service, d.environment
		FROM `+from+` LEFT JOIN changes c ON c.deployment = d.seq AND d.brings <> 0 AND d.repeated = 0 `+where+`
		ORDER BY d.at, d.event, d.seq, c.n`, args, 13, func(row []int64) {
		if row[0] != seq {
			if seq != 0 {
				do(of, &d)
			}
			seq, of = row[0], cell{span{series{row[11], row[12]}, periodOf(row[1])}, row[2], row[3]}
			d = delivered{
				at: row[1], rework: row[4] == causeRollback || row[4] == causeHotfix, silent: row[5] != bringsNothing && row[6] == 0,
				failed: row[7], failedAt: row[8], recoveredAt: row[9], leads: d.leads[:0],
			}
		}
		if row[10] != null {
			d.leads, d.silent = append(d.leads, d.at-row[10]), false
		}
	})
	if err == nil && seq != 0 {
		do(of, &d)
	}
	return err
}

// packedBefore reads the rows of spans as they are.
func (w *work) packedBefore(ctx context.Context, spans []span) (map[cell][]byte, error) {
	before := map[cell][]byte{}
	err := chunked(spans, func(some string, args []any) (err error) {
		rows, err := w.Query(ctx, some+`SELECT p.environment, p.period, p.service, p.team, p.path, p.packed
			FROM span s JOIN delivery_period p ON p.environment = s.environment AND p.period = s.period AND p.service = s.service`, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c cell
			var packed []byte
			if err := rows.Scan(&c.environment, &c.period, &c.service, &c.team, &c.path, &packed); err != nil {
				return err
			}
			before[c] = packed
		}
		return rows.Err()
	})
	return before, err
}

// chunked calls do with some of the spans at once, as a table of that name and
// its arguments.
func chunked(spans []span, do func(table string, args []any) error) error {
	table := "WITH span (service, environment, period) AS (VALUES " + values(askedAtOnce, 3, "CAST(", " AS BIGINT)") + ") "
	for some := range slices.Chunk(spans, askedAtOnce) {
		args := make([]any, 0, 3*askedAtOnce)
		for i := range askedAtOnce {
			s := span{series{-1, -1}, 0}
			if i < len(some) {
				s = some[i]
			}
			args = append(args, s.service, s.environment, s.period)
		}
		if err := do(table, args); err != nil {
			return err
		}
	}
	return nil
}
