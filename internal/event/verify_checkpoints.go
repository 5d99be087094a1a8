package event

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stoa-platform/stoa/internal/event/gaps"
	"github.com/stoa-platform/stoa/internal/event/merkle"
)

func (v *verifier) checkpoint(row *CheckpointRow) {
	v.seen.Checkpoints++
	c, err := ParseCheckpoint(row.Note, v.report.PublicKey)
	if err != nil {
		v.report.find(FaultSignature, row.Size, row.Size, "the checkpoint of size %d: %v", row.Size, err)
		return
	}
	if c.Size != row.Size || c.Previous != row.Previous {
		v.report.find(FaultColumn, c.Size, c.Size, "the checkpoint of size %d after %d is stored as size %d after %d", c.Size, c.Previous, row.Size, row.Previous)
	}
	switch {
	case c.Size <= v.last.Size:
		v.report.find(FaultDuplicate, c.Size, c.Size, "a checkpoint of size %d stands after that of %d", c.Size, v.last.Size)
		return
	case c.Previous != v.last.Size:
		v.report.find(FaultMissing, c.Size, c.Size, "the checkpoint of size %d follows that of size %d, which is missing or unreadable", c.Size, c.Previous)
	}
	if c.Size > v.rows.Size {
		message := notThere
		if row.Size > v.rows.Size {
			message = fmt.Sprintf("not in the export, although a checkpoint of size %d was signed", c.Size)
		}
		v.skipTo(c.Size+1, message)
	}
	if c.Size < v.rows.Size {
		v.report.find(FaultOrder, c.Size, c.Size, "the checkpoint of size %d stands after event %d", c.Size, v.rows.Size)
		return
	}
	v.compare(c)
	v.last = c
	v.report.Checkpoints++
}

// compare holds both trees against what was signed, says which events differ,
// and goes on with the tree that is right.
func (v *verifier) compare(c Checkpoint) {
	rows, nodes := v.rows.Root() == c.Hash, v.nodes.Root() == c.Hash
	switch {
	case rows:
		for _, d := range v.doubted {
			v.report.find(FaultTile, d.seq, d.seq, "its tile holds another hash than the event has")
		}
		v.nodes, v.lost = v.rows.Clone(), false
	case nodes:
		v.changed("it is not what was sealed")
		v.rows, v.lost = v.nodes.Clone(), false
	default:
		v.changed("its hash is not the one in its tile, and neither is what was signed")
		if len(v.doubted) == 0 && !v.lost {
			v.report.find(FaultForked, v.last.Size+1, c.Size, "the checkpoint of size %d signs another history:\nsigned %s\nfound  %s", c.Size, c.Hash, v.rows.Root())
		}
		v.lost = true
	}
	v.doubted = nil
}

// changed tells the events in doubt, and of which stand in the place of another.
func (v *verifier) changed(message string) {
	sealedAs := make(map[tlog.Hash]int64, len(v.doubted))
	for _, d := range v.doubted {
		sealedAs[d.sealed] = d.seq
	}
	for _, d := range v.doubted {
		if seq, ok := sealedAs[d.leaf]; ok {
			v.report.find(FaultOrder, d.seq, d.seq, "what stands here was sealed as event %d", seq)
		} else {
			v.report.find(FaultChanged, d.seq, d.seq, "%s", message)
		}
	}
}

// checkPinned holds the trees against the checkpoint that was kept elsewhere.
func (v *verifier) checkPinned() {
	if v.rows.Root() == v.pinned.Hash || v.nodes.Root() == v.pinned.Hash {
		v.report.PinnedSize = v.pinned.Size
		return
	}
	v.report.find(FaultForked, 1, v.pinned.Size, "history up to here is not the one of the pinned checkpoint:\npinned %s\nfound  %s", v.pinned.Hash, v.rows.Root())
}

// finish checks what only the whole can tell.
func (v *verifier) finish() {
	v.report.Events = v.seen.Events
	v.report.Sealed, v.report.Latest = v.last.Size, v.last
	v.report.Unsealed = max(0, v.rows.Size-v.last.Size)
	if v.end == nil {
		v.report.find(FaultTruncated, v.rows.Size, v.rows.Size, "the export ends after this event without its last line")
	}
	if end := max(v.header.Head, v.header.Sealed); v.rows.Size < end {
		v.report.find(FaultTruncated, v.rows.Size+1, end, "the ledger has %d events, the export ends before", end)
	}
	if v.pinned.Size > v.rows.Size {
		v.report.find(FaultTruncated, v.rows.Size+1, v.pinned.Size, "the pinned checkpoint covers %d events", v.pinned.Size)
	}
	if v.last.Size < v.header.Sealed {
		v.report.find(FaultMissing, v.header.Sealed, v.header.Sealed, "the checkpoint of size %d is missing or unreadable", v.header.Sealed)
	}
	v.changed("its hash is not the one in its tile")
	v.gaps.Never(func(m gaps.Gap) { v.report.find(FaultMissing, m.From, m.To, "%s", m.Message) })
	var lost [][2]int64
	v.report.Erased, lost = v.erasure.match()
	for _, r := range lost {
		v.report.find(FaultMissing, r[0], r[1], "the payload is gone and no erasure of it is recorded")
	}
	v.finishSources()
	if v.end != nil {
		v.finishTotals()
	}
}

func (v *verifier) finishSources() {
	for _, name := range slices.Sorted(maps.Keys(v.bound)) {
		if got, ok := v.sources[name]; !ok {
			v.report.find(FaultSource, 0, 0, "source %s is bound to a %s by the events, and not in the table", name, v.bound[name].Kind)
		} else if got != v.bound[name] {
			v.report.find(FaultSource, 0, 0, "source %s belongs to %s (%s) in the table, to %s (%s) by the events", name, got.Owner, got.Kind, v.bound[name].Owner, v.bound[name].Kind)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.sources)) {
		if _, ok := v.bound[name]; !ok {
			v.report.find(FaultSource, 0, 0, "source %s is in the table, and bound by no event", name)
		}
	}
}

// finishTotals finds rows that the walk along the events did not meet.
func (v *verifier) finishTotals() {
	if v.end.Head != v.rows.Size {
		v.report.find(FaultTruncated, v.rows.Size, v.rows.Size, "the ledger's head says %d, the last event is %d", v.end.Head, v.rows.Size)
	}
	if v.end.Dims != v.end.Names {
		v.report.find(FaultMissing, 0, 0, "%d names were numbered, the table has %d", v.end.Dims, v.end.Names)
	}
	tiles := int64(0)
	for level := 0; v.header.Sealed>>(merkle.TileHeight*level) > 0; level++ {
		span := merkle.TileHeight * (level + 1)
		tiles += (v.header.Sealed + (1 << span) - 1) >> span
		if rest := v.header.Sealed & (1<<span - 1); rest > 0 && rest>>(merkle.TileHeight*level) == 0 {
			tiles-- // a tile without a single whole node is not stored
		}
	}
	for _, t := range []struct {
		name            string
		got, want, rows int64 // met on the walk, belonging to the ledger, in the table
	}{
		{"events", v.seen.Events, v.end.Head, v.end.Events}, {"payloads", v.seen.Payloads, v.seen.Payloads, v.end.Payloads},
		{"keys", v.seen.Keys, v.seen.Events, v.end.Keys}, {"tiles", v.seen.Tiles, tiles, v.end.Tiles},
		{"checkpoints", v.seen.Checkpoints, v.seen.Checkpoints, v.end.Checkpoints}, {"sources", v.seen.Sources, v.seen.Sources, v.end.Sources},
	} {
		switch {
		case t.got < t.want:
			v.report.find(FaultMissing, 0, 0, "%d %s are here, %d belong to the ledger", t.got, t.name, t.want)
		case t.rows != t.got:
			v.report.find(FaultDuplicate, 0, 0, "the table has %d %s, %d belong to the ledger", t.rows, t.name, t.got)
		}
	}
}
