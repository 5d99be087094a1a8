package app

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoa-platform/stoa/internal/event"
)

// projections exports how far the summaries have taken in the ledger, so that one
// that stands still wakes somebody.
type projections struct {
	store interface {
		Projections(ctx context.Context) ([]event.Projection, error)
	}
	log *slog.Logger
}

var (
	projectionLag     = prometheus.NewDesc("stoa_projection_lag_events", "Events that the summary has not taken in yet.", []string{"projection"}, nil)
	projectionStopped = prometheus.NewDesc("stoa_projection_stopped", "1 while the summary stands still at an event that it cannot take in, else 0.", []string{"projection"}, nil)
)

// Describe names what is exported.
func (projections) Describe(ch chan<- *prometheus.Desc) {
	ch <- projectionLag
	ch <- projectionStopped
}

// Collect gives the present state of all summaries.
func (p projections) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scoresTime)
	defer cancel()
	all, err := p.store.Projections(ctx)
	if err != nil {
		p.log.Warn("the summaries' lag is not exported", "error", err)
		return
	}
	for _, one := range all {
		stopped := 0.0
		if one.ErrorSeq != 0 {
			stopped = 1
		}
		ch <- prometheus.MustNewConstMetric(projectionLag, prometheus.GaugeValue, float64(one.Lag()), one.Name)
		ch <- prometheus.MustNewConstMetric(projectionStopped, prometheus.GaugeValue, stopped, one.Name)
	}
}
