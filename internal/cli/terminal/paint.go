package terminal

import (
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
)

// Paint colours text for a terminal; the zero Paint leaves it plain.
type Paint struct{ on bool }

// NewPaint colours where every stream is a terminal that shows colours: a
// person who sees one sees the others.
func NewPaint(streams ...io.Writer) Paint {
	on := os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	for _, w := range streams {
		on = on && Is(w)
	}
	return Paint{on: on}
}

// Is reports whether a stream is a person's terminal.
func Is(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// OneLine takes what would move the cursor out of a text from elsewhere.
func OneLine(s string) string { return harmless(s, ' ') }

// Lines is OneLine of each line of a text.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = OneLine(line)
	}
	return strings.Join(lines, "\n")
}

// colour is a sequence that colours what follows and does nothing else.
var colour = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

// Coloured is OneLine that leaves tabs and the colours of the text in. They end with it.
func Coloured(s string) string {
	var out strings.Builder
	at := 0
	for _, found := range colour.FindAllStringIndex(s, -1) {
		out.WriteString(harmless(s[at:found[0]], '\t') + s[found[0]:found[1]])
		at = found[1]
	}
	out.WriteString(harmless(s[at:], '\t'))
	if at > 0 {
		out.WriteString("\x1b[0m")
	}
	return out.String()
}

// harmless takes escape sequences and control characters out; a tab becomes what is given.
func harmless(s string, tab rune) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return tab
		case r == '\n':
			return ' '
		case r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0):
			return -1
		}
		return r
	}, ansi.Strip(s))
}

// With writes text in the colour of an ANSI code.
func (p Paint) With(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Bold makes text stand out.
func (p Paint) Bold(s string) string { return p.With("1", s) }

// Dim sets text back.
func (p Paint) Dim(s string) string { return p.With("2", s) }

// Good marks what is well.
func (p Paint) Good(s string) string { return p.With("32", s) }

// Warn marks what wants attention.
func (p Paint) Warn(s string) string { return p.With("33", s) }

// Bad marks what failed.
func (p Paint) Bad(s string) string { return p.With("31", s) }

// State colours the word of a state or phase.
func (p Paint) State(s string) string {
	switch s {
	case "running", "succeeded", "healthy":
		return p.Good(s)
	case "degraded", "pending", "releasing", "starting", "restarting":
		return p.Warn(s)
	case "failed", "unhealthy", "crash-looping":
		return p.Bad(s)
	}
	return s
}
