package output

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
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
	if diff := cmp.Diff(want, Diff("service/shop", "was", "is", Changes(changes), terminal.Paint{})); diff != "" {
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

// Of a long text the beginning is shown; what is short is whole.
func TestBriefYAML(t *testing.T) {
	long := "make all\n" + strings.Repeat("echo more\n", 50)
	raw, err := json.Marshal(map[string]any{"build": []any{map[string]any{"shell": long}}, "lines": "a\nb", "port": 8080, "share": 0.5})
	if err != nil {
		t.Fatal(err)
	}
	const want = "build:\n  - shell: make all …\nlines: |-\n  a\n  b\nport: 8080\nshare: 0.5\n# … stands for more of a long text: -o json shows the whole\n"
	if got, err := BriefYAML(raw); got != want || err != nil {
		t.Errorf("%s\n%v", got, err)
	}
	if got, err := YAML(raw); strings.Count(got, "echo more\n") != 50 || err != nil {
		t.Errorf("whole it is\n%s\n%v", got, err)
	}
	if got, _ := BriefYAML([]byte(`{"a":"b"}`)); got != "a: b\n" {
		t.Errorf("a short text is %s", got)
	}
}

// A start command that is a script is shown by its beginning, and where the whole is.
func TestReleaseIsBrief(t *testing.T) {
	rel := client.Release{Spec: client.ReleaseSpec{Cause: client.CauseDeploy, Workload: &client.Component{}}}
	rel.Metadata.Name = "shop-7"
	for text, want := range map[string]bool{"starts by ./run …": true, "starts by ./run": false} {
		lines := strings.Join(Lines(Release(rel, []detect.Line{{Text: text}}, "", ""), terminal.Paint{}), "\n")
		if got := strings.Contains(lines, "whole      stoa describe release shop-7 -o json"); got != want {
			t.Errorf("%s:\n%s", text, lines)
		}
	}
}

// Instances of further processes are told apart from those that serve.
func TestInstances(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	serving := client.Instance{ID: "shop-1-a", Release: "shop-1", State: client.InstanceHealthy, PID: 7, Port: 4000, Since: now}
	worker := client.Instance{ID: "shop-1-b", Process: "worker", Release: "shop-1", State: client.InstanceCrashLooping, Restarts: 4, Since: now,
		LastExit: &client.Exit{Code: 1, After: time.Second}}
	if head, rows := Instances([]client.Instance{serving}, now); slices.Contains(head, "PROCESS") || len(rows) != 1 || len(rows[0]) != len(head) {
		t.Errorf("without a further process: %q %q", head, rows)
	}
	head, rows := Instances([]client.Instance{serving, worker}, now)
	if len(rows) != 2 || head[1] != "PROCESS" || rows[0][1] != "" || rows[1][1] != "worker" || rows[1][3] != client.InstanceCrashLooping || len(rows[1]) != len(head) {
		t.Errorf("with one: %q %q", head, rows)
	}
}

// The table of services tells of now, also where what was stored last was well.
func TestServicesAsTheyAreNow(t *testing.T) {
	shop := json.RawMessage(`{"metadata":{"name":"shop"},"status":{"environments":{"dev":{"release":"shop-1","state":"running"},"prod":{"release":"shop-1","state":"running"}}}}`)
	_, rows, err := Objects("Service", []json.RawMessage{shop}, []client.Unwell{{Service: "shop", Environment: "prod", State: client.StateDegraded}}, time.Time{})
	if err != nil || len(rows) != 2 || rows[0][4] != client.StateRunning || rows[1][4] != client.StateDegraded {
		t.Errorf("%q, %v", rows, err)
	}
}

func TestTakeDetected(t *testing.T) {
	release := func(spec, status string) object.Object {
		return object.Object{Kind: "Release", Spec: json.RawMessage(spec), Status: json.RawMessage(status)}
	}
	const admitted = `{"detected":[{"field":"port","value":"8080","source":"main.go:3","confidence":0.9}],"number":12345678901234567890,"workload":{"settings":[],"type":"backend"}}`
	for name, c := range map[string]struct {
		in, want object.Object
		rows     [][]string
	}{
		"one that has run": {
			release(admitted, `{"detected":[{"field":"port","value":"8080","refuted":"bound :3000"},{"field":"health","value":"/up","source":"convention","confidence":0.3},{"field":"env","verified":"set"}],"phase":"succeeded"}`),
			release(`{"number":12345678901234567890,"workload":{"type":"backend"}}`, `{"phase":"succeeded"}`),
			[][]string{{"port", "8080", "", "refuted: bound :3000"}, {"health", "/up", "convention", "unconfirmed"}, {"env", "", "", "set"}},
		},
		"one that has not":   {release(admitted, ""), release(`{"number":12345678901234567890,"workload":{"type":"backend"}}`, ""), [][]string{{"port", "8080", "main.go:3", ""}}},
		"a rollback":         {release(`{"from":"shop-1"}`, `{}`), release(`{"from":"shop-1"}`, `{}`), nil},
		"what is no release": {object.Object{Kind: "Service", Spec: json.RawMessage(`{"detected":[]}`)}, object.Object{Kind: "Service", Spec: json.RawMessage(`{"detected":[]}`)}, nil},
	} {
		got := c.in
		settings, err := TakeDetected(&got)
		_, rows := Settings(settings)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
		if diff := cmp.Diff(c.rows, rows); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestHowFar(t *testing.T) {
	healthy, stopped := client.Instance{State: client.InstanceHealthy}, client.Instance{State: client.InstanceStopped}
	for want, at := range map[string]client.EnvironmentStatus{
		"1 of 3 healthy":   {Replicas: 3, Healthy: 1, Instances: []client.Instance{healthy}},
		"1 of 1 healthy":   {Replicas: 1, Healthy: 2, Instances: []client.Instance{healthy, healthy}}, // one to be stopped
		"2 instances left": {Healthy: 2, Instances: []client.Instance{healthy, healthy, stopped}},     // being stopped
		"1 instance left":  {Healthy: 1, Instances: []client.Instance{healthy}},
		"0 instances left": {},
	} {
		if got := HowFar(at); got != want {
			t.Errorf("%+v is %q, want %q", at, got, want)
		}
	}
}
