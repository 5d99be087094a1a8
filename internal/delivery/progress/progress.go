// Package progress tells those who watch a release what happens to it.
package progress

import "sync"

// Change is one thing that happened to a release while somebody watches.
type Change struct {
	// Status says that the release's status was written; read it anew.
	Status bool
	// Step and Line carry a line of a step's output, such as the compiler's.
	Step string
	Line string
}

// Hub hands what happens to a release to those who watch it in this process. It is a
// convenience: the status in the store is the truth. The zero value is ready.
type Hub struct {
	mu       sync.Mutex
	watchers map[string]map[chan Change]struct{}
}

// Publish never blocks: a watcher that is too slow misses lines, never the fact that
// the status has changed, because it reads that at its own pace.
func (h *Hub) Publish(release string, what Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ch := range h.watchers[release] {
		select {
		case ch <- what:
		default:
		}
	}
}

// Watch returns what happens to the release from now on, and how to stop.
func (h *Hub) Watch(release string) (<-chan Change, func()) {
	ch := make(chan Change, 256)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers == nil {
		h.watchers = map[string]map[chan Change]struct{}{}
	}
	if h.watchers[release] == nil {
		h.watchers[release] = map[chan Change]struct{}{}
	}
	h.watchers[release][ch] = struct{}{}
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers[release], ch)
		if len(h.watchers[release]) == 0 {
			delete(h.watchers, release)
		}
	}
}
