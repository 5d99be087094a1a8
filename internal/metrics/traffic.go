package metrics

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// TrafficNames are the metrics that count requests to services: a counter with
// the label "code" (1xx to 5xx) and a histogram in seconds, both with the
// labels service, environment and release.
type TrafficNames struct{ Requests, Duration string }

// TrafficQuery asks for the traffic of a service in the window.
type TrafficQuery struct {
	Service, Environment string
	From, To             time.Time
	Step                 time.Duration
}

// Traffic is what a service's page shows. A step without requests has a point
// in Requests (0) but none in the others; one without data has none at all.
type Traffic struct {
	Requests   []Point `json:"requests"`   // per second
	ErrorRatio []Point `json:"errorRatio"` // 5xx of all, 0 to 1
	P50        []Point `json:"p50"`        // seconds
	P95        []Point `json:"p95"`        // seconds
	P99        []Point `json:"p99"`        // seconds
	Window     Summary `json:"window"`
}

// Summary is over the whole window; nil is no data.
type Summary struct {
	Requests   *float64 `json:"requests"`   // how many, extrapolated to the edges of the window
	ErrorRatio *float64 `json:"errorRatio"` // 0 to 1
	P50        *float64 `json:"p50"`        // seconds
	P95        *float64 `json:"p95"`        // seconds
	P99        *float64 `json:"p99"`        // seconds
}

// Traffic gives requests, errors and durations by step, each point over the
// step before it, or over four samples if the step is shorter.
func (d *DB) Traffic(ctx context.Context, q TrafficQuery) (Traffic, error) {
	var out Traffic
	if d.opts.Traffic.Requests == "" || d.opts.Traffic.Duration == "" {
		return out, errors.New("read traffic: the database was opened without the names of its metrics")
	}
	window := max(q.Step, 4*d.opts.Interval)
	for _, line := range []struct {
		points *[]Point
		expr   func(window time.Duration) string
		whole  **float64
	}{
		{&out.Requests, d.rate(q), nil},
		{&out.ErrorRatio, d.errorRatio(q), &out.Window.ErrorRatio},
		{&out.P50, d.quantile(q, 0.50), &out.Window.P50},
		{&out.P95, d.quantile(q, 0.95), &out.Window.P95},
		{&out.P99, d.quantile(q, 0.99), &out.Window.P99},
		{nil, d.increase(q), &out.Window.Requests},
	} {
		if line.points != nil {
			series, err := d.Range(ctx, Query{line.expr(window), q.From, q.To, q.Step})
			if err != nil {
				return Traffic{}, err
			}
			if len(series) > 0 { // each expression gives one series at most
				*line.points = series[0].Points
			}
		}
		if line.whole != nil && q.To.Sub(q.From) >= time.Second {
			samples, err := d.Instant(ctx, line.expr(q.To.Sub(q.From)), q.To)
			if err != nil {
				return Traffic{}, err
			}
			if len(samples) > 0 {
				*line.whole = &samples[0].Value
			}
		}
	}
	return out, nil
}

func (q TrafficQuery) selector(metric, more string) string {
	return metric + "{service=" + strconv.Quote(q.Service) + ",environment=" + strconv.Quote(q.Environment) + more + "}"
}

// span writes a duration for PromQL.
func span(d time.Duration) string { return fmt.Sprintf("[%dms]", d.Milliseconds()) }

func (d *DB) rate(q TrafficQuery) func(time.Duration) string {
	return func(w time.Duration) string {
		return "sum(rate(" + q.selector(d.opts.Traffic.Requests, "") + span(w) + "))"
	}
}

func (d *DB) increase(q TrafficQuery) func(time.Duration) string {
	return func(w time.Duration) string {
		return "sum(increase(" + q.selector(d.opts.Traffic.Requests, "") + span(w) + "))"
	}
}

// errorRatio divides 5xx by all; a service that has never had a 5xx has a
// ratio of 0, one without requests has none.
func (d *DB) errorRatio(q TrafficQuery) func(time.Duration) string {
	return func(w time.Duration) string {
		all := "sum(rate(" + q.selector(d.opts.Traffic.Requests, "") + span(w) + "))"
		failed := "sum(rate(" + q.selector(d.opts.Traffic.Requests, `,code="5xx"`) + span(w) + "))"
		return "(" + failed + " or " + all + " * 0) / " + all
	}
}

func (d *DB) quantile(q TrafficQuery, p float64) func(time.Duration) string {
	return func(w time.Duration) string {
		return fmt.Sprintf("histogram_quantile(%g, sum by (le) (rate(%s%s)))", p, q.selector(d.opts.Traffic.Duration+"_bucket", ""), span(w))
	}
}
