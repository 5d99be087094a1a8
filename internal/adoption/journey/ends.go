package journey

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/stoa-platform/stoa/internal/measure"
)

// away is for how many days somebody was not seen who has left.
const away = 30

// others stands for the capabilities that too few came to, which have no names.
const others = ""

// hideRests hides of everybody how many came to a capability where that number, less
// those of the personas that are shown, would tell of few people.
func hideRests(all []Journey, everybody party, parties []party) {
	for i := range all[0].Stops {
		s := &all[0].Stops[i]
		n, k := len(everybody.newcomers), everybody.reached[s.Capability]
		for p, j := range all[1:] {
			for _, of := range j.Stops {
				if of.Capability == s.Capability && of.Reached != nil {
					n, k = n-len(parties[p].newcomers), k-*of.Reached
				}
			}
		}
		if few(k) || few(n-k) {
			s.Reached, s.Share = nil, measure.Estimate{N: int64(len(everybody.newcomers)), Note: fmt.Sprintf("not told, since it would tell of fewer than %d", Fewest)}
		}
	}
}

// tellEnds says where newcomers stopped, of everybody and of each persona, as finely
// as may be shown.
//
// Whatever can be computed from what is shown is a number of no people or of Fewest
// at least. The steps of the way, in order, are put together into blocks until the
// number of each block is such a number; so is, of a block of one step, that of those
// who came to it and went on, and of all blocks that of those who stayed. The blocks
// add up to Left: none is left over whose number would follow from the others, and
// that is why none may be shown where the whole may not.
//
// The blocks of a persona are made of those of everybody, and of those of each
// persona before it. All that can be subtracted is therefore a block of some
// personas from the same block of everybody: each such difference, of any of the
// personas, has to be of nobody or of Fewest too, or the blocks grow.
//
// A block of nobody is shown as 0: it says nothing of another block, since those are
// shown with their numbers as well, and of a block of several steps it is not told
// which of them nobody stopped at. Where a persona's whole is hidden so are its zeros:
// the step that remained would be the one of the few.
func tellEnds(all []Journey, everybody party, parties []party, end int64) {
	if len(everybody.newcomers) < Fewest {
		return
	}
	steps := everybody.way()
	if len(steps) < len(everybody.reached) {
		steps = append(steps, others)
	}
	total := leaving(everybody, steps, end)
	var blocks [][]string
	for _, step := range steps {
		blocks = append(blocks, []string{step})
	}
	blocks = merge(blocks, total.tellable)
	if blocks == nil || few(total.n-total.left(steps)) {
		return
	}
	all[0].tell(total, steps, blocks)
	order := make([]int, len(parties))
	counts := make([]leavers, len(parties))
	for i, p := range parties {
		order[i], counts[i] = i, leaving(p, steps, end)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(counts[b].left(steps), counts[a].left(steps)) })
	rests := []leavers{total} // everybody less some of the personas that are shown
	for _, i := range order {
		of := counts[i]
		if of.n < Fewest {
			continue
		}
		without := make([]leavers, len(rests))
		for k, rest := range rests {
			without[k] = rest.less(of)
		}
		tellable := func(block []string) bool {
			return of.tellable(block) && !slices.ContainsFunc(without, func(rest leavers) bool { return !rest.tellable(block) })
		}
		stayed := func(l leavers) bool { return few(l.n - l.left(steps)) }
		own := merge(blocks, tellable)
		if own == nil || stayed(of) || slices.ContainsFunc(without, stayed) {
			continue
		}
		blocks, rests = own, append(rests, without...)
		all[i+1].tell(of, steps, blocks)
	}
}

// leavers are how many newcomers of n came to each step, and how many ended there.
type leavers struct {
	n              int
	reached, ended map[string]int
}

// leaving counts who was not seen for 30 days before the end.
func leaving(p party, steps []string, end int64) leavers {
	l := leavers{n: len(p.newcomers), reached: p.reached, ended: map[string]int{}}
	for _, t := range p.newcomers {
		if t.Last < end-away {
			step := t.newest()
			if !slices.Contains(steps, step) {
				step = others
			}
			l.ended[step]++
		}
	}
	return l
}

// less gives those that are not of some others.
func (l leavers) less(of leavers) leavers {
	rest := leavers{n: l.n - of.n, reached: map[string]int{}, ended: map[string]int{}}
	for step, k := range l.reached {
		rest.reached[step] = k - of.reached[step]
	}
	for step, k := range l.ended {
		rest.ended[step] = k - of.ended[step]
	}
	return rest
}

// left is how many ended at one of some steps.
func (l leavers) left(steps []string) (n int) {
	for _, step := range steps {
		n += l.ended[step]
	}
	return n
}

// tellable reports whether a block may be shown.
func (l leavers) tellable(block []string) bool {
	n := l.left(block)
	return !few(n) && (len(block) > 1 || block[0] == others || !few(l.reached[block[0]]-n))
}

// few reports whether a number of people is one that must not be told.
func few(n int) bool { return n > 0 && n < Fewest }

// merge puts neighbours together until each block is tellable; nil if not even all
// of them together are.
func merge(blocks [][]string, tellable func([]string) bool) [][]string {
	var merged [][]string
	var open []string
	for _, block := range blocks {
		if open = slices.Concat(open, block); tellable(open) {
			merged, open = append(merged, open), nil
		}
	}
	for len(open) > 0 {
		if len(merged) == 0 {
			return nil
		}
		last := len(merged) - 1
		if open = slices.Concat(merged[last], open); tellable(open) {
			merged[last], open = open, nil
		} else {
			merged = merged[:last]
		}
	}
	return merged
}

// tell writes how many left, and after what where anybody did and there is more than
// one block.
func (j *Journey) tell(l leavers, steps []string, blocks [][]string) {
	n := l.left(steps)
	j.Left = &n
	if n == 0 || len(blocks) == 1 {
		return
	}
	named := map[string]bool{}
	for _, s := range j.Stops {
		named[s.Capability] = true
	}
	for _, block := range blocks {
		e := End{After: []string{}, People: l.left(block)}
		for _, step := range block {
			if named[step] {
				e.After = append(e.After, step)
			} else {
				e.Others = true
			}
		}
		if e.People > 0 || len(e.After) > 0 {
			j.Ends = append(j.Ends, e)
		}
	}
}

// enough gives a number of people if it may be shown.
func enough(n int) *int {
	if n < Fewest {
		return nil
	}
	return &n
}

// part gives how many of some people did something, if it may be shown: a part of
// 6 of 7 tells of the one who did not as plainly as a number of 1.
func part(k, of int) *int {
	if few(of - k) {
		return nil
	}
	return enough(k)
}
