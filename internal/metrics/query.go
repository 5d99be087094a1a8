package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"github.com/stoa-platform/stoa/internal/problem"
)

// MaxPoints bounds the points of each series in an answer.
const MaxPoints = 11_000

// Query asks for the value of an expression at each step of a window.
type Query struct {
	Expr     string // PromQL
	From, To time.Time
	Step     time.Duration
}

// Series is one line of an answer. Steps without data are left out.
type Series struct {
	Labels map[string]string
	Points []Point
}

// Point is one value at one time.
type Point struct {
	Time  time.Time `json:"time"`
	Value float64   `json:"value"`
}

// Sample is the value of one series at the time that was asked for.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// Range evaluates the expression over the window. Without data the answer is
// empty. A wrong query is a problem.Invalid.
func (d *DB) Range(ctx context.Context, q Query) ([]Series, error) {
	switch {
	case q.Step <= 0:
		return nil, problem.New(problem.Invalid, "query step is %s, must be positive", q.Step)
	case q.To.Before(q.From):
		return nil, problem.New(problem.Invalid, "query window ends at %s, before it begins at %s",
			q.To.Format(time.RFC3339), q.From.Format(time.RFC3339))
	case q.To.Sub(q.From)/q.Step >= MaxPoints:
		return nil, problem.New(problem.Invalid, "query asks for %d points, at most %d are given", q.To.Sub(q.From)/q.Step+1, MaxPoints).
			Do("use a longer step or a shorter window")
	}
	query, err := d.engine.NewRangeQuery(ctx, d.tsdb, nil, q.Expr, q.From, q.To, q.Step)
	if err != nil {
		return nil, problem.New(problem.Invalid, "query %q: %w", q.Expr, err)
	}
	defer query.Close()
	result := query.Exec(ctx)
	if result.Err != nil {
		return nil, excess(q.Expr, result.Err)
	}
	matrix, err := result.Matrix()
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", q.Expr, err)
	}
	var out []Series
	for _, s := range matrix {
		points := make([]Point, 0, len(s.Floats))
		for _, p := range s.Floats {
			if isNumber(p.F) {
				points = append(points, Point{time.UnixMilli(p.T).UTC(), p.F})
			}
		}
		if len(points) > 0 {
			out = append(out, Series{labelMap(s.Metric), points})
		}
	}
	return out, nil
}

// Instant evaluates the expression at one time.
func (d *DB) Instant(ctx context.Context, expr string, at time.Time) ([]Sample, error) {
	query, err := d.engine.NewInstantQuery(ctx, d.tsdb, nil, expr, at)
	if err != nil {
		return nil, problem.New(problem.Invalid, "query %q: %w", expr, err)
	}
	defer query.Close()
	result := query.Exec(ctx)
	if result.Err != nil {
		return nil, excess(expr, result.Err)
	}
	var out []Sample
	switch v := result.Value.(type) {
	case promql.Vector:
		for _, s := range v {
			if isNumber(s.F) {
				out = append(out, Sample{labelMap(s.Metric), s.F})
			}
		}
	case promql.Scalar:
		if isNumber(v.V) {
			out = append(out, Sample{nil, v.V})
		}
	default:
		return nil, problem.New(problem.Invalid, "query %q gives a %s, not one value a series", expr, result.Value.Type())
	}
	return out, nil
}

// isNumber tells a value from the results of 0/0 and x/0, which are no data.
func isNumber(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func labelMap(l labels.Labels) map[string]string {
	m := make(map[string]string, l.Len())
	l.Range(func(l labels.Label) { m[l.Name] = l.Value })
	return m
}

// excess tells a query that takes too much from a fault of the database.
func excess(expr string, err error) error {
	var tooMany promql.ErrTooManySamples
	var timeout promql.ErrQueryTimeout
	if errors.As(err, &tooMany) || errors.As(err, &timeout) {
		return problem.New(problem.TooLarge, "query %q: %w", expr, err).Do("use a longer step or a shorter window")
	}
	return fmt.Errorf("query %q: %w", expr, err)
}
