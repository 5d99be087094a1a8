// Package backoff tries something again, later each time.
package backoff

import (
	"sync"
	"time"
)

// The wait before the next try: doubled after each further failure.
const (
	first = time.Minute
	last  = time.Hour
)

// Retries try again what failed: one timer for each name, however often it failed. They
// are memory only.
type Retries struct {
	try func(name string)

	mu     sync.Mutex
	closed bool
	waits  map[string]*retry
}

type retry struct {
	after time.Duration
	timer *time.Timer
}

// New returns Retries that call try, each time on a goroutine of its own.
func New(try func(name string)) *Retries {
	return &Retries{try: try, waits: map[string]*retry{}}
}

// Later tries the name again and says after how long.
func (r *Retries) Later(name string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := r.waits[name]
	if wait == nil {
		wait = &retry{after: first}
		r.waits[name] = wait
	} else {
		if wait.timer != nil {
			wait.timer.Stop()
		}
		wait.after = min(2*wait.after, last)
	}
	if r.closed {
		return wait.after
	}
	wait.timer = time.AfterFunc(wait.after, func() { r.try(name) })
	return wait.after
}

// Forget ends the retries of a name: it has succeeded, or is gone.
func (r *Retries) Forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if wait := r.waits[name]; wait != nil && wait.timer != nil {
		wait.timer.Stop()
	}
	delete(r.waits, name)
}

// Close ends all.
func (r *Retries) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, wait := range r.waits {
		if wait.timer != nil {
			wait.timer.Stop()
		}
	}
}
