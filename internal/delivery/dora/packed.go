package dora

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
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
	d := delivered{at: period * periodMicros}
	r := reader{packed}
	for len(r.rest) > 0 {
		d.at += int64(r.uvarint())
		if len(r.rest) == 0 {
			return errPacked
		}
		bits := r.rest[0]
		r.rest = r.rest[1:]
		d.failed, d.rework, d.silent = int64(bits&7), bits&bitRework != 0, bits&bitSilent != 0
		d.failedAt, d.recoveredAt, d.leads = null, null, d.leads[:0]
		if d.failed > failedIncident {
			return errPacked
		}
		if d.failed != notFailed {
			d.failedAt = d.at + r.varint()
		}
		if bits&bitRecovered != 0 {
			d.recoveredAt = d.failedAt + r.varint()
		}
		if bits&bitLeads != 0 {
			for n := r.uvarint(); n > 0 && r.rest != nil; n-- {
				d.leads = append(d.leads, r.varint())
			}
		}
		if r.rest == nil {
			return errPacked
		}
		do(&d)
	}
	return nil
}

// reader takes numbers off its front; rest is nil once there were too few bytes.
type reader struct{ rest []byte }

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.rest = nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) varint() int64 {
	n := r.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

// span is a series in one period.
type span struct {
	series
	period int64
}

// packAll packs the deployments of the spans anew.
func (w *work) packAll(ctx context.Context, spans []span) error {
	var all []any
	asked := values(askedAtOnce, 3, "CAST(", " AS BIGINT)")
	for some := range slices.Chunk(spans, askedAtOnce) {
		args := make([]any, 0, 3*askedAtOnce)
		for i := range askedAtOnce {
			s := span{series{-1, -1}, 0}
			if i < len(some) {
				s = some[i]
			}
			args = append(args, s.service, s.environment, s.period)
		}
		rows, err := w.packed(ctx, asked, args)
		if err != nil {
			return err
		}
		all = append(all, rows...)
	}
	return upsertPeriod.Run(ctx, w, all)
}

// packed gives the rows of delivery_period of some spans.
func (w *work) packed(ctx context.Context, spans string, args []any) ([]any, error) {
	type cell struct {
		span
		team, path int64
	}
	var rows []any
	runs := map[cell]int{} // where the bytes of each lie in rows
	since := map[cell]int64{}
	var d delivered
	var seq int64
	var of cell
	end := func() {
		if seq == 0 {
			return
		}
		at, ok := runs[of]
		if !ok {
			rows = append(rows, of.environment, of.period, of.service, of.team, of.path, []byte(nil))
			at = len(rows) - 1
			runs[of], since[of] = at, of.period*periodMicros
		}
		rows[at] = d.pack(rows[at].([]byte), since[of])
		since[of] = d.at
	}
	err := w.each(ctx, `WITH span (service, environment, period) AS (VALUES `+spans+`)
		SELECT d.seq, d.at, d.team, d.path, d.cause, d.brings, d.repeated, d.failed, d.failed_at, d.recovered_at, c.at, d.service, d.environment
		FROM span s JOIN deployments d ON d.service = s.service AND d.environment = s.environment
			AND d.at >= s.period * `+strconv.FormatInt(periodMicros, 10)+` AND d.at < (s.period + 1) * `+strconv.FormatInt(periodMicros, 10)+`
		LEFT JOIN changes c ON c.deployment = d.seq AND d.brings <> 0 AND d.repeated = 0
		ORDER BY d.at, d.event, d.seq, c.n`, args, 13, func(row []int64) {
		if row[0] != seq {
			end()
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
	end()
	return rows, err
}
