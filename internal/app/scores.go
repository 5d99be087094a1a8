package app

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/object"
)

// scores exports the balanced scorecard to whoever scrapes the platform. A
// measure without data has no sample: a dashboard shows a gap, never 0.
type scores struct {
	engine  *measure.Engine
	objects object.Reader
	clock   func() time.Time
	log     *slog.Logger

	mu   sync.Mutex
	at   time.Time
	card measure.Computed
}

// Scores are computed anew when a scrape finds them older than this.
const scoresFor = 5 * time.Minute

// scoresTime bounds the computation, so that no scrape hangs on it.
const scoresTime = 5 * time.Second

var (
	scoreValue  = prometheus.NewDesc("stoa_measure", "Value of a measure of the balanced scorecard over its days, in the unit that its label says.", []string{"measure", "unit"}, nil)
	scoreLow    = prometheus.NewDesc("stoa_measure_interval_low", "Low end of the 95 % interval.", []string{"measure"}, nil)
	scoreHigh   = prometheus.NewDesc("stoa_measure_interval_high", "High end of the 95 % interval.", []string{"measure"}, nil)
	scoreN      = prometheus.NewDesc("stoa_measure_observations", "On how many observations the value rests.", []string{"measure"}, nil)
	scoreTarget = prometheus.NewDesc("stoa_measure_target", "What the value shall be compared with.", []string{"measure", "op"}, nil)
)

// Describe names what is exported.
func (s *scores) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{scoreValue, scoreLow, scoreHigh, scoreN, scoreTarget} {
		ch <- d
	}
}

// Collect gives the scorecard's present values.
func (s *scores) Collect(ch chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, v float64, labels ...string) {
		if !math.IsInf(v, 0) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
		}
	}
	for _, r := range s.rows() {
		if r.Target != nil && !r.Target.Relative {
			send(scoreTarget, r.Target.Value, r.Measure, r.Target.Op)
			if r.Target.AtMost != nil {
				send(scoreTarget, *r.Target.AtMost, r.Measure, "<=")
			}
		}
		if r.Value == nil {
			continue
		}
		send(scoreValue, *r.Value, r.Measure, string(r.Unit))
		send(scoreN, float64(r.N), r.Measure)
		if r.Interval != nil {
			send(scoreLow, r.Interval.Low, r.Measure)
			send(scoreHigh, r.Interval.High, r.Measure)
		}
	}
}

// rows computes the scorecard, or gives the last one that could be.
func (s *scores) rows() []measure.Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	if now.Sub(s.at) < scoresFor {
		return s.card.Rows
	}
	ctx, cancel := context.WithTimeout(context.Background(), scoresTime)
	defer cancel()
	card, err := s.compute(ctx, now)
	s.at = now
	if err != nil {
		s.log.Warn("the scorecard is not exported", "error", err)
		s.card = measure.Computed{} // nothing is better than what was true once
		return nil
	}
	s.card = card
	return card.Rows
}

func (s *scores) compute(ctx context.Context, now time.Time) (measure.Computed, error) {
	spec, err := measure.SpecOf(ctx, s.objects, measure.BalancedName)
	if err != nil {
		return measure.Computed{}, err
	}
	days := int64(spec.Days)
	if days == 0 {
		days = measure.UsualDays
	}
	to := measure.Day(now) + 1
	return s.engine.Score(ctx, measure.BalancedName, spec, measure.Scope{From: to - days, To: to})
}
