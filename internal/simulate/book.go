package simulate

// book is what the generator decided and what came of it before the end: the
// source of the truth. Nothing is ever read back from an event.
type book struct {
	*world
	words int // of the bitmaps of days

	presence [][]uint64        // by member: the days, UTC, on which they used the platform
	adopted  []map[string]days // by team: the days on which anybody used a capability
	reached  [][milestones]ms  // by team
	first    []sighting        // by service

	deployments []deployment // to production
	incidents   []incident
	tickets     []ticket
	requests    []request
	questions   []moment
	refusals    []moment
	failedRuns  []moment
	elsewhere   []moment // deployments to other environments than production
}

// days is a bitmap of days since the start.
type days []uint64

func (d days) set(n int)      { d[n/64] |= 1 << (n % 64) }
func (d days) has(n int) bool { return d[n/64]&(1<<(n%64)) != 0 }

// The steps of a team.
const (
	askedAccess = iota
	gotAccess
	deployedFirst
	queriedFirst
	alertedFirst
	milestones
)

// moment is something that is only counted.
type moment struct {
	at            ms
	team          *team
	path          bool
	what, service string
}

// sighting is the first deployment of a service to production.
type sighting struct {
	at   ms // never: not yet
	path bool
}

// deployment is a deployment to production.
type deployment struct {
	at      ms
	service *service
	path    bool
	cause   cause
	leads   []ms // commit to production, of each change that came with it
	skewed  int  // changes that are dated after it
	silent  bool // it brings changes, and nobody says which

	failed failure
	broke  ms // when the failure began
	mended ms // never: not yet
}

type cause int

const (
	planned cause = iota
	rollback
	hotfix
)

// failure is how a deployment turned out to have failed.
type failure int

const (
	worked failure = iota
	rolledBack
	hotfixed
	followed // by an incident within 24 hours
	linked   // by an incident that names it
)

// incident is an incident in production.
type incident struct {
	at       ms
	resolved ms // never: not yet
	service  *service
	path     bool
	caused   bool // by a deployment
}

// ticket is a question, a fault or a request for access.
type ticket struct {
	at     ms
	closed ms // never: not yet
	member *member
	// kind and capability say what it is about, the capability "" for none.
	kind, capability string
}

// request is somebody's wish for a feature.
type request struct {
	at     ms
	member *member
}

func newBook(w *world) *book {
	b := &book{world: w, words: (w.calendar.days + 63) / 64}
	b.presence = make([][]uint64, len(w.members))
	b.adopted = make([]map[string]days, len(w.teams))
	b.reached = make([][milestones]ms, len(w.teams))
	for i := range b.adopted {
		b.adopted[i] = map[string]days{}
		b.reached[i] = [milestones]ms{never, never, never, never, never}
	}
	for range w.services {
		b.first = append(b.first, sighting{at: never})
	}
	return b
}

func (b *book) happened(t ms) bool { return t >= b.start && t < b.end }

// used notes that a person used a capability for a team.
func (b *book) used(m *member, capability string, t ms) {
	if !b.happened(t) {
		return
	}
	n := int((t - b.start) / day)
	if b.presence[m.id] == nil {
		b.presence[m.id] = make(days, b.words)
	}
	days(b.presence[m.id]).set(n)
	of := b.adopted[m.team.index]
	if of[capability] == nil {
		of[capability] = make(days, b.words)
	}
	of[capability].set(n)
	if capability == "logs" {
		b.step(m.team, queriedFirst, t)
	}
}

// step notes a step of a team, if it is its first.
func (b *book) step(t *team, step int, when ms) {
	if b.happened(when) {
		b.reached[t.index][step] = min(b.reached[t.index][step], when)
	}
}

// serves notes a deployment to production and returns its place, -1 when it did
// not happen.
func (b *book) serves(d deployment) int {
	if !b.happened(d.at) {
		return -1
	}
	d.mended = never
	b.deployments = append(b.deployments, d)
	if f := &b.first[d.service.index]; d.at < f.at {
		*f = sighting{d.at, d.path}
	}
	if d.path {
		b.step(d.service.team, deployedFirst, d.at)
	}
	return len(b.deployments) - 1
}

// fails notes that a deployment failed. It is not known to anybody, and did not
// happen, if what shows it lies after the end.
func (b *book) fails(deployed int, how failure, shown, broke, mended ms) {
	if !b.happened(shown) {
		return
	}
	d := &b.deployments[deployed]
	d.failed, d.broke, d.mended = how, broke, never
	if b.happened(mended) {
		d.mended = mended
	}
}
