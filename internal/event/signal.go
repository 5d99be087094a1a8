package event

import "sync"

// Signal tells any number of waiters that something happened. Its zero value
// is ready for use.
type Signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// Wait returns a channel that closes at the next Notify. Take it before looking
// at what it is about, so that nothing can come between.
func (s *Signal) Wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// Notify wakes everyone who waits.
func (s *Signal) Notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
