package history

import (
	"slices"
	"strings"
)

// The causes of a deployment that are told.
const (
	causeRollback = "rollback"
	causeHotfix   = "hotfix"
)

// finish says of each deployment why it was made and what it mends. complete
// says that the history was seen down to its first commit.
func (l *lineage) finish(complete bool) {
	mends := l.mends()
	for i, d := range l.deployments {
		d.known = d.seen && (complete || (d.previous != nil && d.previous.seen))
		if !d.seen && i > 0 && d.commit != "" && l.on[d.commit][0] < i && d.previous.commit != d.commit && !d.late {
			d.back = true
		}
		broken, mending := mends[i]
		switch {
		case d.back:
			d.cause, d.fixes = causeRollback, d.previous.id
		case mending:
			d.cause, d.fixes = causeRollback, l.deployments[broken].id
		case d.hotfix:
			d.cause = causeHotfix
		}
	}
}

// mends gives for each deployment that takes commits back the latest of the
// deployments that had brought them. What is brought and taken back by one and
// the same deployment never was in use.
func (l *lineage) mends() map[int]int {
	r := reverts{takes: map[*node]bool{}, kept: map[*node]bool{}, by: map[*node][]*node{}}
	for _, n := range r.resolve(l.nodes) {
		for _, of := range n.undoes {
			r.by[of] = append(r.by[of], n)
		}
	}
	mends := map[int]int{}
	for _, n := range l.nodes {
		if n.deployment == none || !r.takesBack(n) || !r.stands(n) {
			continue
		}
		for _, of := range n.undoes {
			if at, ok := mends[n.deployment]; of.deployment < n.deployment && (!ok || of.deployment > at) {
				mends[n.deployment] = of.deployment
			}
		}
	}
	return mends
}

// reverts judges commits that undo others.
type reverts struct {
	takes map[*node]bool // takesBack, as far as it is known
	kept  map[*node]bool // stands, as far as it is known
	by    map[*node][]*node
}

// resolve finds the commits that messages name and returns all that were noted.
func (reverts) resolve(nodes map[string]*node) []*node {
	near := map[string][]*node{}
	for _, n := range nodes {
		near[n.id[:shortest]] = append(near[n.id[:shortest]], n)
	}
	all := make([]*node, 0, len(nodes))
	for _, n := range nodes {
		for _, id := range n.reverts {
			for _, of := range near[id[:shortest]] {
				if of != n && strings.HasPrefix(of.id, id) {
					n.undoes = append(n.undoes, of)
				}
			}
		}
		all = append(all, n)
	}
	return all
}

// takesBack reports whether a commit takes changes away; the revert of a revert
// brings them again.
func (r *reverts) takesBack(n *node) bool {
	if takes, ok := r.takes[n]; ok {
		return takes
	}
	r.takes[n] = false // until it is known: what undoes itself in a circle undoes nothing
	takes := len(n.undoes) < len(n.reverts) || slices.ContainsFunc(n.undoes, func(of *node) bool { return !r.takesBack(of) })
	r.takes[n] = takes
	return takes
}

// stands reports whether no commit of the same deployment undoes this one.
func (r *reverts) stands(n *node) bool {
	if kept, ok := r.kept[n]; ok {
		return kept
	}
	r.kept[n] = true
	kept := !slices.ContainsFunc(r.by[n], func(by *node) bool { return by.deployment == n.deployment && r.stands(by) })
	r.kept[n] = kept
	return kept
}
