//go:build linux || darwin

package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
)

// service is what runs under one key.
type service struct {
	rt    *Runtime
	key   runtime.Key
	turn  chan struct{} // full while somebody changes the service
	users int           // who has the turn or waits for it; guarded by rt.mu

	mu      sync.Mutex
	all     []*instance // that are not gone: launched, serving, draining
	serving *release    // nil: none
	routed  []runtime.Backend
}

// release is the instances of one workload.
type release struct {
	w         runtime.Workload
	strategy  runtime.Strategy
	instances []*instance
}

func newService(r *Runtime, key runtime.Key) *service {
	return &service{rt: r, key: key, turn: make(chan struct{}, 1)}
}

func (s *service) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.serving == nil && len(s.all) == 0
}

func (s *service) present() *release {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.serving
}

// swap makes another release the one that serves, and returns the one before.
func (s *service) swap(next *release) *release {
	s.mu.Lock()
	before := s.serving
	s.serving = next
	s.mu.Unlock()
	s.publish()
	return before
}

// publish tells the router where requests go: to the healthy instances, or
// where none is, to those that at least run.
func (s *service) publish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var healthy, unhealthy []runtime.Backend
	if s.serving != nil && s.serving.w.Serves {
		for _, i := range s.serving.instances {
			d, addr := i.describe()
			b := runtime.Backend{ID: i.id, Addr: addr, Release: i.w.Release}
			switch {
			case addr == "":
			case d.State == runtime.StateHealthy:
				healthy = append(healthy, b)
			default:
				unhealthy = append(unhealthy, b)
			}
		}
	}
	if len(healthy) == 0 {
		healthy = unhealthy
	}
	if !slices.Equal(healthy, s.routed) {
		s.routed = healthy
		s.rt.opts.Router.Set(s.key, slices.Clone(healthy))
	}
}

// launch starts n instances and waits until all are healthy; otherwise none is
// left. The first goes ahead, to see whether several can run at all.
func (s *service) launch(ctx context.Context, w runtime.Workload, n int, t *teller) ([]*instance, error) {
	instances := []*instance{s.begin(w, t)}
	err := await(ctx, instances[0])
	if o := instances[0].observed(); err == nil && n > 1 && o.FixedPort {
		err = fixedPort(w, n, o.Port)
	}
	if err == nil {
		for range n - 1 {
			instances = append(instances, s.begin(w, t))
		}
		for _, i := range instances[1:] {
			if err = await(ctx, i); err != nil {
				break
			}
		}
	}
	if err != nil {
		err = s.explain(err, w)
		s.stop(instances, t)
		return nil, err
	}
	return instances, nil
}

// explain finds the instance of the same release behind a port that is taken.
func (s *service) explain(err error, w runtime.Workload) error {
	var taken *portTaken
	if !errors.As(err, &taken) {
		return err
	}
	s.mu.Lock()
	same := release{instances: slices.Clone(s.all)}
	s.mu.Unlock()
	same.instances = slices.DeleteFunc(same.instances, func(i *instance) bool { return i.w.Release != w.Release })
	if !taken.heldBy(same.pids()) {
		return err
	}
	refused := fixedPort(w, w.Replicas, taken.port)
	refused.Err = taken
	return refused
}

func (s *service) begin(w runtime.Workload, t *teller) *instance {
	i := s.rt.newInstance(w, s.publish, t.tell)
	s.mu.Lock()
	s.all = append(s.all, i)
	s.mu.Unlock()
	if s.rt.life.Err() != nil { // shut may not have seen it
		i.end()
	}
	return i
}

func await(ctx context.Context, i *instance) error {
	select {
	case err := <-i.launched:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stop stops instances side by side.
func (s *service) stop(instances []*instance, t *teller) {
	var all sync.WaitGroup
	for _, i := range instances {
		all.Go(func() {
			i.stop()
			s.forget(i)
			t.tell(runtime.Progress{Step: runtime.StepStopped, Instance: i.id, Text: "stopped"})
		})
	}
	all.Wait()
}

func (s *service) forget(i *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(other *instance) bool { return other == i })
}

// retire drains and stops the instances of a release that is not routed to any
// more. nil has none.
func (s *service) retire(old *release, t *teller) {
	if old == nil {
		return
	}
	s.retireWithin(old, old.w.Drain, t)
}

func (s *service) retireWithin(old *release, limit time.Duration, t *teller) {
	var all sync.WaitGroup
	for _, i := range old.instances {
		all.Go(func() {
			if old.w.Serves {
				s.drain(i, limit, t)
			}
			s.stop([]*instance{i}, t)
		})
	}
	all.Wait()
}

func (s *service) drain(i *instance, limit time.Duration, t *teller) {
	ctx, cancel := context.WithTimeout(s.rt.life, limit)
	defer cancel()
	began := time.Now()
	text := "drained"
	if err := s.rt.opts.Router.Drain(ctx, i.id); err != nil {
		text = fmt.Sprintf("requests still in flight after %s are cut off", brief(time.Since(began)))
	}
	t.tell(runtime.Progress{Step: runtime.StepDrained, Instance: i.id, Text: text})
}

// shut stops everything, whoever has the turn.
func (s *service) shut() {
	s.swap(nil)
	s.mu.Lock()
	all := slices.Clone(s.all)
	s.mu.Unlock()
	s.stop(all, nil)
}

func (s *service) status() (runtime.Status, error) {
	s.mu.Lock()
	all, serving := slices.Clone(s.all), s.serving
	s.mu.Unlock()
	if serving == nil && len(all) == 0 {
		return runtime.Status{}, fmt.Errorf("%s: %w", s.key, runtime.ErrNotFound)
	}
	status := runtime.Status{Key: s.key, Instances: make([]runtime.Instance, 0, len(all))}
	for _, i := range all {
		d, _ := i.describe()
		status.Instances = append(status.Instances, d)
	}
	if serving != nil {
		status.Release, status.Replicas = serving.w.Release, serving.w.Replicas
		status.Observed = serving.observed()
	}
	return status, nil
}

// observed tells the first instance. A release that is being replaced may have
// none.
func (r *release) observed() runtime.Observed {
	o := runtime.Observed{}
	if len(r.instances) > 0 {
		o = r.instances[0].observed()
	}
	o.Strategy = r.strategy
	return o
}

// healthy reports whether every instance is.
func (r *release) healthy() bool {
	return !slices.ContainsFunc(r.instances, func(i *instance) bool {
		d, _ := i.describe()
		return d.State != runtime.StateHealthy
	})
}

// pids are those of the processes that run, and so of their sessions.
func (r *release) pids() []int {
	var pids []int
	for _, i := range r.instances {
		if d, _ := i.describe(); d.PID != 0 {
			pids = append(pids, d.PID)
		}
	}
	return pids
}
