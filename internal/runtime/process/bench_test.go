//go:build linux || darwin

package process_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/runtime/process"
)

// BenchmarkApply compares, in pairs, Apply until the workload is healthy with a
// bare exec of the same program until its first 200. It reports both medians
// and the median of what Apply takes more, in milliseconds.
func BenchmarkApply(b *testing.B) {
	rt, err := process.New(b.Context(), process.Options{State: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer rt.Close(context.Background())
	w := runtime.Workload{
		Key: runtime.Key{Service: "bench", Environment: "dev"}, Release: "bench-1",
		Dir: filepath.Dir(program), Command: []string{program}, Serves: true, Health: "/healthz",
	}
	var bare, apply, more []float64
	for b.Loop() {
		one := bareStart(b)
		began := time.Now()
		if _, err := rt.Apply(b.Context(), w, nil); err != nil {
			b.Fatal(err)
		}
		two := time.Since(began)
		if err := rt.Remove(b.Context(), w.Key); err != nil {
			b.Fatal(err)
		}
		bare, apply, more = append(bare, millis(one)), append(apply, millis(two)), append(more, millis(two-one))
	}
	b.ReportMetric(median(bare), "bare-ms")
	b.ReportMetric(median(apply), "apply-ms")
	b.ReportMetric(median(more), "more-ms")
}

func bareStart(b *testing.B) time.Duration {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	cmd := exec.CommandContext(b.Context(), program)
	cmd.Env = []string{fmt.Sprintf("PORT=%s", addr[len("127.0.0.1:"):])}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	for {
		resp, err := client.Get("http://" + addr + "/healthz")
		if err == nil {
			resp.Body.Close()
			break
		}
		time.Sleep(200 * time.Microsecond)
	}
	took := time.Since(began)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return took
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
