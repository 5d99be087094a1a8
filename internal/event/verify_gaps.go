package event

import (
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// gaps are the events that were not where they should be: some may stand further on.
type gaps struct {
	missing []gap // in order
	// late are those that were met further on.
	late map[int64]bool
	// sealed is what the tiles hold for missing events.
	sealed map[int64]tlog.Hash
}

// gap is a range of events, both ends included, and why they should be there.
type gap struct {
	from, to int64
	message  string
}

const notThere = "not in the export"

// mostGaps bounds the memory that an export can cause which leaves much out.
const mostGaps = 1 << 16

// open notes a gap behind all others; it is false when there are too many.
func (g *gaps) open(from, to int64, message string) bool {
	if last := len(g.missing) - 1; last >= 0 && g.missing[last].to == from-1 && g.missing[last].message == message {
		g.missing[last].to = to
		return true
	}
	if len(g.missing) == mostGaps {
		return false
	}
	g.missing = append(g.missing, gap{from, to, message})
	return true
}

// keep notes what the tiles hold for a missing event; the zero hash is none.
func (g *gaps) keep(seq int64, sealed tlog.Hash) {
	if sealed == (tlog.Hash{}) || len(g.sealed) == mostGaps {
		return
	}
	if g.sealed == nil {
		g.sealed = map[int64]tlog.Hash{}
	}
	g.sealed[seq] = sealed
}

// fill says whether an event was missing so far.
func (g *gaps) fill(seq int64) bool {
	_, missing := slices.BinarySearchFunc(g.missing, seq, func(m gap, seq int64) int {
		switch {
		case m.to < seq:
			return -1
		case m.from > seq:
			return 1
		}
		return 0
	})
	if !missing || g.late[seq] || len(g.late) == mostGaps {
		return false
	}
	if g.late == nil {
		g.late = map[int64]bool{}
	}
	g.late[seq] = true
	return true
}

// never calls do with each range of events that did not come at all, in order.
func (g *gaps) never(do func(m gap)) {
	late := slices.Sorted(maps.Keys(g.late))
	for _, m := range g.missing {
		for ; len(late) > 0 && late[0] <= m.to; late = late[1:] {
			if m.from < late[0] {
				do(gap{m.from, late[0] - 1, m.message})
			}
			m.from = late[0] + 1
		}
		if m.from <= m.to {
			do(m)
		}
	}
}
