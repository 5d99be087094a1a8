package event

import (
	"context"
	"slices"
	"sync"
)

// sharedRead lets projectors that stand near each other read and decode records
// once, which costs more than most of them do with it. Whoever is ahead reads the
// next page while others apply the last ones, and waits when it would leave those
// behind without a full page that they need. Who is further behind reads alone, and
// short pages, which is what comes while all are level, are waited for by nobody.
type sharedRead struct {
	mu    sync.Mutex
	moved *sync.Cond
	kept  []*page          // in the order in which they were asked for
	needs map[string]int64 // by projector, the sequence after which it reads next
}

// page is a read of up to limit records after a sequence.
type page struct {
	after   int64
	limit   int
	done    chan struct{} // closed when records and err are set
	records []Record
	err     error
	short   bool // not full: so few records are soon read again
}

// starting is what a projector needs that has joined and not read yet: whatever
// there is.
const starting = -1

// join announces projectors before they begin, so that the first of them leaves
// the others nothing behind.
func (s *sharedRead) join(projectors []Projector) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range projectors {
		s.needs[p.Name()] = starting
	}
}

// keptPages is by how many pages projectors may be apart that read together.
const keptPages = 3

func newSharedRead() *sharedRead {
	s := &sharedRead{needs: map[string]int64{}}
	s.moved = sync.NewCond(&s.mu)
	return s
}

// read gives a projector up to limit records after a sequence, perhaps fewer than
// there are by now. They are shared: nobody must change them.
func (s *sharedRead) read(ctx context.Context, from ProjectionStore, who string, after int64, limit int) ([]Record, error) {
	wake := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.moved.Broadcast()
	})
	defer wake()
	p, mine, err := s.find(ctx, who, after, limit)
	if err != nil {
		return nil, err
	}
	if mine {
		p.records, p.err = from.ReadFrom(ctx, after, limit)
		close(p.done)
	} else {
		select {
		case <-p.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if len(p.records) == 0 && !mine && ctx.Err() == nil {
		// It may be the other's context that ended, and the other may have looked before
		// something was appended that this one was told of.
		return from.ReadFrom(ctx, after, limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(p.records) == 0 { // at the end, or failed
		s.kept = slices.DeleteFunc(s.kept, func(other *page) bool { return other == p })
		return nil, p.err
	}
	p.short = len(p.records) < p.limit
	s.needs[who] = p.records[len(p.records)-1].Seq
	s.moved.Broadcast()
	return p.records, nil
}

// find gives the page, new and to be read by the caller if mine is true. A new one
// takes the place of the oldest, as soon as nobody needs that any more.
func (s *sharedRead) find(ctx context.Context, who string, after int64, limit int) (p *page, mine bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.needs[who] = after
	for {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		for _, p := range s.kept {
			if p.after == after && p.limit == limit {
				return p, false, nil
			}
		}
		if len(s.kept) < keptPages {
			break
		}
		if oldest := s.kept[0]; oldest.after >= after || oldest.short || !s.needed(oldest.after) {
			s.kept = slices.Delete(s.kept, 0, 1)
			break
		}
		s.moved.Wait()
	}
	p = &page{after: after, limit: limit, done: make(chan struct{})}
	s.kept = append(s.kept, p)
	return p, true, nil
}

func (s *sharedRead) needed(after int64) bool {
	for _, needs := range s.needs {
		if needs == after || needs == starting {
			return true
		}
	}
	return false
}

// leave says that a projector reads no more for now. What nobody needs is let go
// when the last one leaves.
func (s *sharedRead) leave(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.needs, who)
	if len(s.needs) == 0 {
		s.kept = nil
	}
	s.moved.Broadcast()
}
