package terminal

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// Off a terminal each stage is one line, and a bar is silent.
func TestLivePlain(t *testing.T) {
	var told bytes.Buffer
	l := NewLive(&told, Paint{}, false)
	l.Say("build")
	l.Say("build")
	l.Set([]string{"rows are for terminals"})
	l.Bar("uploading", 1, 2, decimal)
	l.Say("rollout")
	l.Close()
	l.Close()
	l.Say("late")
	if got := told.String(); got != "  … build\n  … rollout\n" {
		t.Errorf("told %q", got)
	}
}

// On a terminal everything that was drawn is taken away again.
func TestLiveDrawn(t *testing.T) {
	var out bytes.Buffer
	l := &Live{w: &out, on: true, began: time.Now().Add(-2 * time.Second), closed: make(chan struct{})}
	l.Set([]string{"one", strings.Repeat("wide ", 40)})
	l.Say("build")
	l.Bar("uploading", 1, 2, decimal)
	l.Close()
	screen := newScreen()
	screen.write(out.String())
	if got := screen.text(); got != "" {
		t.Errorf("left on the terminal: %q", got)
	}
	if screen.widest > 80 {
		t.Errorf("a line of %d columns was drawn on 80", screen.widest)
	}
}

// screen is as much of a terminal as live draws on.
type screen struct {
	lines  []string
	row    int
	widest int
}

func newScreen() *screen { return &screen{lines: []string{""}} }

func (s *screen) write(text string) {
	for len(text) > 0 {
		switch {
		case strings.HasPrefix(text, "\x1b[J"):
			s.lines = append(s.lines[:s.row], "")
			text = text[3:]
		case strings.HasPrefix(text, "\x1b["):
			end := strings.IndexAny(text, "Am")
			var n int
			if text[end] == 'A' {
				_, _ = fmt.Sscanf(text, "\x1b[%dA", &n)
				s.row -= n
			}
			text = text[end+1:]
		case text[0] == '\n':
			s.row++
			for len(s.lines) <= s.row {
				s.lines = append(s.lines, "")
			}
			text = text[1:]
		case text[0] == '\r':
			text = text[1:]
		default:
			r := []rune(text)[0]
			s.lines[s.row] += string(r)
			s.widest = max(s.widest, len([]rune(s.lines[s.row])))
			text = text[len(string(r)):]
		}
	}
}

func (s *screen) text() string { return strings.Join(s.lines, "") }

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                        "plain",
		"two\nlines\tand a tab":        "two lines and a tab",
		"\x1b[31mred\x1b[0m":           "red",
		"\x1b]0;title\x07after":        "after",
		"back\bspace\x7f\u009b31mtail": "backspacetail",
	} {
		if got := OneLine(in); strings.ContainsAny(got, "\x1b\n\b\x7f") {
			t.Errorf("OneLine(%q) = %q holds control characters", in, got)
		} else if !strings.Contains(in, "\u009b") && got != want {
			t.Errorf("OneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

// Of what others wrote colours get through and nothing else: no title, no clipboard,
// no cursor, and no colour of the lines after it.
func TestColoured(t *testing.T) {
	for in, want := range map[string]string{
		"plain\tand a tab":                        "plain\tand a tab",
		"\x1b[1;31mred\x1b[m":                     "\x1b[1;31mred\x1b[m\x1b[0m",
		"\x1b[38:2::1:2:3mtrue":                   "\x1b[38:2::1:2:3mtrue\x1b[0m",
		"\x1b]52;c;cm0gLXJm\x07after":             "after",
		"\x1b]52;c;cm0gLXJm\x1b\\after":           "after",
		"\x1b]0;title\x1b[31mred\x07":             "\x1b[31mred\x1b[0m",
		"\x1b[2Jgone\x1b[10A\rover":               "goneover",
		"\x1b[>4;2mkeys\x1b[?25l":                 "keys",
		"\x1bP$qm\x1b\\dcs\x1bcreset":             "dcsreset",
		"cut off \x1b[3":                          "cut off ",
		"\x1b\x1b[31mtwice":                       "\x1b[31mtwice\x1b[0m",
		"a\u009b31mb\u009d52;c;x\u009c\x9b2Jback": "ab52;c;xback",
	} {
		if got := Coloured(in); got != want && !strings.Contains(in, "\u009b") {
			t.Errorf("Coloured(%q) = %q, want %q", in, got, want)
		} else if strings.ContainsAny(colour.ReplaceAllString(got, ""), "\x1b\a\b\r\u009b\u009d") {
			t.Errorf("Coloured(%q) = %q holds control characters", in, got)
		}
	}
	if got, want := Lines("one\x1b[2J\n\ttwo\a\n"), "one\n two\n"; got != want {
		t.Errorf("Lines gives %q, want %q", got, want)
	}
}
