package config_test

import (
	"testing"

	"github.com/stoa-platform/stoa/internal/config"
)

func TestSameAddress(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"http://localhost:7911", "http://localhost:7911", true},
		{"http://127.0.0.1:7911", "http://localhost:7911", true},
		{"http://[::1]:7911/", "http://localhost:7911", true},
		{"http://127.0.0.1:7911", "http://[::1]:7911", true},
		{"http://127.0.0.1:7912", "http://localhost:7911", false},
		{"https://127.0.0.1:7911", "http://localhost:7911", false},
		{"http://127.0.0.1:7911/stoa", "http://localhost:7911", false},
		{"http://localhost.example.org:7911", "http://localhost:7911", false},
		{"http://192.0.2.7:7911", "http://localhost:7911", false},
		{"https://stoa.example.org", "https://stoa.example.org/", true},
		{"", "", false},
		{"http://127.0.0.1:7911", "", false},
	} {
		if got := config.SameAddress(c.a, c.b); got != c.same {
			t.Errorf("%q and %q are the same: %v", c.a, c.b, got)
		}
	}
}
