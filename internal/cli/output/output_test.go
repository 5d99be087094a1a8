package output

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/problem"
)

func TestTable(t *testing.T) {
	var out bytes.Buffer
	p := Printer{Out: &out, Err: io.Discard}
	if err := p.Table([]string{"NAME", "STATE"}, [][]string{{"shop", "running"}, {"a-longer-name", ""}, {"evil\x1b[2J\nname", "日本"}}); err != nil {
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
	if diff := cmp.Diff(want, Diff("service/shop", "was", "is", changes, terminal.Paint{})); diff != "" {
		t.Error(diff)
	}
}

func TestDay(t *testing.T) {
	now := time.Date(2026, 11, 28, 9, 30, 0, 0, time.FixedZone("", 14*60*60)) // the 27th in UTC
	for day, want := range map[time.Time]string{
		{}: "",
		time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC): "today",
		time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC): "2026-11-26",
		time.Date(2025, 11, 27, 0, 0, 0, 0, time.UTC): "2025-11-27",
	} {
		if got := Day(day, now); got != want {
			t.Errorf("%v is %q, want %q", day, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s", 90 * time.Second: "1m", 3 * time.Hour: "3h", 47 * time.Hour: "47h", 72 * time.Hour: "3d",
	} {
		if got := Ago(now.Add(-d), now); got != want {
			t.Errorf("%v ago is %q, want %q", d, got, want)
		}
	}
	if got := Ago(time.Time{}, now); got != "" {
		t.Errorf("never is %q", got)
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
  docs   https://stoa.example.com/docs/quotas
`
	if diff := cmp.Diff(want, Problem(p, "https://stoa.example.com", terminal.Paint{})); diff != "" {
		t.Error(diff)
	}
	p.Verdicts = []problem.Verdict{
		{Gate: "policy/old", Outcome: problem.Warn, Message: "node 16 goes"}, {Gate: "quota/payments", Outcome: problem.Deny, Message: p.Title},
		{Gate: "policy/prod-two", Outcome: problem.NeedsApproval, Message: "production wants two", Why: []string{"policy/prod-two"}, Next: []string{"stoa scale shop --replicas 2"}, Decider: "@platform", Docs: "/docs/policies"},
		{Gate: "policy/lifted", Outcome: problem.Allow, Message: "lifted", Exception: "until-may"},
	}
	want += `refused: production wants two
  why    policy/prod-two
  next   stoa scale shop --replicas 2
  who    decided by @platform
  docs   https://stoa.example.com/docs/policies
`
	if diff := cmp.Diff(want, Problem(p, "https://stoa.example.com", terminal.Paint{})); diff != "" {
		t.Error(diff)
	}
	p.Docs = "https://wiki.example.com/quotas" // as a policy may name any
	if got := Problem(p, "https://stoa.example.com", terminal.Paint{}); !strings.Contains(got, "  docs   "+p.Docs+"\n") {
		t.Errorf("a page elsewhere is told as\n%s", got)
	}
}

// A problem may quote what a build printed, which does not steer the terminal.
func TestProblemQuotesHarmlessly(t *testing.T) {
	p := problem.New(problem.Failed, "the build failed: \x1b]0;x\x07boom").Because("npm:\n\x1b[2J  not found")
	if got, want := Problem(p, "", terminal.Paint{}), "failed: the build failed: boom\n  why    npm:\n  not found\n"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}
