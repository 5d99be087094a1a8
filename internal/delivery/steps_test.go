package delivery

import (
	"testing"

	"github.com/stoa-platform/stoa/internal/runtime"
)

func TestVerified(t *testing.T) {
	for took, want := range map[int64]string{0: "GET /healthz answered 200 in <1 ms", 7: "GET /healthz answered 200 in 7 ms"} {
		if got := verified("health", runtime.Observed{Health: "/healthz", HealthStatus: 200, HealthMillis: took}); got != want {
			t.Errorf("%d ms is told as %q, want %q", took, got, want)
		}
	}
}
