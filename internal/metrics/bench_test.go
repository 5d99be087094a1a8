package metrics

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// BenchmarkOpen is what the database adds to the start of the process: empty,
// and with an hour of 50 services to replay.
func BenchmarkOpen(b *testing.B) {
	for _, ticks := range []int{0, 240} {
		b.Run(fmt.Sprintf("replay=%d", ticks), func(b *testing.B) {
			dir := b.TempDir()
			p := start(b, dir, time.Now())
			serve(p, 50)
			for range ticks {
				p.tick()
			}
			p.stop()
			for b.Loop() {
				db, err := Open(dir, Options{Gatherer: prometheus.NewRegistry()})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				db.Close()
				b.StartTimer()
			}
		})
	}
}

// BenchmarkCollect is one round for 50 running services.
func BenchmarkCollect(b *testing.B) {
	p := start(b, b.TempDir(), time.Now())
	defer p.stop()
	serve(p, 50)
	b.ReportAllocs()
	for b.Loop() {
		p.tick()
	}
}

// BenchmarkTraffic is the chart of a service over six hours.
func BenchmarkTraffic(b *testing.B) {
	p := start(b, b.TempDir(), time.Now())
	defer p.stop()
	serve(p, 50)
	from := p.now
	for range 6 * 240 {
		p.tick()
	}
	q := TrafficQuery{Service: "s1", Environment: "dev", From: from, To: p.now, Step: 2 * time.Minute}
	for b.Loop() {
		if _, err := p.db.Traffic(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}

func serve(p *process, services int) {
	for i := range services {
		service := fmt.Sprint("s", i)
		for _, code := range []string{"1xx", "2xx", "3xx", "4xx", "5xx"} {
			p.requests.WithLabelValues(service, "dev", "1", code).Inc()
		}
		p.duration.WithLabelValues(service, "dev", "1").Observe(.1)
	}
}
