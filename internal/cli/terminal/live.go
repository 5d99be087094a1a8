// Package terminal shows a person what goes on: colours, progress that is drawn
// in place, text from elsewhere made harmless. Off a terminal all of it is plain.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
)

// patience is how long something may take before a person wants to see it go.
const patience = time.Second

// Live is the lower end of a terminal while something is under way: rows that
// may still change, and one line that tells what goes on. It is gone after
// Close. On anything but a terminal each stage is one plain line.
type Live struct {
	w     io.Writer
	on    bool // it can be drawn on
	quiet bool
	paint Paint

	mu     sync.Mutex
	rows   []string
	text   string
	began  time.Time // of the stage
	drawn  int       // lines that stand on the terminal
	closed chan struct{}
}

// NewLive shows progress on w until it is closed; quiet shows none.
func NewLive(w io.Writer, paint Paint, quiet bool) *Live {
	l := &Live{w: w, on: Is(w) && os.Getenv("TERM") != "dumb", quiet: quiet, paint: paint, began: time.Now(), closed: make(chan struct{})}
	if l.quiet || !l.on {
		return l
	}
	go func() {
		tick := time.NewTicker(150 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-l.closed:
				return
			case <-tick.C:
				l.mu.Lock()
				l.draw()
				l.mu.Unlock()
			}
		}
	}()
	return l
}

// Set shows rows above the line.
func (l *Live) Set(rows []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = rows
	l.draw()
}

// Say tells what goes on now.
func (l *Live) Say(format string, args ...any) {
	text := strings.TrimSpace(OneLine(fmt.Sprintf(format, args...)))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.quiet || text == l.text || text == "" {
		return
	}
	if !l.on {
		fmt.Fprintf(l.w, "  … %s\n", text)
	}
	l.text, l.began = text, time.Now()
	l.draw()
}

// Bar tells how far something has come; total 0 is unknown. It is silent for
// what takes less than a second and on what is no terminal.
func (l *Live) Bar(what string, done, total int64, show func(int64) string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.quiet || !l.on || time.Since(l.began) < patience {
		return
	}
	text := what + "  " + show(done)
	if total > 0 {
		const cells = 24
		full := int(cells * min(done, total) / total)
		text = fmt.Sprintf("%s  %s%s  %s of %s", what, strings.Repeat("█", full), strings.Repeat("░", cells-full), show(done), show(total))
	}
	l.text = text
}

// draw replaces what was drawn. The caller holds the lock.
func (l *Live) draw() {
	if !l.on || l.quiet {
		return
	}
	width, height := 80, 24
	if f, ok := l.w.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			width, height = w, h
		}
	}
	lines := l.rows
	if l.text != "" {
		line := "  … " + l.text
		if took := time.Since(l.began); took >= patience {
			line += fmt.Sprintf("  %.0f s", took.Seconds())
		}
		lines = append(append([]string{}, lines...), l.paint.Dim(ansi.Truncate(line, width-1, "…")))
	}
	if len(lines) > height-1 {
		lines = lines[len(lines)-height+1:]
	}
	var out strings.Builder
	l.erase(&out)
	for _, line := range lines {
		out.WriteString(ansi.Truncate(line, width-1, "…") + "\n")
	}
	l.drawn = len(lines)
	fmt.Fprint(l.w, out.String())
}

func (l *Live) erase(out io.Writer) {
	if l.drawn > 0 {
		fmt.Fprintf(out, "\x1b[%dA\r\x1b[J", l.drawn)
		l.drawn = 0
	}
}

// Close takes everything off the terminal again. Closing twice does nothing.
func (l *Live) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.closed:
		return
	default:
		close(l.closed)
	}
	l.erase(l.w)
	l.on, l.quiet = false, true
}

// Counting counts the bytes that pass through a writer.
type Counting struct {
	To   io.Writer
	Each func(n int64) // hears of the number so far
	n    int64
}

// Write passes the bytes on.
func (w *Counting) Write(p []byte) (int, error) {
	n, err := w.To.Write(p)
	w.n += int64(n)
	w.Each(w.n)
	return n, err
}
