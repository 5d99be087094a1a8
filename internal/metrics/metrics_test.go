package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoa-platform/stoa/internal/problem"
)

var names = TrafficNames{Requests: "requests_total", Duration: "duration_seconds"}

// process is a process with its registry, whose time the test moves.
type process struct {
	t        testing.TB
	db       *DB
	now      time.Time
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	reg      *prometheus.Registry
}

func start(t testing.TB, dir string, now time.Time) *process {
	t.Helper()
	p := &process{t: t, now: now, reg: prometheus.NewRegistry()}
	labels := []string{"service", "environment", "release"}
	p.requests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: names.Requests}, append(labels, "code"))
	p.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: names.Duration, Buckets: []float64{.1, .2, .4, .8}}, labels)
	p.reg.MustRegister(p.requests, p.duration)
	var err error
	p.db, err = Open(dir, Options{Gatherer: p.reg, Now: func() time.Time { return p.now }, Traffic: names})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *process) stop() {
	p.t.Helper()
	if err := p.db.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// tick passes 15 s and collects.
func (p *process) tick() {
	p.t.Helper()
	p.now = p.now.Add(15 * time.Second)
	if err := p.db.Collect(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) traffic(from time.Time) Traffic {
	p.t.Helper()
	tr, err := p.db.Traffic(p.t.Context(), TrafficQuery{Service: "shop", Environment: "dev", From: from, To: p.now, Step: time.Minute})
	if err != nil {
		p.t.Fatal(err)
	}
	return tr
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9+math.Abs(b)*0.01 }

func TestTraffic(t *testing.T) {
	dir := t.TempDir()
	begin := time.Now().UTC().Truncate(time.Minute)
	p := start(t, dir, begin)
	// 2 requests a second, a tenth of them failing, half of them in each of
	// two releases; durations even over 0 to 0.4 s.
	load := func(p *process, ticks int) {
		for range ticks {
			for i := range 30 {
				release := fmt.Sprint(i % 2)
				code := "2xx"
				if i%10 == 0 {
					code = "5xx"
				}
				p.requests.WithLabelValues("shop", "dev", release, code).Inc()
				p.duration.WithLabelValues("shop", "dev", release).Observe(0.4 * (float64(i) + 0.5) / 30)
				p.requests.WithLabelValues("other", "dev", "1", "5xx").Inc()
			}
			p.tick()
		}
	}
	load(p, 40) // 10 minutes
	check := func(tr Traffic, from int) {
		t.Helper()
		if len(tr.Requests) == 0 {
			t.Fatal("no points")
		}
		for i := from; i < len(tr.Requests); i++ {
			for _, c := range []struct {
				name   string
				points []Point
				want   float64
			}{
				{"requests/s", tr.Requests, 2}, {"error ratio", tr.ErrorRatio, 0.1},
				{"p50", tr.P50, 0.2}, {"p95", tr.P95, 0.38}, {"p99", tr.P99, 0.396},
			} {
				if len(c.points) <= i || !near(c.points[i].Value, c.want) {
					t.Errorf("%s at %d: %v, want %g", c.name, i, c.points, c.want)
				}
			}
		}
	}
	tr := p.traffic(begin)
	check(tr, 2)
	for _, c := range []struct {
		name string
		got  *float64
		want float64
	}{{"requests", tr.Window.Requests, 1200}, {"ratio", tr.Window.ErrorRatio, 0.1}, {"p95", tr.Window.P95, 0.38}} {
		if c.got == nil || math.Abs(*c.got-c.want) > c.want/20 {
			t.Errorf("window %s: %v, want %g", c.name, deref(c.got), c.want)
		}
	}

	// The process is restarted: all counters begin at zero, no number jumps.
	p.stop()
	p2 := start(t, dir, p.now)
	load(p2, 40)
	check(p2.traffic(p.now.Add(2*time.Minute)), 0)

	// The service idles: 0 requests is known, a ratio of none is not.
	idle := p2.now
	for range 40 {
		p2.tick()
	}
	tr = p2.traffic(idle.Add(2 * time.Minute))
	for _, point := range tr.Requests {
		if point.Value != 0 {
			t.Errorf("idle service has %v requests/s", point)
		}
	}
	if len(tr.Requests) == 0 || tr.ErrorRatio != nil || tr.P95 != nil {
		t.Errorf("idle service: %+v", tr)
	}
	// Nobody looks for an hour: that is no data, not zero.
	p2.now = p2.now.Add(time.Hour)
	tr = p2.traffic(p2.now.Add(-30 * time.Minute))
	if tr.Requests != nil || tr.ErrorRatio != nil || tr.P50 != nil || tr.Window.Requests != nil || tr.Window.P99 != nil {
		t.Errorf("no data, but %+v", tr)
	}
	p2.stop()
}

func deref(v *float64) any {
	if v == nil {
		return "no data"
	}
	return *v
}

// What is counted before the first sample of a new series is an increase.
func TestFirstRequestsCount(t *testing.T) {
	begin := time.Now()
	p := start(t, t.TempDir(), begin)
	defer p.stop()
	p.requests.WithLabelValues("shop", "dev", "1", "2xx").Add(60)
	p.tick()
	p.tick()
	p.tick()
	p.tick()
	got, err := p.db.Instant(t.Context(), `sum(increase(requests_total[1m]))`, p.now)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Value < 55 || got[0].Value > 81 {
		t.Errorf("increase = %v, want about 60", got)
	}
}

func TestSeriesThatGoesEndsAtOnce(t *testing.T) {
	p := start(t, t.TempDir(), time.Now())
	defer p.stop()
	p.requests.WithLabelValues("shop", "dev", "1", "2xx").Inc()
	p.tick()
	if got, err := p.db.Instant(t.Context(), "requests_total", p.now); err != nil || len(got) != 1 || got[0].Labels["service"] != "shop" {
		t.Fatalf("%v, %v", got, err)
	}
	p.requests.Reset()
	p.tick()
	if got, err := p.db.Instant(t.Context(), "requests_total", p.now); err != nil || len(got) != 0 {
		t.Errorf("gone, but %v, %v", got, err)
	}
	p.requests.WithLabelValues("shop", "dev", "1", "2xx").Add(7)
	p.tick()
	if got, err := p.db.Instant(t.Context(), "requests_total", p.now); err != nil || len(got) != 1 || got[0].Value != 7 {
		t.Errorf("back, but %v, %v", got, err)
	}
}

func TestAllKindsOfMetric(t *testing.T) {
	p := start(t, t.TempDir(), time.Now())
	defer p.stop()
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "temperature", ConstLabels: prometheus.Labels{"room": `a "b"`}})
	summary := prometheus.NewSummary(prometheus.SummaryOpts{Name: "size", Objectives: map[float64]float64{.5: .01}})
	untyped := prometheus.NewUntypedFunc(prometheus.UntypedOpts{Name: "raw"}, func() float64 { return 3 })
	broken := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "nan"}, math.NaN)
	p.reg.MustRegister(gauge, summary, untyped, broken)
	gauge.Set(-4)
	summary.Observe(9)
	p.duration.WithLabelValues("shop", "", "1").Observe(.3)
	p.tick()
	for expr, want := range map[string]float64{
		`temperature{room="a \"b\""}`:               -4,
		`size{quantile="0.5"}`:                      9,
		`size_sum`:                                  9,
		`size_count`:                                1,
		`raw`:                                       3,
		`duration_seconds_bucket{le="0.2"}`:         0,
		`duration_seconds_bucket{le="0.4"}`:         1,
		`duration_seconds_bucket{le="+Inf"}`:        1,
		`duration_seconds_sum{environment=""}`:      .3,
		`duration_seconds_count{service="shop"}`:    1,
		`count({__name__=~"duration_seconds.+"})`:   7,
		`scalar(sum(duration_seconds_count)) + 0.5`: 1.5,
	} {
		got, err := p.db.Instant(t.Context(), expr, p.now)
		if err != nil || len(got) != 1 || got[0].Value != want {
			t.Errorf("%s = %v, %v, want %g", expr, got, err, want)
		}
	}
	if got, err := p.db.Instant(t.Context(), "nan", p.now); err != nil || len(got) != 0 {
		t.Errorf("not a number, but %v, %v", got, err)
	}
}

func TestWrongQueries(t *testing.T) {
	p := start(t, t.TempDir(), time.Now())
	defer p.stop()
	now := p.now
	for _, q := range []Query{
		{"sum(", now.Add(-time.Hour), now, time.Minute},
		{"up", now.Add(-time.Hour), now, 0},
		{"up", now.Add(time.Hour), now, time.Minute},
		{"up", now.Add(-1000 * time.Hour), now, time.Second},
		{"up[5m]", now.Add(-time.Hour), now, time.Minute},
	} {
		var told *problem.Problem
		if _, err := p.db.Range(t.Context(), q); !errors.As(err, &told) || told.Kind != problem.Invalid {
			t.Errorf("%+v: %v", q, err)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.db.Range(cancelled, Query{"up", now.Add(-time.Hour), now, time.Minute}); err == nil {
		t.Error("a cancelled query succeeded")
	}
	if got, err := p.db.Range(t.Context(), Query{"up", now.Add(-time.Hour), now, time.Minute}); got != nil || err != nil {
		t.Errorf("no data: %v, %v", got, err)
	}
}

func TestClockGoesBack(t *testing.T) {
	p := start(t, t.TempDir(), time.Now())
	defer p.stop()
	counter := p.requests.WithLabelValues("shop", "dev", "1", "2xx")
	counter.Inc()
	p.tick()
	p.now = p.now.Add(-time.Minute)
	if err := p.db.Collect(t.Context()); err == nil || !strings.Contains(err.Error(), "1 of 1 refused") {
		t.Errorf("samples of the past: %v", err)
	}
	p.now = p.now.Add(time.Minute)
	counter.Inc()
	p.tick()
	if got, err := p.db.Instant(t.Context(), "requests_total", p.now); err != nil || len(got) != 1 || got[0].Value != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRetention(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "g"}, func() float64 { return 1 }))
	begin := time.Now().Truncate(24 * time.Hour)
	now := begin
	db, err := Open(t.TempDir(), Options{Gatherer: reg, Retention: 24 * time.Hour, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for now.Before(begin.Add(72 * time.Hour)) {
		now = now.Add(time.Minute)
		if err := db.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if now.Sub(begin)%(2*time.Hour) == 0 {
			if err := db.tsdb.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := db.Range(t.Context(), Query{"g", begin, now, 10 * time.Minute})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	first, last := got[0].Points[0].Time, got[0].Points[len(got[0].Points)-1].Time
	if age := now.Sub(first); age < 24*time.Hour || age > 32*time.Hour || !last.Equal(now.UTC().Truncate(time.Millisecond)) {
		t.Errorf("kept from %s to %s before now, want a day", age, now.Sub(last))
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		var gathered int
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gathered"}, func() float64 { gathered++; return float64(gathered) }))
		db, err := Open(dir, Options{Gatherer: reg})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 155*time.Second)
		defer cancel()
		if err := db.Run(ctx); err != nil {
			t.Error(err)
		}
		if gathered != 12 { // at once, 10 times, at the end
			t.Errorf("collected %d times in 155 s", gathered)
		}
		if got, err := db.Instant(t.Context(), "gathered", time.Now()); err != nil || len(got) != 1 || got[0].Value != 12 {
			t.Errorf("%v, %v", got, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What was collected before a SIGKILL is there after it.
func TestKill(t *testing.T) {
	if dir := os.Getenv("STOA_METRICS_COLLECT_UNTIL_KILLED"); dir != "" {
		p := start(t, dir, time.Unix(1_790_000_000, 0))
		for i := 1; ; i++ {
			p.requests.WithLabelValues("shop", "dev", "1", "2xx").Inc()
			p.tick()
			fmt.Println(i) // acknowledged
		}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), "STOA_METRICS_COLLECT_UNTIL_KILLED="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := 0
	for acked < 200 {
		if _, err := fmt.Fscanln(out, &acked); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Process.Signal(syscall.SIGKILL)
	for {
		if _, err := fmt.Fscanln(out, &acked); err != nil {
			break
		}
	}
	cmd.Wait()
	at := time.Unix(1_790_000_000, 0).Add(time.Duration(acked) * 15 * time.Second)
	p := start(t, dir, at)
	defer p.stop()
	got, err := p.db.Instant(t.Context(), "requests_total", at)
	if err != nil || len(got) != 1 || got[0].Value != float64(acked) {
		t.Errorf("after the kill %v, %v; %d were acknowledged", got, err, acked)
	}
	if _, err := Open(dir, Options{Gatherer: p.reg}); err == nil {
		t.Error("opened twice")
	}
}

func TestHandler(t *testing.T) {
	p := start(t, t.TempDir(), time.Now())
	defer p.stop()
	p.requests.WithLabelValues("shop", "dev", "1", "2xx").Inc()
	for accept, want := range map[string]string{
		"": "text/plain", "application/openmetrics-text;version=1.0.0": "application/openmetrics-text",
	} {
		w := httptest.NewRecorder()
		req := httptest.NewRequest("GET", "/metrics", nil)
		req.Header.Set("Accept", accept)
		p.db.Handler().ServeHTTP(w, req)
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), want) ||
			!strings.Contains(w.Body.String(), `requests_total{code="2xx",environment="dev",release="1",service="shop"} 1`) {
			t.Errorf("%q: %d %v\n%s", accept, w.Code, w.Header(), w.Body)
		}
	}
}

func TestCollectWhileQueried(t *testing.T) {
	p := start(t, t.TempDir(), time.Now())
	defer p.stop()
	begin := p.now
	var readers sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for range 2 {
		readers.Go(func() {
			for ctx.Err() == nil {
				if _, err := p.db.Range(t.Context(), Query{"sum(rate(requests_total[1m]))", begin, begin.Add(time.Hour), time.Minute}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 200 {
		p.requests.WithLabelValues("shop", "dev", "1", "2xx").Inc()
		p.tick()
	}
	cancel()
	readers.Wait()
}
