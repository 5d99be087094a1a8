// Package metrics keeps the numbers of the process over time, in Prometheus'
// own time series database, and answers PromQL over them.
//
// What is registered with the process's Prometheus registry is gathered every
// few seconds and appended, as a Prometheus server would have scraped it:
// counters, gauges, summaries and the classic buckets of histograms. Where
// there is no sample there is no point in an answer, never a zero.
package metrics

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/compression"
)

// Options configure a DB. The zero value of each field but Gatherer is usable.
type Options struct {
	Gatherer  prometheus.Gatherer // what is kept; required
	Interval  time.Duration       // between two samples; 15 s
	Retention time.Duration       // 15 days
	MaxBytes  int64               // of complete blocks on disk; 2 GB
	Now       func() time.Time    // nil is time.Now
	Logger    *slog.Logger        // warnings and errors; nil discards
	Traffic   TrafficNames        // the metrics behind DB.Traffic, which needs them
}

// DB is the numbers over time. Its methods may be called concurrently.
type DB struct {
	opts      Options
	tsdb      *tsdb.DB
	engine    *promql.Engine
	collector *collector
}

// Open opens the database in the directory, which is made if it is missing,
// and replays what was written since the last complete block: nothing that was
// collected is lost by a kill. One process at a time may have it open.
func Open(dir string, opts Options) (*DB, error) {
	opts.Interval = cmp.Or(opts.Interval, 15*time.Second)
	opts.Retention = cmp.Or(opts.Retention, 15*24*time.Hour)
	opts.MaxBytes = cmp.Or(opts.MaxBytes, 2<<30)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open metrics: %w", err)
	}
	o := tsdb.DefaultOptions()
	o.RetentionDuration = opts.Retention.Milliseconds()
	o.MaxBytes = opts.MaxBytes
	o.MaxBlockDuration = max(o.MinBlockDuration, o.RetentionDuration/10)
	o.WALCompression = compression.Snappy
	// Prometheus' defaults are for millions of series; these save some 10 MB.
	o.StripeSize = 1 << 10
	o.HeadChunksWriteBufferSize = chunks.MinWriteBufferSize
	o.WALSegmentSize = 16 << 20
	logger := slog.New(quiet{opts.Logger.Handler()})
	db, err := tsdb.Open(dir, logger, nil, o, nil)
	if err != nil {
		return nil, fmt.Errorf("open metrics in %s: %w", dir, err)
	}
	return &DB{
		opts:      opts,
		tsdb:      db,
		collector: newCollector(opts.Gatherer),
		engine: promql.NewEngine(promql.EngineOpts{
			Logger:        logger,
			MaxSamples:    5_000_000,
			Timeout:       30 * time.Second,
			LookbackDelta: 5 * opts.Interval, // a gap is a gap soon
			NoStepSubqueryIntervalFn: func(int64) int64 {
				return opts.Interval.Milliseconds()
			},
			EnableAtModifier: true, EnableNegativeOffset: true,
		}),
	}, nil
}

// Run collects at once and then at every interval until the context ends, and
// once more then, so that the last numbers of a process are kept.
func (d *DB) Run(ctx context.Context) error {
	ticker := time.NewTicker(d.opts.Interval)
	defer ticker.Stop()
	var failed bool
	for {
		err := d.Collect(context.WithoutCancel(ctx))
		if err != nil && !failed {
			d.opts.Logger.Warn("collect metrics", "err", err)
		}
		failed = err != nil
		if ctx.Err() != nil {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// Collect gathers all metrics now and appends them.
func (d *DB) Collect(ctx context.Context) error {
	return d.collector.collect(d.tsdb.Appender(ctx), d.opts.Now())
}

// Close flushes and closes the database. Queries that run are waited for.
func (d *DB) Close() error {
	if err := d.engine.Close(); err != nil {
		return fmt.Errorf("close metrics: %w", err)
	}
	if err := d.tsdb.Close(); err != nil {
		return fmt.Errorf("close metrics: %w", err)
	}
	return nil
}

// Handler serves the present numbers in the formats of Prometheus and
// OpenMetrics, with those of more.
func (d *DB) Handler(more ...prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(append(prometheus.Gatherers{d.opts.Gatherer}, more...), promhttp.HandlerOpts{
		EnableOpenMetrics: true,
		ErrorLog:          slog.NewLogLogger(d.opts.Logger.Handler(), slog.LevelWarn),
		ErrorHandling:     promhttp.ContinueOnError,
	})
}

// quiet passes warnings and errors only: the database reports each step of
// its replay and compaction as information.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }
