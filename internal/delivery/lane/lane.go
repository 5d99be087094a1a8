// Package lane makes work take turns.
package lane

import (
	"context"
	"sync"
	"time"
)

// Lanes let one at a time enter the lane of a key; different keys do not wait for
// each other. The zero value is ready.
type Lanes struct {
	mu   sync.Mutex
	held map[string]*lane
}

type lane struct {
	turn  chan struct{}
	users int // who is in it or waits for it; without any it is forgotten
}

// Enter waits for the lane of the key and returns how to leave it.
func (l *Lanes) Enter(ctx context.Context, key string) (leave func(), err error) {
	l.mu.Lock()
	at := l.held[key]
	if at == nil {
		at = &lane{turn: make(chan struct{}, 1)}
		if l.held == nil {
			l.held = map[string]*lane{}
		}
		l.held[key] = at
	}
	at.users++
	l.mu.Unlock()
	done := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if at.users--; at.users == 0 {
			delete(l.held, key)
		}
	}
	select {
	case at.turn <- struct{}{}:
		return func() { <-at.turn; done() }, nil
	case <-ctx.Done():
		done()
		return nil, ctx.Err()
	}
}

// Limit lets as many in at once as its channel holds.
type Limit chan struct{}

// Enter waits for a place and returns how to leave it, which may be called twice.
// After atMost the place is free again all the same.
func (l Limit) Enter(ctx context.Context, atMost time.Duration) (leave func(), err error) {
	select {
	case l <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	leave = sync.OnceFunc(func() { <-l })
	time.AfterFunc(atMost, leave)
	return leave, nil
}
