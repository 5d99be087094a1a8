package app

import (
	"fmt"
	"strings"

	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/measure"
)

// MeasuredPage tells people what is measured and how, as Markdown: made from
// the definitions themselves.
func MeasuredPage() string {
	targets := measure.Balanced().Targets()
	var b strings.Builder
	b.WriteString("# What is measured\n\n<!-- Made from the code: go test ./internal/app -run Measured -update -->\n\n" +
		"Ask for any of these with `stoa measure NAME`, at `/api/v1/measures/NAME`, or in the portal, where each leads to the events behind\n" +
		"it. Times are whole days in UTC, half-open. Without data there is no value: never 0 and never a grade. An interval holds the true\n" +
		"value with 95 % confidence. A target of the scorecard is met, or missed, if the value and both ends of its interval say so; else it is\n" +
		"unsure, as it is where the values are too few for an interval. People who run the platform, and machines, are left out of numbers about people.\n")
	for _, m := range measures() {
		fmt.Fprintf(&b, "\n## %s\n\n`%s` · %s · better: %s · definition %d\n\n%s\n\n%s\n", m.Title, m.Name, m.Unit, m.Better, m.Version, m.Question, m.Formula)
		if len(m.Cuts) > 0 {
			cuts := make([]string, len(m.Cuts))
			for i, c := range m.Cuts {
				cuts[i] = string(c)
			}
			b.WriteString("\nCut by " + strings.Join(cuts, ", ") + ".\n")
		}
		if t, ok := targets[m.Name]; ok {
			fmt.Fprintf(&b, "\nTarget on the balanced scorecard: %s.\n", m.Unit.Target(t))
		}
		if m.Waits != "" {
			b.WriteString("\nNo data yet: it waits for " + m.Waits + ".\n")
		}
	}
	b.WriteString("\n## On the golden path and off it\n\nAsk with `stoa contrasts`, at `/api/v1/contrasts`, or on the page of delivery.\n\n" + dora.ContrastFormula + "\n\n" + dora.Caution + "\n")
	return b.String()
}
