package cli

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

// live is the lower end of a terminal while something is under way: rows that
// may still change, and one line that tells what goes on. It is gone after
// close. On anything but a terminal each stage is one plain line.
type live struct {
	w     io.Writer
	on    bool // it can be drawn on
	quiet bool
	paint paint

	mu     sync.Mutex
	rows   []string
	text   string
	began  time.Time // of the stage
	drawn  int       // lines that stand on the terminal
	closed chan struct{}
}

// live shows progress on stderr until it is closed.
func (c *Command) live() *live {
	l := &live{w: c.Err, on: terminal(c.Err) && os.Getenv("TERM") != "dumb", quiet: c.quiet || c.structured(), paint: c.paint(), began: time.Now(), closed: make(chan struct{})}
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

// set shows rows above the line.
func (l *live) set(rows []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = rows
	l.draw()
}

// say tells what goes on now.
func (l *live) say(format string, args ...any) {
	text := strings.TrimSpace(oneLine(fmt.Sprintf(format, args...)))
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

// bar tells how far something has come; total 0 is unknown. It is silent for
// what takes less than a second and on what is no terminal.
func (l *live) bar(what string, done, total int64, show func(int64) string) {
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
func (l *live) draw() {
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
		lines = append(append([]string{}, lines...), l.paint.dim(ansi.Truncate(line, width-1, "…")))
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

func (l *live) erase(out io.Writer) {
	if l.drawn > 0 {
		fmt.Fprintf(out, "\x1b[%dA\r\x1b[J", l.drawn)
		l.drawn = 0
	}
}

// close takes everything off the terminal again. Closing twice does nothing.
func (l *live) close() {
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

// counting counts the bytes that pass through a writer.
type counting struct {
	to   io.Writer
	n    int64
	each func(n int64)
}

// Write passes the bytes on.
func (w *counting) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.n += int64(n)
	w.each(w.n)
	return n, err
}
