package portal_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoa-platform/stoa/internal/metrics"
	"github.com/stoa-platform/stoa/internal/route"
)

// traffic sends requests to the seeded services until the context ends.
func (s *site) traffic(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		_ = s.visit(ctx, "hello.dev", "/ann")
		if n%3 == 0 {
			_ = s.visit(ctx, "checkout.dev", "/")
		}
		if n%5 == 0 {
			_ = s.visit(ctx, "hello.production", "/bob")
		}
		pause := time.Duration(20+(n%37)*4) * time.Millisecond
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// TestScreenshots takes the pictures of the documentation. With
// STOA_SCREENSHOTS, as make screenshots sets it, they are put there.
func TestScreenshots(t *testing.T) {
	data := t.TempDir()
	if err := hourBefore(t.Context(), filepath.Join(data, "metrics"), time.Now()); err != nil {
		t.Fatal(err)
	}
	s, err := start(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	if err := s.seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.traffic(ctx)
	b := s.open(t, true)
	b.signIn()
	for _, p := range []struct{ picture, path, theme string }{
		{"portal-home", "/", "light"},
		{"portal-service", "/services/hello?env=dev&range=15m", "light"},
		{"portal-service-dark", "/services/hello?env=dev&range=15m", "dark"},
	} {
		b.look(p.theme, 1440)
		b.goTo(p.path)
		b.comesToBe(`document.querySelector("svg path")`)
		b.picture(p.picture)
		if to := os.Getenv("STOA_SCREENSHOTS"); to != "" {
			keep(t, to, p.picture)
		}
	}
	b.silent("pages")
}

// hourBefore writes the numbers of an hour up to now into the database of a
// platform that is yet to start, in steps as it would have collected them: a
// chart of real traffic takes as long as the time that it shows.
func hourBefore(ctx context.Context, dir string, now time.Time) error {
	const step = 15 * time.Second
	registry := prometheus.NewRegistry()
	labels := []string{"service", "environment", "release"}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: route.RequestsTotal}, append(labels, "code"))
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: route.DurationSeconds, Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1}}, labels)
	registry.MustRegister(requests, durations)
	at := now.Add(-time.Hour)
	db, err := metrics.Open(dir, metrics.Options{Gatherer: registry, Interval: step, Now: func() time.Time { return at }})
	if err != nil {
		return err
	}
	for n := 0; at.Before(now); n++ {
		for _, s := range []struct {
			service, environment string
			each                 int // requests in a step
		}{{"hello", "dev", 120}, {"checkout", "dev", 45}, {"index", "dev", 80}} {
			// A day has its waves, and so has an hour.
			for i := range s.each + (n*n)%(s.each/4) + s.each*(n%40)/80 {
				code := "2xx"
				if (n+18)%60 < 4 && i%50 == 0 {
					code = "5xx"
				}
				requests.WithLabelValues(s.service, s.environment, s.service+"-1", code).Inc()
				durations.WithLabelValues(s.service, s.environment, s.service+"-1").Observe(0.0004 * float64(1+(i+n)%11) * float64(20+n*n%13) / 20)
			}
		}
		if err := db.Collect(ctx); err != nil {
			_ = db.Close()
			return err
		}
		at = at.Add(step)
	}
	return db.Close()
}

// keep copies a picture to where the documentation shows it.
func keep(t *testing.T, to, name string) {
	t.Helper()
	png, err := os.ReadFile(filepath.Join(output(), name+".png"))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, name+".png"), png, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
