package metrics

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// collector turns what a registry gathers into samples, as a scrape would.
type collector struct {
	gatherer prometheus.Gatherer

	mu      sync.Mutex
	series  map[string]*series // by name and labels; those of the last round
	round   uint64
	key     []byte
	builder labels.ScratchBuilder
}

// series is one that was appended before: its labels are not built again.
type series struct {
	ref    storage.SeriesRef
	labels labels.Labels
	round  uint64 // that last saw it
}

func newCollector(g prometheus.Gatherer) *collector {
	return &collector{gatherer: g, series: map[string]*series{}, builder: labels.NewScratchBuilder(8)}
}

// collect appends all metrics at the time, in one commit. What one metric
// cannot give does not keep out the others. A series that was there in the
// round before and is no more is marked stale, so that queries end it here.
func (c *collector) collect(app storage.Appender, at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	families, gatherErr := c.gatherer.Gather() // with an error it still returns what it could
	c.round++
	batch := &batch{collector: c, app: app, at: at.UnixMilli()}
	for _, f := range families {
		batch.family(f)
	}
	for key, s := range c.series {
		if s.round != c.round {
			_, err := app.Append(s.ref, s.labels, batch.at, math.Float64frombits(value.StaleNaN))
			batch.note(err)
			delete(c.series, key)
		}
	}
	if err := app.Commit(); err != nil {
		return errors.Join(gatherErr, fmt.Errorf("commit samples: %w", err))
	}
	if batch.refused > 0 {
		return errors.Join(gatherErr, fmt.Errorf("append samples: %d of %d refused: %w", batch.refused, batch.total, batch.err))
	}
	return gatherErr
}

// batch is one round.
type batch struct {
	*collector
	app            storage.Appender
	at             int64
	total, refused int
	err            error // the last refusal
}

func (b *batch) note(err error) {
	if b.total++; err != nil {
		b.refused++
		b.err = err
	}
}

func (b *batch) family(f *dto.MetricFamily) {
	name := f.GetName()
	for _, m := range f.GetMetric() {
		switch {
		case m.Counter != nil:
			b.add(name, "", m, "", "", m.Counter.GetValue(), created(m.Counter.GetCreatedTimestamp()))
		case m.Gauge != nil:
			b.add(name, "", m, "", "", m.Gauge.GetValue(), 0)
		case m.Untyped != nil:
			b.add(name, "", m, "", "", m.Untyped.GetValue(), 0)
		case m.Summary != nil:
			since := created(m.Summary.GetCreatedTimestamp())
			for _, q := range m.Summary.GetQuantile() {
				b.add(name, "", m, "quantile", float(q.GetQuantile()), q.GetValue(), 0)
			}
			b.add(name, "_sum", m, "", "", m.Summary.GetSampleSum(), since)
			b.add(name, "_count", m, "", "", float64(m.Summary.GetSampleCount()), since)
		case m.Histogram != nil:
			b.histogram(name, m)
		}
	}
}

func (b *batch) histogram(name string, m *dto.Metric) {
	h := m.Histogram
	since := created(h.GetCreatedTimestamp())
	count := float64(h.GetSampleCount())
	last := math.Inf(-1)
	for _, bucket := range h.GetBucket() {
		last = bucket.GetUpperBound()
		b.add(name, "_bucket", m, "le", float(last), float64(bucket.GetCumulativeCount()), since)
	}
	if !math.IsInf(last, 1) {
		b.add(name, "_bucket", m, "le", "+Inf", count, since)
	}
	b.add(name, "_sum", m, "", "", h.GetSampleSum(), since)
	b.add(name, "_count", m, "", "", count, since)
}

// add appends one sample. A counter that is seen for the first time gets a
// zero at the time it was made, if that is known: what it counted before the
// first round is an increase too.
func (b *batch) add(name, suffix string, m *dto.Metric, label, labelValue string, v float64, created int64) {
	key := append(append(b.key[:0], name...), suffix...)
	for _, l := range m.GetLabel() {
		key = append(append(append(append(key, 0xff), l.GetName()...), 0xfe), l.GetValue()...)
	}
	key = append(append(append(append(key, 0xff), label...), 0xfe), labelValue...)
	b.key = key
	s := b.series[string(key)]
	if s == nil {
		s = &series{labels: b.labels(name+suffix, m, label, labelValue)}
		b.series[string(key)] = s
		if created > 0 && created < b.at {
			// Refused where samples of an earlier process are newer: then
			// the counter's reset is seen without it.
			if ref, err := b.app.AppendCTZeroSample(0, s.labels, b.at, created); err == nil {
				s.ref = ref
			}
		}
	}
	s.round = b.round
	ref, err := b.app.Append(s.ref, s.labels, b.at, v)
	if err == nil {
		s.ref = ref
	}
	b.note(err)
}

func (b *batch) labels(name string, m *dto.Metric, label, labelValue string) labels.Labels {
	b.builder.Reset()
	b.builder.Add(model.MetricNameLabel, name)
	for _, l := range m.GetLabel() {
		if l.GetValue() != "" { // an empty label is an absent one
			b.builder.Add(l.GetName(), l.GetValue())
		}
	}
	if label != "" {
		b.builder.Add(label, labelValue)
	}
	b.builder.Sort()
	return b.builder.Labels()
}

// created gives the time a metric was made in Unix milliseconds, 0 if unknown.
func created(t *timestamppb.Timestamp) int64 {
	if t == nil {
		return 0
	}
	return t.AsTime().UnixMilli()
}

func float(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
