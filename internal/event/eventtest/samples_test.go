package eventtest_test

import (
	"testing"

	"github.com/stoa-platform/stoa/internal/event/eventtest"
)

// There is an event of each type in both versions: else what is tested with
// them is tested with less than it says.
func TestSamplesCoverTheSpecification(t *testing.T) {
	versions := map[string]int{}
	for _, s := range eventtest.Samples(t) {
		versions[s.Name[:3]]++
	}
	if versions["0.4"] < 45 || versions["0.5"] < 45 {
		t.Errorf("%v", versions)
	}
	if len(eventtest.Conformance(t)) == 0 {
		t.Error("no conformance file")
	}
}
