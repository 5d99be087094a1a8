package app

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/stoa-platform/stoa/internal/measure"
)

// Of a target that has two ends both are exported, and of one against the time
// before none: there is no value to compare with.
func TestTargetsAreExported(t *testing.T) {
	now, twenty := time.Now(), 20.0
	s := &scores{clock: func() time.Time { return now }, at: now, card: measure.Computed{Rows: []measure.Row{
		{Measure: "feature-requests", Target: &measure.Target{Op: ">=", Value: 5, AtMost: &twenty}},
		{Measure: "recovery-time", Target: &measure.Target{Op: "<=", Value: -0.3, Relative: true}},
	}}}
	want := `# HELP stoa_measure_target What the value shall be compared with.
# TYPE stoa_measure_target gauge
stoa_measure_target{measure="feature-requests",op="<="} 20
stoa_measure_target{measure="feature-requests",op=">="} 5
`
	if err := testutil.CollectAndCompare(s, strings.NewReader(want), "stoa_measure_target"); err != nil {
		t.Error(err)
	}
}
