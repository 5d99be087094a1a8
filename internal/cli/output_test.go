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
	"github.com/stoa-platform/stoa/internal/cli/terminal"
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

func TestDiff(t *testing.T) {
	changes := []client.Change{
		{Path: `metadata.annotations["acme.example/x"]`, Old: json.RawMessage(`"1"`), New: json.RawMessage("null")}, // as the API writes what is gone
		{Path: "metadata.labels.tier", Old: json.RawMessage(`"web"`), New: json.RawMessage(`"api"`)},
		{Path: "spec.environments.dev", New: json.RawMessage(`{"replicas":3}`)},
		{Path: "spec.type", Old: json.RawMessage(`"backend"`)},
	}
	want := `--- service/shop  was
+++ service/shop  is
@@ metadata.annotations @@
-acme.example/x: "1"
@@ metadata.labels @@
-tier: web
+tier: api
@@ spec.environments @@
+dev:
+  replicas: 3
@@ spec @@
-type: backend
`
	if diff := cmp.Diff(want, diff("service/shop", "was", "is", changes, terminal.Paint{})); diff != "" {
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
	if diff := cmp.Diff(want, renderProblem(p, terminal.Paint{})); diff != "" {
		t.Error(diff)
	}
}
