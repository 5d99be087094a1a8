package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// line is one line of the table.
type line struct {
	what   string
	ours   string
	theirs string // "" without a comparison
	ratio  string
	target string // "" of a number that is shown only
	met    bool
	note   string
}

// verdict is "ok" or "missed", "" without a target.
func (l line) verdict() string {
	switch {
	case l.target == "":
		return ""
	case l.met:
		return "ok"
	}
	return "missed"
}

// report is the whole table with what it was measured on.
type report struct {
	facts []string
	lines []line
	began time.Time
	lab   *lab
}

func newReport(ctx context.Context, l *lab) *report {
	r := &report{began: time.Now(), lab: l}
	r.facts = append(r.facts, fmt.Sprintf("%s, %d processors, %s memory, %s/%s", processor(), runtime.NumCPU(), installed(), runtime.GOOS, runtime.GOARCH))
	r.facts = append(r.facts, runtime.Version())
	for _, db := range l.databases {
		version, err := db.version(ctx)
		if err != nil {
			version = err.Error()
		}
		r.facts = append(r.facts, db.name()+" "+version)
	}
	r.facts = append(r.facts, l.missing...)
	r.facts = append(r.facts, fmt.Sprintf("medians of %d paired runs", l.runs))
	if l.keep != "" {
		r.facts = append(r.facts, "the simulated years were kept of an earlier run (-keep)")
	}
	if load := loadAverage(); load != "" {
		r.facts = append(r.facts, "load average at the start "+load)
	}
	return r
}

func (r *report) finish() {
	if load := loadAverage(); load != "" {
		r.facts = append(r.facts, "load average at the end "+load+" (the bench itself included)")
	}
}

var headings = []string{"what", "ours", "comparison", "ratio", "target", "", "remark"}

func (l line) cells() []string {
	return []string{l.what, l.ours, l.theirs, l.ratio, l.target, l.verdict(), l.note}
}

// text writes the table for a terminal.
func (r *report) text(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(headings, "\t"))
	for _, l := range r.lines {
		fmt.Fprintln(table, strings.Join(l.cells(), "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(r.facts, " · "))
	return err
}

// write writes the report as a page of the documentation.
func (r *report) write(path string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmarks\n\nMade by `make bench-docs RUNS=%d` on %s; `make bench` measures and prints only, `ROW=up,read` narrows it. "+
		"Read the ratios, not the times.\n\n", r.lab.runs, r.began.UTC().Format(time.DateOnly))
	for _, fact := range r.facts {
		fmt.Fprintf(&b, "- %s\n", fact)
	}
	fmt.Fprintf(&b, "\n| %s |\n|%s\n", strings.Join(headings, " | "), strings.Repeat(" --- |", len(headings)))
	for _, l := range r.lines {
		cells := l.cells()
		for i, cell := range cells {
			cells[i] = strings.ReplaceAll(cell, "|", `\|`)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	b.WriteString(remarks)
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// median of at least one value; of an even number the mean of the middle two.
func median[T cmp.Ordered](values []T, mean func(a, b T) T) T {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return mean(sorted[middle-1], sorted[middle])
}

func medianTime(values []time.Duration) time.Duration {
	return median(values, func(a, b time.Duration) time.Duration { return (a + b) / 2 })
}

func medianOf(values []float64) float64 {
	return median(values, func(a, b float64) float64 { return (a + b) / 2 })
}

// medianRatio is the median of the ratios of pairs, which what both of a pair
// suffered from does not change.
func medianRatio(over, under []float64) float64 {
	ratios := make([]float64, len(over))
	for i := range over {
		ratios[i] = over[i] / under[i]
	}
	return medianOf(ratios)
}

func times(ratio float64) string { return fmt.Sprintf("%.2f×", ratio) }

func rate(perSecond float64) string { return thousands(perSecond) + "/s" }

// thousands writes a whole number with its thousands apart.
func thousands(n float64) string {
	text := fmt.Sprintf("%.0f", n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func millis(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

// seconds of each duration, for ratios.
func seconds(all []time.Duration) []float64 {
	s := make([]float64, len(all))
	for i, d := range all {
		s[i] = d.Seconds()
	}
	return s
}
