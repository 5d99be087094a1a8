package measure_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure"
)

// What panics beside the request's own goroutine is an error of who asked, and not
// the end of the platform.
func TestTogetherOutlivesAPanic(t *testing.T) {
	var ok int
	err := measure.Together(t.Context(),
		func(context.Context) error { panic("a measure went wrong") },
		func(context.Context) error { ok = 1; return nil })
	if err == nil || !strings.Contains(err.Error(), "a measure went wrong") || !strings.Contains(err.Error(), "together_test.go") {
		t.Errorf("%v (%d)", err, ok)
	}
}
