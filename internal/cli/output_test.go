package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/problem"
)

// plain is a command whose streams are buffers, as in a pipe.
func plain() (c *Command, out, err *bytes.Buffer) {
	out, err = &bytes.Buffer{}, &bytes.Buffer{}
	return &Command{Stdio: Stdio{In: strings.NewReader(""), Out: out, Err: err}}, out, err
}

func TestTable(t *testing.T) {
	c, out, _ := plain()
	if err := c.table([]string{"NAME", "STATE"}, [][]string{{"shop", "running"}, {"a-longer-name", ""}, {"evil\x1b[2J\nname", "日本"}}); err != nil {
		t.Fatal(err)
	}
	want := "NAME            STATE\nshop            running\na-longer-name   –\nevil name       日本\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                        "plain",
		"two\nlines\tand a tab":        "two lines and a tab",
		"\x1b[31mred\x1b[0m":           "red",
		"\x1b]0;title\x07after":        "after",
		"back\bspace\x7f\u009b31mtail": "backspacetail",
	} {
		if got := oneLine(in); strings.ContainsAny(got, "\x1b\n\b\x7f") {
			t.Errorf("oneLine(%q) = %q holds control characters", in, got)
		} else if !strings.Contains(in, "\u009b") && got != want {
			t.Errorf("oneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestDiff(t *testing.T) {
	changes := []client.Change{
		{Path: "metadata.labels.tier", Old: json.RawMessage(`"web"`), New: json.RawMessage(`"api"`)},
		{Path: "spec.environments.dev", New: json.RawMessage(`{"replicas":3}`)},
		{Path: "spec.type", Old: json.RawMessage(`"backend"`)},
	}
	want := `--- service/shop  was
+++ service/shop  is
@@ metadata.labels @@
-tier: web
+tier: api
@@ spec.environments @@
+dev:
+  replicas: 3
@@ spec @@
-type: backend
`
	if diff := cmp.Diff(want, diff("service/shop", "was", "is", changes, paint{})); diff != "" {
		t.Error(diff)
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s", 90 * time.Second: "1m", 3 * time.Hour: "3h", 47 * time.Hour: "47h", 72 * time.Hour: "3d",
	} {
		if got := ago(now.Add(-d), now); got != want {
			t.Errorf("%v ago is %q, want %q", d, got, want)
		}
	}
	if got := ago(time.Time{}, now); got != "" {
		t.Errorf("never is %q", got)
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"15m": now.Add(-15 * time.Minute), "3d": now.Add(-72 * time.Hour), "2026-01-31T12:00:00Z": time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
	} {
		if got, err := parseSince(in, now); err != nil || !got.Equal(want) {
			t.Errorf("since %s is %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "d", "-1h", "yesterday", "3w"} {
		if got, err := parseSince(in, now); err == nil || exitCode(err) != ExitUsage {
			t.Errorf("since %q is %v, %v", in, got, err)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for kind, want := range map[problem.Kind]int{
		problem.Invalid: ExitFailed, problem.NotFound: ExitNotFound, problem.Conflict: ExitFailed, problem.Unauthenticated: ExitNotAllowed,
		problem.Forbidden: ExitNotAllowed, problem.Refused: ExitRefused, problem.TooLarge: ExitFailed, problem.TooMany: ExitFailed,
		problem.Failed: ExitFailed, problem.Unavailable: ExitFailed, problem.Internal: ExitFailed,
	} {
		if got := exitCode(fmt.Errorf("deep: %w", problem.New(kind, "it"))); got != want {
			t.Errorf("%s exits with %d, want %d", kind, got, want)
		}
	}
	if got := exitCode(errors.New("plain")); got != ExitFailed {
		t.Errorf("a plain error exits with %d", got)
	}
	if got := exitCode(usage("odd")); got != ExitUsage {
		t.Errorf("wrong usage exits with %d", got)
	}
}

func TestProblemInStoasVoice(t *testing.T) {
	p := problem.New(problem.Refused, "memory quota of team payments: 80 of 100 GiB used, this release asks for 24 GiB").
		Because("quota/payments, set on 2026-10-02", "most: checkout 40 GiB").Do("stoa up --memory 16Gi    fits now")
	p.Decider, p.Docs = "@platform", "/docs/quotas"
	want := `refused: memory quota of team payments: 80 of 100 GiB used, this release asks for 24 GiB
  why    quota/payments, set on 2026-10-02
         most: checkout 40 GiB
  next   stoa up --memory 16Gi    fits now
  who    decided by @platform
  docs   /docs/quotas
`
	if diff := cmp.Diff(want, renderProblem(p, paint{})); diff != "" {
		t.Error(diff)
	}
}

// Off a terminal each stage is one line, and a bar is silent.
func TestLivePlain(t *testing.T) {
	c, _, err := plain()
	l := c.live()
	l.say("build")
	l.say("build")
	l.set([]string{"rows are for terminals"})
	l.bar("uploading", 1, 2, megabytes)
	l.say("rollout")
	l.close()
	l.close()
	l.say("late")
	if got := err.String(); got != "  … build\n  … rollout\n" {
		t.Errorf("told %q", got)
	}
}

// On a terminal everything that was drawn is taken away again.
func TestLiveDrawn(t *testing.T) {
	var out bytes.Buffer
	l := &live{w: &out, on: true, began: time.Now().Add(-2 * time.Second), closed: make(chan struct{})}
	l.set([]string{"one", strings.Repeat("wide ", 40)})
	l.say("build")
	l.bar("uploading", 1, 2, megabytes)
	l.close()
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
