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

// Apply implements runtime.Runtime.
//
// A rolling rollout runs all new instances beside all old ones for a moment.
// Where the old one holds a port that the new one wants, it is replaced
// instead: requests wait in the router, the old instance is drained and
// stopped, and the new one started; if that fails the old release is started
// again.
func (r *Runtime) Apply(ctx context.Context, w runtime.Workload, observe runtime.Observer) (runtime.Observed, error) {
	if err := w.Validate(); err != nil {
		return runtime.Observed{}, err
	}
	w = w.WithDefaults()
	s, err := r.take(ctx, w.Key)
	if err != nil {
		return runtime.Observed{}, fmt.Errorf("apply %s: %w", w.Release, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.life, func() { cancel(runtime.ErrClosed) })()
	t := &teller{observe: observe}
	defer t.close()

	old, err := s.apply(ctx, w, t)
	if err != nil {
		r.give(s)
		return runtime.Observed{}, fmt.Errorf("apply %s: %w", w.Release, err)
	}
	observed := s.observed(old)
	retired := make(chan struct{})
	go func() {
		defer close(retired)
		defer r.give(s)
		s.retire(old.leaving, t)
	}()
	select {
	case <-retired:
	case <-ctx.Done(): // the release serves: the rest needs nobody who waits
	}
	return observed, nil
}

// done is a rollout after the switch.
type done struct {
	strategy runtime.Strategy
	leaving  *release // what is still to be drained and stopped
}

func (s *service) observed(d done) runtime.Observed {
	o := runtime.Observed{}
	if present := s.present(); present != nil {
		o = present.observed()
	}
	o.Strategy = d.strategy
	return o
}

// apply brings the workload up to the switch.
func (s *service) apply(ctx context.Context, w runtime.Workload, t *teller) (done, error) {
	old := s.present()
	switch {
	case old == nil:
		return s.roll(ctx, w, runtime.StrategyStart, t)
	case old.w.SameButReplicas(w) && old.healthy():
		return s.scale(ctx, old, w, t)
	case old.observed().FixedPort:
		return s.replace(ctx, old, w, t)
	}
	d, err := s.roll(ctx, w, runtime.StrategyRolling, t)
	var taken *portTaken
	if errors.As(err, &taken) && taken.heldBy(old.pids()) {
		return s.replace(ctx, old, w, t)
	}
	return d, err
}

// roll starts the new release and switches to it.
func (s *service) roll(ctx context.Context, w runtime.Workload, strategy runtime.Strategy, t *teller) (done, error) {
	instances, err := s.launch(ctx, w, w.Replicas, t)
	if err != nil {
		return done{}, err
	}
	return done{strategy, s.switchTo(&release{w, strategy, instances}, t)}, nil
}

func (s *service) switchTo(next *release, t *teller) *release {
	before := s.swap(next)
	if next.w.Serves {
		t.tell(runtime.Progress{Step: runtime.StepSwitched, Text: "requests go to " + next.w.Release})
	}
	return before
}

// scale makes more or fewer instances of the release that serves.
func (s *service) scale(ctx context.Context, old *release, w runtime.Workload, t *teller) (done, error) {
	have := len(old.instances)
	if have == w.Replicas {
		return done{strategy: runtime.StrategyNone}, nil
	}
	if o := old.observed(); o.FixedPort && w.Replicas > 1 {
		return done{}, fixedPort(w, w.Replicas, o.Port)
	}
	next := &release{w, old.strategy, slices.Clone(old.instances[:min(have, w.Replicas)])}
	leaving := &release{w: w, instances: old.instances[len(next.instances):]}
	if w.Replicas > have {
		more, err := s.launch(ctx, w, w.Replicas-have, t)
		if err != nil {
			return done{}, err
		}
		next.instances = append(next.instances, more...)
	}
	s.switchTo(next, t)
	return done{runtime.StrategyScale, leaving}, nil
}

// replaceDrain is the most that requests in flight delay those that are held.
const replaceDrain = 5 * time.Second

// replace stops the old release before it starts the new one.
func (s *service) replace(ctx context.Context, old *release, w runtime.Workload, t *teller) (done, error) {
	if old.w.Serves {
		s.rt.opts.Router.Hold(s.key, true)
		defer s.rt.opts.Router.Hold(s.key, false)
		t.tell(runtime.Progress{Step: runtime.StepHeld, Text: "requests wait: the new release needs the port of the old one"})
	}
	s.swap(&release{w: old.w, strategy: old.strategy})
	s.retireWithin(old, min(old.w.Drain, replaceDrain), t)

	instances, err := s.launch(ctx, w, w.Replicas, t)
	if err == nil {
		s.switchTo(&release{w, runtime.StrategyReplace, instances}, t)
		return done{strategy: runtime.StrategyReplace}, nil
	}
	again, againErr := s.launch(s.rt.life, old.w, old.w.Replicas, t)
	if againErr != nil {
		s.swap(nil)
		return done{}, errors.Join(err, fmt.Errorf("and the release before does not start again: %w", againErr))
	}
	s.switchTo(&release{old.w, old.strategy, again}, t)
	return done{}, err
}

func fixedPort(w runtime.Workload, wanted, port int) *runtime.StartError {
	return &runtime.StartError{
		Key: w.Key, Release: w.Release, Reason: runtime.ReasonFixedPort,
		Detail: fmt.Sprintf("%d replicas wanted, but it listens on port %d whatever PORT says, so that one can run", wanted, port),
		Next:   []string{"let the program listen on $PORT, or run one replica"},
	}
}

// teller passes progress on, one at a time, until Apply returns.
type teller struct {
	mu      sync.Mutex
	observe runtime.Observer
}

func (t *teller) tell(p runtime.Progress) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.observe != nil {
		t.observe(p)
	}
}

func (t *teller) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.observe = nil
}
