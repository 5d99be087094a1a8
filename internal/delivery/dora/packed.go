package dora

import (
	"encoding/binary"
	"errors"
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
