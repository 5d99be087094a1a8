//go:build linux || darwin

package process

import (
	goruntime "runtime"
)

// spawner starts children from one operating system thread that lives as long
// as the runtime: Linux sends the parent-death signal when the thread that
// forked ends, not the process, and Go ends threads when it likes.
type spawner struct {
	jobs chan func()
	quit chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{jobs: make(chan func()), quit: make(chan struct{})}
	go func() {
		goruntime.LockOSThread() // never unlocked: the thread ends with this goroutine
		for {
			select {
			case job := <-s.jobs:
				job()
			case <-s.quit:
				return
			}
		}
	}()
	return s
}

// do runs f on the thread and returns its error, or false if the spawner is
// closed.
func (s *spawner) do(f func() error) (error, bool) {
	result := make(chan error, 1)
	select {
	case s.jobs <- func() { result <- f() }:
		return <-result, true
	case <-s.quit:
		return nil, false
	}
}

func (s *spawner) close() { close(s.quit) }
