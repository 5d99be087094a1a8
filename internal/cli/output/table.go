package output

import (
	"fmt"
	"os"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"github.com/stoa-platform/stoa/internal/cli/terminal"
)

// Table writes rows in aligned columns. On a terminal what does not fit its
// width is cut; into a pipe everything is written.
func (p *Printer) Table(head []string, rows [][]string) error {
	widths := make([]int, len(head))
	for _, row := range append([][]string{head}, rows...) {
		for i := range row {
			if row[i] = terminal.OneLine(row[i]); row[i] == "" {
				row[i] = "–"
			}
			widths[i] = max(widths[i], ansi.StringWidth(row[i]))
		}
	}
	limit, paint := p.Width(), p.Paint()
	var out strings.Builder
	write := func(row []string, style func(column int, s string) string) {
		line, left := "", limit
		for i, cell := range row {
			gap := widths[i] - ansi.StringWidth(cell) + 3
			if i == len(row)-1 {
				gap = 0
			}
			if left <= 0 {
				break
			}
			shown := ansi.Truncate(cell, left, "…")
			left -= ansi.StringWidth(shown) + gap
			line += style(i, shown) + strings.Repeat(" ", gap)
		}
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	write(head, func(_ int, s string) string { return paint.Dim(s) })
	for _, row := range rows {
		write(row, func(i int, s string) string {
			if head[i] == "STATE" || head[i] == "PHASE" {
				return paint.State(s)
			}
			return s
		})
	}
	_, err := fmt.Fprint(p.Out, out.String())
	return err
}

// unlimited is the width of what is no terminal.
const unlimited = 1 << 20

// Width is how many columns stdout has.
func (p *Printer) Width() int {
	if f, ok := p.Out.(*os.File); ok && terminal.Is(p.Out) {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return unlimited
}
