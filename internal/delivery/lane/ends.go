package lane

import (
	"context"
	"sync"
)

// Ends let work be interrupted by the key that it is about. The zero value is ready.
type Ends struct {
	mu   sync.Mutex
	work map[string]map[*context.CancelFunc]struct{}
}

// Enter gives a context that ends with the given one, and when End is called for the
// key; leave it when the work is done.
func (e *Ends) Enter(ctx context.Context, key string) (within context.Context, leave func()) {
	within, cancel := context.WithCancel(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.work == nil {
		e.work = map[string]map[*context.CancelFunc]struct{}{}
	}
	if e.work[key] == nil {
		e.work[key] = map[*context.CancelFunc]struct{}{}
	}
	e.work[key][&cancel] = struct{}{}
	return within, func() {
		cancel()
		e.mu.Lock()
		defer e.mu.Unlock()
		if delete(e.work[key], &cancel); len(e.work[key]) == 0 {
			delete(e.work, key)
		}
	}
}

// End interrupts what is being done for the key at this moment.
func (e *Ends) End(key string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for cancel := range e.work[key] {
		(*cancel)()
	}
}
