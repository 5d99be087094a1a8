package logs

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// followerBytes bounds what waits for one slow follower.
const followerBytes = 4 << 20

// Follow gives what Query gives for the filter, and then every selected entry
// as it is written, until the context ends; nothing is missed or doubled in
// between. Without Since and Tail it begins now. A reader that is too slow
// misses entries, and gets an entry of StreamStoa that says how many. Until
// and Limit are not used. The end of the context is not an error.
func (s *Store) Follow(ctx context.Context, f Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		m := f.match()
		m.Until, m.Limit = time.Time{}, 0
		fo := &follower{match: m, signal: make(chan struct{}, 1)}
		s.followers.add(fo)
		defer s.followers.remove(fo)
		seen := map[[3]string]uint64{}
		if !f.Since.IsZero() || f.Tail > 0 {
			for e, err := range s.Query(ctx, m.Filter) {
				if ctx.Err() != nil {
					return
				}
				if !yield(e, err) || err != nil {
					return
				}
				seen[[3]string{e.Service, e.Process, e.Environment}] = e.Seq
			}
		}
		for {
			entries, missed := fo.take()
			for _, e := range entries {
				if e.Seq <= seen[[3]string{e.Service, e.Process, e.Environment}] || m.Grep != nil && !m.Grep.MatchString(e.Line) {
					continue
				}
				if !yield(e, nil) {
					return
				}
			}
			if missed > 0 {
				note := Entry{
					Time: s.now().UTC(), Service: f.Service, Environment: f.Environment, Stream: StreamStoa,
					Line: fmt.Sprintf("stoa: %s not shown: they came faster than they were read", count(missed, "line")),
				}
				if !yield(note, nil) {
					return
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-s.stop:
				return
			case <-fo.signal:
			}
		}
	}
}

// follower is one reader of what is being written.
type follower struct {
	match  match
	signal chan struct{} // something waits

	mu      sync.Mutex
	entries []Entry
	bytes   int
	missed  int64
}

// put hands an entry over, or counts it as missed; it never waits.
func (f *follower) put(e Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if size := len(e.Line) + 200; f.bytes+size > followerBytes {
		f.missed++
	} else {
		f.bytes += size
		f.entries = append(f.entries, e)
	}
	select {
	case f.signal <- struct{}{}:
	default:
	}
}

func (f *follower) take() ([]Entry, int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	entries, missed := f.entries, f.missed
	f.entries, f.bytes, f.missed = nil, 0, 0
	return entries, missed
}

// followers is the list of all; reading it takes no lock.
type followers struct {
	mu   sync.Mutex
	list atomic.Pointer[[]*follower]
}

func (fs *followers) add(f *follower) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	list := append(slices.Clone(fs.all()), f)
	fs.list.Store(&list)
}

func (fs *followers) remove(f *follower) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(fs.all()), func(other *follower) bool { return other == f })
	fs.list.Store(&list)
}

func (fs *followers) all() []*follower {
	if p := fs.list.Load(); p != nil {
		return *p
	}
	return nil
}

// publish shows lines that were just written, the first with the sequence
// given. The regular expression is left to the reader's own time.
func (fs *followers) publish(j *journal, lines []line, times []time.Time, first uint64) {
	var wanted []*follower
	for _, f := range fs.all() {
		if (f.match.Service == "" || within(j.service, f.match.Service)) &&
			(f.match.Environment == "" || f.match.Environment == j.environment) {
			wanted = append(wanted, f)
		}
	}
	if len(wanted) == 0 {
		return
	}
	for i, l := range lines {
		r := record{at: times[i], seq: first + uint64(i), source: l.source, partial: l.partial, text: appendText(nil, l.text)}
		e := j.entry(r)
		for _, f := range wanted {
			m := f.match
			m.Grep = nil
			if m.record(r) {
				f.put(e)
			}
		}
	}
}
