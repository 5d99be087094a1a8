// Package testenv finds the real components that some test suites need.
//
// Plain `go test ./...` needs nothing but Go: a suite whose component is
// missing skips with one line that says which. Under STOA_TEST_REQUIRE=all,
// which `make test` and CI set, a missing component fails the test, so that
// nothing is ever skipped in silence.
package testenv

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Need skips the test unless every named tool is on PATH.
// Under STOA_TEST_REQUIRE=all it fails the test instead.
func Need(t testing.TB, tools ...string) {
	t.Helper()
	var missing []string
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, tool)
		}
	}
	if len(missing) > 0 {
		Missing(t, strings.Join(missing, ", ")+" not on PATH")
	}
}

// Missing ends the test because a component is not there: it skips with the
// reason, or fails with it under STOA_TEST_REQUIRE=all.
func Missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("STOA_TEST_REQUIRE") == "all" {
		t.Fatalf("required component: %s", reason)
	}
	t.Skipf("needs a component that is not here: %s", reason)
}

// Chromium returns the path of a Chromium or Chrome browser.
func Chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Missing(t, "no chromium or google-chrome on PATH")
	return ""
}
