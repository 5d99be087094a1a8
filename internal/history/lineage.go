package history

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// maxChanges is how many commits of one deployment are told one by one. Of a
// larger one a fair sample is told, beside the full count.
const maxChanges = 1000

// commit is what matters of a commit.
type commit struct {
	id                  string
	parents             []string
	authored, committed time.Time // zero when Git holds no sensible time
	by                  actor
	reverts             []string // ids, maybe shortened, that its message says it undoes
	hotfix              bool     // it merges a branch for urgent repairs
}

// merge reports whether the commit joins others and is no change of its own.
func (c commit) merge() bool { return len(c.parents) > 1 }

// change is one commit that a deployment brought.
type change struct {
	Commit string `json:"commit"`
	Time   string `json:"time"`
	at     time.Time
}

// group is what one deployment brought.
type group struct {
	commits int // all of them but merges, those without a sensible time too
	changes []change
}

func (g *group) add(c commit) {
	g.commits++
	if c.committed.IsZero() {
		return
	}
	g.changes = append(g.changes, change{c.id, stamp(c.committed), c.committed})
	if len(g.changes) == 2*maxChanges {
		g.sample()
	}
}

// sample keeps the commits with the least ids, which say nothing of their age.
func (g *group) sample() {
	if len(g.changes) > maxChanges {
		slices.SortFunc(g.changes, func(a, b change) int { return strings.Compare(a.Commit, b.Commit) })
		g.changes = g.changes[:maxChanges:maxChanges]
	}
}

// list gives the sample, oldest first.
func (g *group) list() []change {
	g.sample()
	slices.SortFunc(g.changes, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), strings.Compare(a.Commit, b.Commit)) })
	return append([]change{}, g.changes...)
}

// deployment is one delivery of a commit to an environment.
type deployment struct {
	id          string // of its event
	at          time.Time
	by          actor
	commit      string
	release     string
	environment string
	url         string
	failed      bool
	hotfix      bool // its name says so
	late        bool // its name is older than that of the one before: it is no way back
	change      bool // it is one of the main branch, not a tag
	untold      bool // it is here only for what the others brought

	// What the lineage finds out.
	previous   *deployment
	seen       bool // its commit was
	merge      bool // its commit only joins others
	known      bool // what it brought is
	brought    group
	commitTime time.Time
	cause      string
	fixes      string
	back       bool // an earlier state was put back
}

// byTime sorts deployments.
func byTime(all []*deployment) {
	slices.SortStableFunc(all, func(a, b *deployment) int { return cmp.Or(a.at.Compare(b.at), strings.Compare(a.id, b.id)) })
}

// none is the label of a commit that no deployment brought.
const none = math.MaxInt

// label says what first brought a commit.
type label struct {
	deployment int // index, or none
	landing    int // position on the main branch, from its head; -1 for none
}

// node is a commit that undoes others, or is undone.
type node struct {
	id         string
	deployment int
	reverts    []string
	undoes     []*node // those of reverts that were seen
}

// lineage finds out which deployment first brought each commit and what merge
// took it to the main branch. It sees each commit once, children before their
// parents, and remembers only the parents that are still to come.
type lineage struct {
	deployments []*deployment
	on          map[string][]int // deployments by commit
	open        map[string]label
	chain       string // the next commit of the main branch
	position    int
	nodes       map[string]*node
	wanted      map[string][]string // ids to look out for, by their first letters
}

// newLineage makes a lineage of deployments to one environment, all successful,
// in the order in which they happened. tip is the head of the main branch.
func newLineage(tip string, deployments []*deployment) *lineage {
	l := &lineage{deployments: deployments, on: map[string][]int{}, open: map[string]label{}, chain: tip, nodes: map[string]*node{}, wanted: map[string][]string{}}
	for i, d := range deployments {
		if d.commit != "" {
			l.on[d.commit] = append(l.on[d.commit], i)
		}
		if i > 0 {
			d.previous = deployments[i-1]
		}
	}
	return l
}

// see takes the next commit. It says where on the main branch the commit
// landed, -1 when it did not, and whether it is that place itself.
func (l *lineage) see(c commit) (landing int, main bool) {
	at := l.labelOf(c.id)
	delete(l.open, c.id)
	if c.id == l.chain {
		main, at.landing = true, l.position
		l.position++
		l.chain = ""
		if len(c.parents) > 0 {
			l.chain = c.parents[0]
		}
	}
	for _, i := range l.on[c.id] {
		d := l.deployments[i]
		d.seen, d.merge, d.commitTime, d.hotfix = true, c.merge(), c.committed, d.hotfix || c.hotfix
		if d.by.name == "" {
			d.by = c.by
		}
		d.back = at.deployment < i && d.previous.commit != d.commit && !d.late
		at.deployment = min(at.deployment, i)
	}
	// A merge is made the moment that others' work is taken in: as a change its
	// lead time would say nothing but that.
	if at.deployment != none && !l.deployments[at.deployment].untold && !c.merge() {
		d := l.deployments[at.deployment]
		if c.id == d.commit && (d.change || c.committed.Equal(d.at)) {
			d.brought.commits++ // its time is the deployment's by construction: it has no lead time
		} else {
			d.brought.add(c)
		}
	}
	l.note(c, at.deployment)
	for _, p := range c.parents {
		was := l.labelOf(p)
		l.open[p] = label{min(was.deployment, at.deployment), max(was.landing, at.landing)}
	}
	return at.landing, main
}

func (l *lineage) labelOf(id string) label {
	if at, ok := l.open[id]; ok {
		return at
	}
	return label{none, -1}
}

// shortest is the length of the shortest id that a message may name.
const shortest = 7

// note keeps a commit that undoes others, or that a later one undoes.
func (l *lineage) note(c commit, deployment int) {
	named := slices.ContainsFunc(l.wanted[c.id[:shortest]], func(id string) bool { return strings.HasPrefix(c.id, id) })
	if !named && len(c.reverts) == 0 {
		return
	}
	l.nodes[c.id] = &node{id: c.id, deployment: deployment, reverts: c.reverts}
	for _, id := range c.reverts {
		l.wanted[id[:shortest]] = append(l.wanted[id[:shortest]], id)
	}
}
