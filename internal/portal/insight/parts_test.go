package insight

import (
	"context"
	"strings"
	"testing"
)

// What panics beside the request's own goroutine is an error of the page, and not
// the end of the platform.
func TestTogetherOutlivesAPanic(t *testing.T) {
	var ok int
	err := together(t.Context(),
		func(context.Context) error { panic("a measure went wrong") },
		into(&ok, func(context.Context) (int, error) { return 1, nil }))
	if err == nil || !strings.Contains(err.Error(), "a measure went wrong") || !strings.Contains(err.Error(), "parts_test.go") {
		t.Errorf("%v", err)
	}
}
