package event

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stoa-platform/stoa/internal/event/merkle"
)

func (v *verifier) event(row *Row) {
	v.seen.Events++
	want := v.rows.Size + 1
	switch {
	case row.Seq < 1 || row.Seq > max(v.header.Head, v.header.Sealed):
		v.report.find(FaultOrder, row.Seq, row.Seq, "the ledger ends at %d", v.header.Head)
		return
	case row.Seq < want && !v.gaps.Fill(row.Seq):
		v.report.find(FaultDuplicate, row.Seq, row.Seq, "it stands a second time, after event %d", v.rows.Size)
		return
	case row.Seq < want:
		v.report.find(FaultOrder, row.Seq, row.Seq, "it stands after event %d", v.rows.Size)
		if sealed, kept := v.gaps.Sealed(row.Seq); kept && sealed != StoredLeafHash([]byte(row.Envelope), row.PayloadHash) {
			v.report.find(FaultChanged, row.Seq, row.Seq, "it is not what was sealed")
		}
	default:
		v.skipTo(row.Seq, notThere)
		v.advance(StoredLeafHash([]byte(row.Envelope), row.PayloadHash))
	}
	v.payload(row)
	rec, err := DecodeEnvelope([]byte(row.Envelope))
	if err != nil {
		v.report.find(FaultChanged, row.Seq, row.Seq, "its envelope cannot be read: %v", err)
		return
	}
	v.columns(row, rec)
	if row.Key != row.Seq {
		v.report.find(FaultKey, row.Seq, row.Seq, "the table of keys has %d for its source and id", row.Key)
	} else {
		v.seen.Keys++
	}
	v.ledgerFact(row, rec)
}

const notThere = "not in the export"

// longestSkip bounds the work that one line of an export can cause. Where more
// events are missing at once their tiles, which have lines of their own, are too.
const longestSkip = 16 * merkle.TileWidth

// skipTo goes on at an event, with what the tiles hold for those before it that are
// missing. The message says why they should be there.
func (v *verifier) skipTo(seq int64, message string) {
	if v.rows.Size+1 == seq {
		return
	}
	if !v.gaps.Open(v.rows.Size+1, seq-1, message) {
		v.report.find(FaultMissing, v.rows.Size+1, seq-1, "%s", message)
	}
	for v.rows.Size+1 < seq && seq-v.rows.Size <= longestSkip {
		sealed := v.node()
		v.gaps.Keep(v.rows.Size+1, sealed)
		v.advance(sealed)
	}
	if v.rows.Size+1 < seq { // nothing can be checked across such a gap
		v.rows, v.nodes, v.lost = &merkle.Frontier{Size: seq - 1}, &merkle.Frontier{Size: seq - 1}, true
	}
}

func (v *verifier) payload(row *Row) {
	switch {
	case len(row.PayloadHash) == 0:
		if row.Payload != nil {
			v.seen.Payloads++
			v.report.find(FaultChanged, row.Seq, row.Seq, "it has a payload, its hash says that it had none")
		}
	case row.Payload == nil:
		v.erasure.missing(row.Seq)
	default:
		v.seen.Payloads++
		if hash := payloadHash(row.Salt, []byte(*row.Payload)); !bytes.Equal(hash[:], row.PayloadHash) {
			v.report.find(FaultChanged, row.Seq, row.Seq, "its payload, or the salt, is not what was hashed")
		}
	}
}

func (v *verifier) columns(row *Row, rec Record) {
	e := Entry{Event: rec.Event, Received: rec.Received}
	want := RowColumns{
		Time: e.At().UnixMicro(), Received: rec.Received.UnixMicro(), Type: rec.Type, Source: rec.Source, Subject: rec.Subject,
		Actor: rec.Actor, Team: rec.Team, Service: rec.Service, Capability: rec.Capability, Environment: rec.Environment,
	}
	if row.Columns == want {
		return
	}
	got := row.Columns
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"time", got.Time, want.Time}, {"received", got.Received, want.Received}, {"type", got.Type, want.Type},
		{"source", got.Source, want.Source}, {"subject", got.Subject, want.Subject}, {"actor", got.Actor, want.Actor},
		{"team", got.Team, want.Team}, {"service", got.Service, want.Service}, {"capability", got.Capability, want.Capability},
		{"environment", got.Environment, want.Environment},
	} {
		if c.got != c.want {
			v.report.find(FaultColumn, row.Seq, row.Seq, "column %s is %v, the envelope says %v", c.name, c.got, c.want)
		}
	}
}

// ledgerFact keeps what the ledger says about itself.
func (v *verifier) ledgerFact(row *Row, rec Record) {
	if !KeptForProof(rec.Event) || row.Payload == nil {
		return
	}
	var err error
	switch rec.Type {
	case TypePayloadErased:
		var data ErasedPayloads
		if err = json.Unmarshal([]byte(*row.Payload), &data); err == nil {
			v.erasure.recorded = append(v.erasure.recorded, data.Ranges...)
		}
	case TypeSourceBound, TypeSourceReleased:
		var data SourceBinding
		if err = json.Unmarshal([]byte(*row.Payload), &data); err == nil {
			delete(v.bound, data.Source)
			if rec.Type == TypeSourceBound {
				v.bound[data.Source] = data
			}
		}
	}
	if err != nil {
		v.report.find(FaultChanged, row.Seq, row.Seq, "its payload cannot be read: %v", err)
	}
}

// erasures matches payloads that are gone with the records of their erasure.
type erasures struct{ gone, recorded [][2]int64 }

func (e *erasures) missing(seq int64) {
	if last := len(e.gone) - 1; last >= 0 && e.gone[last][1] == seq-1 {
		e.gone[last][1] = seq
		return
	}
	e.gone = append(e.gone, [2]int64{seq, seq})
}

// match counts the payloads whose erasure is recorded and gives the ranges of the others.
func (e *erasures) match() (erased int64, lost [][2]int64) {
	for _, ranges := range [][][2]int64{e.recorded, e.gone} {
		slices.SortFunc(ranges, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	}
	i := 0
	for _, gone := range e.gone {
		from, to := gone[0], gone[1]
		for from <= to {
			for i < len(e.recorded) && e.recorded[i][1] < from {
				i++
			}
			if i == len(e.recorded) || e.recorded[i][0] > to {
				lost = append(lost, [2]int64{from, to})
				break
			}
			if start := e.recorded[i][0]; start > from {
				lost = append(lost, [2]int64{from, start - 1})
				from = start
			}
			end := min(to, e.recorded[i][1])
			erased += end - from + 1
			from = end + 1
		}
	}
	return erased, lost
}

func (v *verifier) storedTile(t *merkle.Tile) {
	v.seen.Tiles++
	if t.Level < 0 || t.Level > 5 || t.N < 0 || t.N > maxSeq/merkle.TileWidth {
		v.report.find(FaultTile, 0, 0, "tile %d/%d belongs to no tree", t.Level, t.N)
		return
	}
	if t.Level == 0 {
		if t.N != v.rows.Size/merkle.TileWidth || v.rows.Size%merkle.TileWidth != 0 {
			// Rows before it are missing, or it stands in the wrong place.
			if gap := t.N*merkle.TileWidth - v.rows.Size; gap <= 0 || gap > longestSkip || t.N*merkle.TileWidth > v.header.Sealed {
				v.report.find(FaultTile, 0, 0, "tile 0/%d stands after event %d", t.N, v.rows.Size)
				return
			}
			v.skipTo(t.N*merkle.TileWidth+1, notThere)
		}
		width := merkle.WidthAt(0, t.N, v.header.Sealed)
		if len(t.Data) < width*tlog.HashSize || len(t.Data) > merkle.TileWidth*tlog.HashSize {
			v.report.find(FaultTile, t.N*merkle.TileWidth+1, min((t.N+1)*merkle.TileWidth, v.header.Sealed), "tile 0/%d holds %d bytes, not %d", t.N, len(t.Data), width*tlog.HashSize)
		}
		v.tile = merkle.Hashes(t.Data[:min(len(t.Data), width*tlog.HashSize)])
		return
	}
	at := [2]int64{int64(t.Level), t.N}
	want, known := v.upper[at]
	if !known {
		if hashes, ok := v.nodes.Begun(t.Level); ok && at[1] == v.nodes.Size>>(merkle.TileHeight*(t.Level+1)) {
			want, known = merkle.Data(hashes), true
		}
	}
	width := merkle.WidthAt(t.Level, t.N, v.header.Sealed) * tlog.HashSize
	if !known || v.lost || width == 0 {
		if width == 0 || !v.lost {
			v.report.find(FaultTile, 0, 0, "tile %d/%d belongs to no tree of this size", t.Level, t.N)
		}
		return
	}
	// The trees may have grown beyond the last checkpoint, the tile not.
	if len(want) < width || len(t.Data) < width || !bytes.Equal(want[:width], t.Data[:width]) {
		span := int64(1) << (merkle.TileHeight * (t.Level + 1))
		v.report.find(FaultTile, t.N*span+1, min((t.N+1)*span, v.header.Sealed), "tile %d/%d is not what its events give", t.Level, t.N)
	}
}
