package dora

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// periodMicros is the length of a period of delivery_period: 30 days.
const periodMicros = int64(30*24*60*60) * 1_000_000

// periodOf gives the period of a time; periods before 1970 are negative.
func periodOf(at int64) int64 {
	period := at / periodMicros
	if at%periodMicros < 0 {
		period--
	}
	return period
}

// delivered is a deployment as measures read it. Times are in microseconds.
type delivered struct {
	at     int64
	failed int64
	rework bool
	// silent says that it brought something and nobody said when that was made.
	silent bool
	// failedAt and recoveredAt are null where there is none.
	failedAt, recoveredAt int64
	// leads are how long its changes took from being made to being deployed; the
	// slice is used again for the next one.
	leads []int64
}

// The bits of the byte that follows each deployment's time; the lowest three
// are why it failed.
const (
	bitRework = 1 << (iota + 3)
	bitSilent
	bitRecovered
	bitLeads
)

// pack appends a deployment. since is the time of the one before it, or the
// start of the period.
func (d *delivered) pack(to []byte, since int64) []byte {
	to = binary.AppendUvarint(to, uint64(d.at-since))
	bits := byte(d.failed)
	for _, b := range []struct {
		set bool
		bit byte
	}{{d.rework, bitRework}, {d.silent, bitSilent}, {d.recoveredAt != null, bitRecovered}, {len(d.leads) > 0, bitLeads}} {
		if b.set {
			bits |= b.bit
		}
	}
	to = append(to, bits)
	if d.failed != notFailed {
		to = binary.AppendVarint(to, d.failedAt-d.at)
	}
	if d.recoveredAt != null {
		to = binary.AppendVarint(to, d.recoveredAt-d.failedAt)
	}
	if len(d.leads) > 0 {
		to = binary.AppendUvarint(to, uint64(len(d.leads)))
		for _, lead := range d.leads {
			to = binary.AppendVarint(to, lead)
		}
	}
	return to
}

var errPacked = errors.New("delivery_period holds something else than deployments")

// unpack calls do with each deployment of a period, in the order of time.
func unpack(period int64, packed []byte, do func(*delivered)) error {
	var d delivered
	at := 0
	number := func() int64 {
		n, size := binary.Varint(packed[at:])
		if size <= 0 {
			at = len(packed) + 1
			return 0
		}
		at += size
		return n
	}
	count := func() uint64 {
		n, size := binary.Uvarint(packed[at:])
		if size <= 0 {
			at = len(packed) + 1
			return 0
		}
		at += size
		return n
	}
	d.at = period * periodMicros
	for at < len(packed) {
		d.at += int64(count())
		if at >= len(packed) {
			return errPacked
		}
		bits := packed[at]
		at++
		d.failed, d.rework, d.silent = int64(bits&7), bits&bitRework != 0, bits&bitSilent != 0
		d.failedAt, d.recoveredAt, d.leads = null, null, d.leads[:0]
		if d.failed != notFailed && at <= len(packed) {
			d.failedAt = d.at + number()
		}
		if bits&bitRecovered != 0 && at <= len(packed) {
			d.recoveredAt = d.failedAt + number()
		}
		if bits&bitLeads != 0 && at <= len(packed) {
			for n := count(); n > 0 && at <= len(packed); n-- {
				d.leads = append(d.leads, number())
			}
		}
		if at > len(packed) {
			return errPacked
		}
		do(&d)
	}
	return nil
}

// packed gives the rows of delivery_period of a series and a period.
func (w *work) packed(ctx context.Context, s series, period int64) ([][]any, error) {
	type cell struct{ team, path int64 }
	type run struct {
		bytes []byte
		since int64
	}
	runs := map[cell]*run{}
	var d delivered
	var seq int64
	var of cell
	end := func() {
		if seq == 0 {
			return
		}
		r := runs[of]
		if r == nil {
			r = &run{since: period * periodMicros}
			runs[of] = r
		}
		r.bytes = d.pack(r.bytes, r.since)
		r.since = d.at
	}
	err := w.each(ctx, `SELECT d.seq, d.at, d.team, d.path, d.cause, d.brings, d.repeated, d.failed, d.failed_at, d.recovered_at, c.at
		FROM deployments d LEFT JOIN changes c ON c.deployment = d.seq AND d.brings <> 0 AND d.repeated = 0
		WHERE d.service = $1 AND d.environment = $2 AND d.at >= $3 AND d.at < $4 ORDER BY d.at, d.event, d.seq, c.n`,
		[]any{s.service, s.environment, period * periodMicros, (period + 1) * periodMicros}, 11, func(row []int64) {
			if row[0] != seq {
				end()
				seq, of = row[0], cell{row[2], row[3]}
				d = delivered{
					at: row[1], rework: row[4] == causeRollback || row[4] == causeHotfix, silent: row[5] != bringsNothing && row[6] == 0,
					failed: row[7], failedAt: row[8], recoveredAt: row[9], leads: d.leads[:0],
				}
			}
			if row[10] != null {
				d.leads, d.silent = append(d.leads, d.at-row[10]), false
			}
		})
	end()
	var rows [][]any
	for _, c := range slices.SortedFunc(maps.Keys(runs), func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.team, b.team), cmp.Compare(a.path, b.path))
	}) {
		rows = append(rows, []any{s.environment, period, s.service, c.team, c.path, runs[c].bytes})
	}
	return rows, err
}
