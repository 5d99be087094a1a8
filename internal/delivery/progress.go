package delivery

import "sync"

// Progress is one thing that happened to a release while somebody watches.
type Progress struct {
	// Changed says that the release's status was written; read it anew.
	Changed bool
	// Step and Line carry a line of a step's output, such as the compiler's.
	Step string
	Line string
}

// progress hands what happens to a release to those who watch it in this
// process. It is a convenience: the status in the store is the truth.
type progress struct {
	mu       sync.Mutex
	watchers map[string]map[chan Progress]struct{}
}

func newProgress() *progress { return &progress{watchers: map[string]map[chan Progress]struct{}{}} }

// publish never blocks: a watcher that is too slow misses lines, never the
// fact that the status has changed, because it reads that at its own pace.
func (p *progress) publish(release string, what Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for ch := range p.watchers[release] {
		select {
		case ch <- what:
		default:
		}
	}
}

// Watch returns what happens to the release from now on, and how to stop.
func (d *Delivery) Watch(release string) (<-chan Progress, func()) {
	p := d.progress
	ch := make(chan Progress, 256)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watchers[release] == nil {
		p.watchers[release] = map[chan Progress]struct{}{}
	}
	p.watchers[release][ch] = struct{}{}
	return ch, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.watchers[release], ch)
		if len(p.watchers[release]) == 0 {
			delete(p.watchers, release)
		}
	}
}
