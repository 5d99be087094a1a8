// Package gaps keeps which events of an export were not where they should be, until
// they come or the export ends.
package gaps

import (
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Gaps are the events that were not where they should be: some may stand further on.
type Gaps struct {
	missing []Gap // in order
	// late are those that were met further on.
	late map[int64]bool
	// sealed is what the tiles hold for missing events.
	sealed map[int64]tlog.Hash
}

// Gap is a range of events, both ends included, and why they should be there.
type Gap struct {
	From, To int64
	Message  string
}

// most bounds the memory that an export can cause which leaves much out.
const most = 1 << 16

// Open notes a gap behind all others; it is false when there are too many.
func (g *Gaps) Open(from, to int64, message string) bool {
	if last := len(g.missing) - 1; last >= 0 && g.missing[last].To == from-1 && g.missing[last].Message == message {
		g.missing[last].To = to
		return true
	}
	if len(g.missing) == most {
		return false
	}
	g.missing = append(g.missing, Gap{from, to, message})
	return true
}

// Keep notes what the tiles hold for a missing event; the zero hash is none.
func (g *Gaps) Keep(seq int64, sealed tlog.Hash) {
	if sealed == (tlog.Hash{}) || len(g.sealed) == most {
		return
	}
	if g.sealed == nil {
		g.sealed = map[int64]tlog.Hash{}
	}
	g.sealed[seq] = sealed
}

// Sealed is what the tiles hold for a missing event, if that was kept.
func (g *Gaps) Sealed(seq int64) (sealed tlog.Hash, kept bool) {
	sealed, kept = g.sealed[seq]
	return sealed, kept
}

// Fill says whether an event was missing so far.
func (g *Gaps) Fill(seq int64) bool {
	_, missing := slices.BinarySearchFunc(g.missing, seq, func(m Gap, seq int64) int {
		switch {
		case m.To < seq:
			return -1
		case m.From > seq:
			return 1
		}
		return 0
	})
	if !missing || g.late[seq] || len(g.late) == most {
		return false
	}
	if g.late == nil {
		g.late = map[int64]bool{}
	}
	g.late[seq] = true
	return true
}

// Never calls do with each range of events that did not come at all, in order.
func (g *Gaps) Never(do func(m Gap)) {
	late := slices.Sorted(maps.Keys(g.late))
	for _, m := range g.missing {
		for ; len(late) > 0 && late[0] <= m.To; late = late[1:] {
			if m.From < late[0] {
				do(Gap{m.From, late[0] - 1, m.Message})
			}
			m.From = late[0] + 1
		}
		if m.From <= m.To {
			do(m)
		}
	}
}
