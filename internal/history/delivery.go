package history

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// outcome is how a deployment ended.
type outcome int

const (
	void outcome = iota // it says nothing, and will not
	open                // it has not ended yet
	succeeded
	failed
)

// What is looked for before the time that is read: so many deployments to each
// environment, among so many in all. One does not do: after it was taken back,
// what the one before brought would count as new.
const (
	wantedOlder = 5
	maxOlder    = 300
)

// maxPending is how long a deployment is waited for to end.
const maxPending = 30 * 24 * time.Hour

// scan takes the deployments that a host lists, newest first, and keeps those
// that have come to an end since the last reading, with the one before them of
// each environment: without it nobody could say what the first of them brought.
type scan struct {
	from    time.Time
	now     time.Time
	pending map[string]time.Time // not at their end last time
	oldest  time.Time            // of those
	needs   map[string]int       // how many earlier deployments are looked for, by environment
	older   int

	any  bool
	kept []*deployment
	open map[string]time.Time
}

func (r *reading) newScan(resource string) *scan {
	s := &scan{from: r.from(resource), now: r.Now, needs: map[string]int{}, open: map[string]time.Time{}}
	r.State.look(r.repo.Key, func(p *progress) { s.pending = maps.Clone(p.Pending) })
	s.oldest = s.from
	for _, at := range s.pending {
		if at.Before(s.oldest) {
			s.oldest = at
		}
	}
	return s
}

// take decides about the next deployment; look finds out how it ended.
func (s *scan) take(id string, created time.Time, environment string, look func() (*deployment, outcome, error)) (more bool, err error) {
	s.any = true
	_, waited := s.pending[id]
	fresh := created.After(s.from) || waited
	if !fresh && created.Before(s.oldest) {
		s.older++
		if s.older > maxOlder || s.found() {
			return false, nil
		}
	}
	if environment == "" || (!fresh && s.needs[environment] == 0) {
		return true, nil
	}
	d, how, err := look()
	if err != nil {
		return false, err
	}
	switch {
	case how == open && fresh && s.now.Sub(created) < maxPending:
		s.open[id] = created
	case how == succeeded:
		if s.needs[environment]--; fresh {
			s.needs[environment] = wantedOlder
		}
		d.untold = !fresh
		s.kept = append(s.kept, d)
	case how == failed && fresh:
		d.failed = true
		s.kept = append(s.kept, d)
	}
	return true, nil
}

// found reports whether no earlier deployment is looked for any more.
func (s *scan) found() bool {
	for _, n := range s.needs {
		if n > 0 {
			return false
		}
	}
	return true
}

// earliest is when the first of the kept deployments was made.
func (s *scan) earliest() time.Time {
	at := s.from
	for _, d := range s.kept {
		if d.at.Before(at) {
			at = d.at
		}
	}
	return at
}

// maxCommits bounds the commits of a host's answer that are held at once.
const maxCommits = 100_000

// log is a part of the history of a main branch, as a host tells it.
type log struct {
	commits []commit
	at      map[string]int
}

func (l *log) add(c commit) (more bool) {
	if !commitID.MatchString(c.id) {
		return true
	}
	if _, twice := l.at[c.id]; !twice {
		set(&l.at, c.id, len(l.commits))
		l.commits = append(l.commits, c)
	}
	return len(l.commits) < maxCommits
}

// complete reports whether it reaches back to the first commit.
func (l *log) complete() bool {
	for _, c := range l.commits {
		for _, p := range c.parents {
			if _, ok := l.at[p]; !ok {
				return false
			}
		}
	}
	return len(l.commits) > 0
}

// childrenFirst gives the commits in an order in which none comes before one
// that was made on top of it; hosts order by dates, which may be wrong.
func (l *log) childrenFirst() []commit {
	children := make([]int, len(l.commits))
	for _, c := range l.commits {
		for _, p := range c.parents {
			if i, ok := l.at[p]; ok {
				children[i]++
			}
		}
	}
	order := make([]commit, 0, len(l.commits))
	var ready []int
	for i := len(l.commits) - 1; i >= 0; i-- {
		if children[i] == 0 {
			ready = append(ready, i)
		}
	}
	for len(ready) > 0 {
		c := l.commits[ready[len(ready)-1]]
		ready = ready[:len(ready)-1]
		order = append(order, c)
		for _, p := range slices.Backward(c.parents) {
			if i, ok := l.at[p]; ok {
				if children[i]--; children[i] == 0 {
					ready = append(ready, i)
				}
			}
		}
	}
	return order
}

// deliver finds out what each deployment brought, environment by environment,
// and tells of them.
func (r *reading) deliver(ctx context.Context, all []*deployment, l *log) error {
	environments := map[string][]*deployment{}
	byTime(all)
	for _, d := range all {
		if !d.failed {
			environments[d.environment] = append(environments[d.environment], d)
		}
	}
	order, complete := l.childrenFirst(), l.complete()
	for _, name := range slices.Sorted(maps.Keys(environments)) {
		lines := newLineage("", environments[name])
		for _, c := range order {
			lines.see(c)
		}
		lines.finish(complete)
	}
	for _, d := range all {
		if d.untold {
			continue
		}
		if err := r.deployed(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// from is the beginning of what is still to be read of a resource.
func (r *reading) from(resource string) time.Time {
	if at := r.State.done(r.repo.Key, resource, r.Since); at.After(r.Since) {
		return at
	}
	return r.Since
}

// version is that of the list of a resource, if nothing but what is new of it
// is to be read.
func (r *reading) version(resource string) string {
	if r.from(resource).Equal(r.Since) {
		return ""
	}
	return r.State.tag(r.repo.Key, resource)
}

// finish remembers, once all that was told is taken, that a resource was read
// whole: its version, and what of it had not come to an end.
func (r *reading) finish(resource, tag string, open map[string]time.Time) {
	r.sink.After(func() {
		r.State.change(r.repo.Key, func(p *progress) {
			from := r.Since.UTC()
			if was, ok := p.Done[resource]; ok && was.From.Before(from) && !was.To.Before(from) {
				from = was.From
			}
			set(&p.Done, resource, span{from, r.Now.Add(-overlap).UTC()})
			if tag != "" {
				set(&p.Tags, resource, tag)
			}
			maps.DeleteFunc(p.Answers, func(question, _ string) bool { return strings.HasPrefix(question, resource+"/") })
			if open != nil {
				p.Pending = open
			}
		})
	})
}

// ask answers a question about one item of a resource whose answer never
// changes once it is there; "" is none yet, and asked again. An answer is kept
// at once, so that a reading that breaks off need not ask again.
func (r *reading) ask(resource, item string, find func() (string, error)) (string, error) {
	question := resource + "/" + item
	if known, ok := r.State.answered(r.repo.Key, question); ok {
		return known, nil
	}
	found, err := find()
	if err == nil && found != "" {
		r.State.answer(r.repo.Key, question, found)
	}
	return found, err
}
