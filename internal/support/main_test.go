package support_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain takes fewer examples than rapid does by itself: each opens a
// database several times. -rapid.checks asks for another number.
func TestMain(m *testing.M) {
	_ = flag.Set("rapid.checks", "25")
	os.Exit(m.Run())
}
