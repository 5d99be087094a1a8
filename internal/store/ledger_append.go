package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/stoa-platform/stoa/internal/event"
)

// AppendEvents appends events that belong to no other change, such as those
// posted over HTTP, and says what became of each. also, if not nil, runs first
// in the same transaction and may refuse them all; it may run several times.
//
// Whoever comes while others write waits, and all that wait are committed
// together: a commit costs more than most of what is appended.
func (s *Store) AppendEvents(ctx context.Context, poster string, events []event.Event, also func(context.Context, event.LedgerTx) error) ([]event.Outcome, error) {
	if poster == "" {
		return nil, errors.New("append events: no poster given")
	}
	a := &appending{ctx: ctx, poster: poster, events: events, also: also, done: make(chan struct{})}
	queue := &s.ledger.queue
	if queue.join(a) {
		s.appendTogether(ctx)
		gone := ctx.Err() != nil && queue.leave(a) // before another serves it
		if !queue.idle() {
			go s.appendWaiting()
		}
		if gone {
			return nil, ctx.Err()
		}
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		if queue.leave(a) {
			return nil, ctx.Err()
		}
		<-a.done // it is being written: soon it is known what became of it
	}
	return a.outcomes, a.err
}

// appending is events that wait to be appended.
type appending struct {
	ctx    context.Context
	poster string
	events []event.Event
	also   func(context.Context, event.LedgerTx) error

	first    int           // the place of its events among those of the transaction
	done     chan struct{} // closed when the rest is set
	outcomes []event.Outcome
	err      error
}

// appendQueue is who waits to append.
type appendQueue struct {
	mu      sync.Mutex
	waiting []*appending
	served  bool // someone appends what waits
}

// join says whether nobody serves those that wait: the caller must see to it then.
func (q *appendQueue) join(a *appending) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, a)
	unserved := !q.served
	q.served = true
	return unserved
}

// leave takes back what waits still.
func (q *appendQueue) leave(a *appending) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, a)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

// mostTogether bounds the events of one transaction, unless one comes with more, and
// with it how long others wait for it.
const mostTogether = 2000

// take gives the first of those that wait, nil if none does.
func (q *appendQueue) take() []*appending {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, events := 0, 0
	for n < len(q.waiting) && (n == 0 || events+len(q.waiting[n].events) <= mostTogether) {
		events += len(q.waiting[n].events)
		n++
	}
	taken := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return taken
}

// idle ends the service if nobody waits.
func (q *appendQueue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.served = len(q.waiting) > 0
	return !q.served
}

// appendWaiting appends what waits, until nothing does.
func (s *Store) appendWaiting() {
	for {
		s.appendTogether(context.Background())
		if s.ledger.queue.idle() {
			return
		}
	}
}

// appendTogether appends what waits by the time that it is this transaction's turn to
// write. Where they cannot all be appended, each is tried by itself.
func (s *Store) appendTogether(ctx context.Context) {
	var together []*appending
	refused := false
	// Who serves may give up until their turn to write comes: from then on they write
	// for others too.
	turn, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	stay := context.AfterFunc(ctx, giveUp)
	defer stay()
	err := s.Write(turn, "stoa/ledger", func(ctx context.Context, tx *Tx) error {
		if together == nil {
			if !stay() {
				return context.Canceled
			}
			together = s.ledger.queue.take()
		}
		err := tx.appendAll(ctx, together)
		refused = err != nil
		return err
	})
	if together == nil && ctx.Err() != nil {
		return // who served gave up: others are served by the next
	}
	if together == nil { // nothing can be written
		together = s.ledger.queue.take()
	}
	for _, a := range together {
		a.err = err
		if refused && len(together) > 1 {
			a.err = s.Write(a.ctx, a.poster, func(ctx context.Context, tx *Tx) error { return tx.appendAll(ctx, []*appending{a}) })
		}
		close(a.done)
	}
}

// appendAll appends the events of all, each with those that it adds itself. A panic is
// an error: it must not leave behind those who wait.
func (tx *Tx) appendAll(ctx context.Context, all []*appending) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	var events []event.Event
	var entries []event.Entry
	for _, a := range all {
		own := tx.as(a.poster)
		if a.also != nil {
			err = a.also(ctx, ledgerTx{own})
			tx.raced = tx.raced || own.raced
		}
		if err != nil {
			return err
		}
		said := append(slices.Clip(a.events), own.events...)
		prepared, err := own.prepareEvents(ctx, said)
		if err != nil {
			return fmt.Errorf("append events: %w", err)
		}
		a.first = len(events)
		events, entries, tx.after = append(events, said...), append(entries, prepared...), append(tx.after, own.after...)
	}
	outcomes, err := tx.appendEntries(ctx, events, entries)
	if err != nil {
		return err
	}
	for _, a := range all {
		a.outcomes = outcomes[a.first : a.first+len(a.events)]
	}
	return nil
}
