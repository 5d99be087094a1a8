package logs

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"time"
)

// Filter selects entries. An empty field selects all. Service selects what all
// its processes print.
type Filter struct {
	Service, Environment string
	Release, Instance    string
	Stream               string
	Since, Until         time.Time      // half-open: Since <= Time < Until
	Grep                 *regexp.Regexp // matched against the line
	Limit                int            // at most that many, the oldest; 0 is all
	Tail                 int            // only the newest that many; kept in memory, at most MaxTail
}

// MaxTail bounds Filter.Tail.
const MaxTail = 100_000

// match is the filter with its names as they are in records.
type match struct {
	Filter
	release, instance string
	letter            byte
}

func (f Filter) match() match {
	m := match{Filter: f, letter: streamLetters[f.Stream]}
	if f.Release != "" {
		m.release = escape(f.Release)
	}
	if f.Instance != "" {
		m.instance = escape(f.Instance)
	}
	if f.Stream != "" && m.letter == 0 {
		m.letter = '?' // no such stream: nothing matches
	}
	return m
}

func (m *match) record(r record) bool {
	return (m.release == "" || m.release == r.source.release) &&
		(m.instance == "" || m.instance == r.source.instance) &&
		(m.letter == 0 || m.letter == r.source.letter) &&
		(m.Since.IsZero() || !r.at.Before(m.Since)) &&
		(m.Until.IsZero() || r.at.Before(m.Until)) &&
		(m.Grep == nil || m.Grep.Match(r.text))
}

// Query gives the selected entries in order of time, as they are on disk when
// it begins. An error ends it.
func (s *Store) Query(ctx context.Context, f Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		names, err := s.names(f.Service, f.Environment)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		journals := make([]*journal, 0, len(names))
		for _, name := range names {
			journals = append(journals, s.journal(name[0], name[1]))
		}
		m := f.match()
		all := merge(ctx, journals, &m)
		if f.Tail > 0 {
			all = tails(ctx, journals, &m)
		}
		n := 0
		for e, err := range all {
			if !yield(e, err) || err != nil {
				return
			}
			if n++; n == f.Limit {
				return
			}
		}
	}
}

// entries gives the journal's selected entries, oldest first.
func (j *journal) entries(ctx context.Context, m *match) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		views, err := j.snapshot(m.Since, m.Until)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for _, v := range views {
			more := true
			err := j.scan(ctx, v, m, func(r record) bool {
				more = yield(j.entry(r), nil)
				return more
			})
			if err != nil && more {
				yield(Entry{}, err)
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// scan calls visit with each selected record of the segment until it returns
// false. A segment that cannot be read is told as a record of Stoa's own, so
// that a damaged one does not hide the others. The error is the context's.
func (j *journal) scan(ctx context.Context, v view, m *match, visit func(record) bool) error {
	r, err := j.open(v)
	if err == nil && r == nil {
		return nil
	}
	if err == nil {
		defer r.Close()
		d := newDecoder(r)
		for n := 0; ; n++ {
			if n%1024 == 0 && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			var rec record
			if rec, err = d.next(); err != nil {
				break
			}
			if m.record(rec) && !visit(rec) {
				return nil
			}
		}
	}
	if err == io.EOF {
		return nil
	}
	j.store.log.Warn("read log", "path", v.path, "err", err)
	text := fmt.Appendf(nil, "stoa: part of the log from %s to %s cannot be read: %v",
		v.from.Format(time.RFC3339), v.to.Format(time.RFC3339), err)
	visit(record{at: v.to, seq: v.last, source: source{"~", "~", streamLetters[StreamStoa]}, text: text})
	return nil
}

// tail gives the journal's newest n selected entries, oldest first. It reads
// segments from the newest back, and only as many as it needs.
func (j *journal) tail(ctx context.Context, m *match, n int) ([]Entry, error) {
	views, err := j.snapshot(m.Since, m.Until)
	if err != nil {
		return nil, err
	}
	var parts [][]Entry
	for _, v := range slices.Backward(views) {
		ring := make([]Entry, 0, min(n, 1024))
		next := 0
		err := j.scan(ctx, v, m, func(r record) bool {
			if e := j.entry(r); len(ring) < n {
				ring = append(ring, e)
			} else {
				ring[next] = e
				next = (next + 1) % n
			}
			return true
		})
		if err != nil {
			return nil, err
		}
		parts = append(parts, slices.Concat(ring[next:], ring[:next]))
		if n -= len(ring); n == 0 {
			break
		}
	}
	slices.Reverse(parts)
	return slices.Concat(parts...), nil
}

// tails gives the newest entries over all journals.
func tails(ctx context.Context, journals []*journal, m *match) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		n := min(m.Tail, MaxTail)
		var all []Entry
		for _, j := range journals {
			part, err := j.tail(ctx, m, n)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			all = append(all, part...)
			slices.SortStableFunc(all, byTime)
			all = slices.Delete(all, 0, max(len(all)-n, 0))
		}
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func byTime(a, b Entry) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Seq, b.Seq)) }

// merge gives the entries of all journals in order of time.
func merge(ctx context.Context, journals []*journal, m *match) iter.Seq2[Entry, error] {
	if len(journals) == 1 {
		return journals[0].entries(ctx, m)
	}
	return func(yield func(Entry, error) bool) {
		var h heads
		defer func() {
			for _, s := range h {
				s.stop()
			}
		}()
		for _, j := range journals {
			next, stop := iter.Pull2(j.entries(ctx, m))
			e, err, ok := next()
			if !ok {
				stop()
				continue
			}
			h = append(h, head{e, err, next, stop})
		}
		heap.Init(&h)
		for len(h) > 0 {
			if !yield(h[0].entry, h[0].err) || h[0].err != nil {
				return
			}
			e, err, ok := h[0].next()
			if !ok {
				h[0].stop()
				heap.Pop(&h)
				continue
			}
			h[0].entry, h[0].err = e, err
			heap.Fix(&h, 0)
		}
	}
}

// head is the next entry of a journal.
type head struct {
	entry Entry
	err   error
	next  func() (Entry, error, bool)
	stop  func()
}

type heads []head

func (h heads) Len() int           { return len(h) }
func (h heads) Less(a, b int) bool { return byTime(h[a].entry, h[b].entry) < 0 }
func (h heads) Swap(a, b int)      { h[a], h[b] = h[b], h[a] }
func (h *heads) Push(x any)        { *h = append(*h, x.(head)) }
func (h *heads) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
