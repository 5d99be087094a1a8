package app

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// stepTimer measures how long the steps of releases take, for Prometheus.
type stepTimer struct {
	seconds *prometheus.HistogramVec
	clock   func() time.Time
	// then hears of the same edges. Set before the workers start; may be nil.
	then func(release, step string, done bool)

	mu      sync.Mutex
	started map[stepKey]time.Time
}

type stepKey struct{ release, step string }

func newStepTimer(r prometheus.Registerer, clock func() time.Time) *stepTimer {
	t := &stepTimer{clock: clock, started: map[stepKey]time.Time{}}
	t.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "stoa_release_step_seconds", Help: "Time that a step of a release took, whether it succeeded or not.",
		Buckets: []float64{.01, .03, .1, .3, 1, 3, 10, 30, 100, 300, 1000},
	}, []string{"step"})
	r.MustRegister(t.seconds)
	return t
}

// edge is delivery.Options.StepEdge. A step that was interrupted and begins
// again is measured from its last beginning. What is taken before there is a
// release is a part of the request, and measured with that.
func (t *stepTimer) edge(release, step string, done bool) {
	if release != "" {
		t.measure(stepKey{release, step}, done)
	}
	if t.then != nil {
		t.then(release, step, done)
	}
}

func (t *stepTimer) measure(key stepKey, done bool) {
	now := t.clock()
	t.mu.Lock()
	began, known := t.started[key]
	if done {
		delete(t.started, key)
	} else {
		t.started[key] = now
	}
	t.mu.Unlock()
	if done && known {
		t.seconds.WithLabelValues(key.step).Observe(now.Sub(began).Seconds())
	}
}
