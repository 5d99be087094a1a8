package delivery

import (
	"sync"
	"time"
)

// The wait before a service that did not come up is tried again: doubled after
// each further failure.
const (
	firstRetry = time.Minute
	lastRetry  = time.Hour
)

// retries try services again that did not come up: one timer for each, however
// many changes and restarts there were. They are memory only; a restart of
// Stoa tries every service anyway.
type retries struct {
	try func(service string) // inserts the job

	mu     sync.Mutex
	closed bool
	waits  map[string]*retry
}

type retry struct {
	after time.Duration
	timer *time.Timer
}

func newRetries(try func(service string)) *retries {
	return &retries{try: try, waits: map[string]*retry{}}
}

// later tries the service again and says after how long.
func (r *retries) later(service string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := r.waits[service]
	if wait == nil {
		wait = &retry{after: firstRetry}
		r.waits[service] = wait
	} else {
		if wait.timer != nil {
			wait.timer.Stop()
		}
		wait.after = min(2*wait.after, lastRetry)
	}
	if r.closed {
		return wait.after
	}
	wait.timer = time.AfterFunc(wait.after, func() { r.try(service) })
	return wait.after
}

// forget ends the retries of a service that runs, or is gone.
func (r *retries) forget(service string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if wait := r.waits[service]; wait != nil && wait.timer != nil {
		wait.timer.Stop()
	}
	delete(r.waits, service)
}

// close ends all.
func (r *retries) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, wait := range r.waits {
		if wait.timer != nil {
			wait.timer.Stop()
		}
	}
}
