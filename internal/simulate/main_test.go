package simulate

import (
	"flag"
	"os"
	"testing"
)

// TestMain takes fewer examples than rapid does by itself: each is a whole
// organisation. -rapid.checks asks for another number.
func TestMain(m *testing.M) {
	_ = flag.Set("rapid.checks", "20")
	os.Exit(m.Run())
}
