package output

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/stoa-platform/stoa/internal/cli/terminal"
)

// Row is one line of a summary: what it is about, what is so, where that was
// found, and what the run has shown of it.
type Row struct{ Label, Text, Source, Verified string }

// Lines lays rows out in columns.
func Lines(rows []Row, p terminal.Paint) []string {
	const most = 44 // one long value does not push all others aside
	text, source := 0, 0
	for _, r := range rows {
		if r.Source+r.Verified != "" {
			text = max(text, min(most, ansi.StringWidth(r.Text)))
		}
		if r.Verified != "" {
			source = max(source, min(most, ansi.StringWidth(r.Source)))
		}
	}
	lines := make([]string, len(rows))
	for i, r := range rows {
		line := fmt.Sprintf("  %s ", p.Dim(fmt.Sprintf("%-10s", r.Label)))
		shown := terminal.OneLine(r.Text)
		if r.Label == "running" {
			shown = p.Bold(shown)
		}
		line += shown
		if r.Source+r.Verified != "" {
			line += strings.Repeat(" ", max(0, text-ansi.StringWidth(r.Text))+3) + p.Dim(terminal.OneLine(r.Source))
		}
		if r.Verified != "" {
			line += strings.Repeat(" ", max(0, source-ansi.StringWidth(r.Source))+3)
			if strings.HasPrefix(r.Verified, "unconfirmed") || strings.HasPrefix(r.Verified, "refuted") {
				line += p.Warn(terminal.OneLine(r.Verified))
			} else {
				line += p.Good(terminal.OneLine(r.Verified))
			}
		}
		lines[i] = strings.TrimRight(line, " ")
	}
	return lines
}
