package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/again"
)

// deployed is a release of a Go service that has come all the way.
func deployed() client.Release {
	settings := []client.Setting{
		{Field: "language", Value: "go", Source: "go.mod:1", Confidence: 1},
		{Field: "portVariable", Value: "PORT", Source: "main.go:31", Confidence: 0.9, Verified: "bound :41873"},
		{Field: "port", Value: "8080", Source: "main.go:31", Confidence: 0.9},
		{Field: "health", Value: "/healthz", Source: "main.go:22", Confidence: 0.9, Verified: "GET /healthz answered 200 in 2 ms"},
		{Field: "owner", Value: "payments", Source: "CODEOWNERS:3", Confidence: 1},
	}
	var rel client.Release
	rel.Metadata.Name, rel.Metadata.Owner = "shop-1", "payments"
	rel.Spec = client.ReleaseSpec{Service: "shop", Environment: "dev", Cause: client.CauseDeploy, Detected: settings, Workload: &client.Component{
		Name: "shop", Type: "backend", Language: "go", Version: "1.26", PortVariable: "PORT", Health: "/healthz",
		Start: client.Command{Argv: []string{"$STOA_OUT"}},
	}}
	used, limit, requested := 2.0, 10.0, 1.0
	rel.Status = client.ReleaseStatus{
		Phase: client.PhaseSucceeded, Detected: settings, URL: "http://shop.dev.localhost:7700", Healthy: true,
		Gates: []client.Verdict{
			{Gate: "quota/payments", Outcome: client.Allow, Used: &used, Limit: &limit, Requested: &requested, Unit: "services"},
			{Gate: "policy/a", Outcome: client.Allow},
		},
		Steps:    []client.Step{{Name: client.StepBuild, State: client.StepDone, Millis: 1900}, {Name: client.StepRoute, State: client.StepDone}},
		Observed: &client.Observed{StartMillis: 300},
	}
	return rel
}

func shown(rel client.Release) string {
	c, out, _ := plain()
	up := &cobra.Command{Use: "stoa"}
	newShow(c, "http://127.0.0.1:7700", rel, again.Of(up, []string{"up", "x/shop"})).close()
	return out.String()
}

// Nothing goes to what has no address, so nothing is measured of that.
func TestShowWithoutTraffic(t *testing.T) {
	worker := deployed()
	worker.Status.URL = ""
	if text := shown(worker); !strings.Contains(text, "included   logs · history\n") {
		t.Error(text)
	}
}

func TestShowDeployed(t *testing.T) {
	want := `  detected   Go 1.26 service "shop"           go.mod:1
             listens on $PORT                 main.go:31   verified: bound :41873
             health GET /healthz              main.go:22   verified: 200 in 2 ms
             owner team payments              CODEOWNERS:3
  gates      quota 3 of 10 services · 1 policy
  built      1.9 s
  running    http://shop.dev.localhost:7700   healthy after 300 ms
  included   logs · traffic metrics · history
`
	if diff := cmp.Diff(want, shown(deployed())); diff != "" {
		t.Error(diff)
	}
}

// What the run has not shown is not called verified, what is guessed is
// called unconfirmed, and what did not happen is not told.
func TestShowUnfinished(t *testing.T) {
	rel := deployed()
	rel.Status.Steps, rel.Status.Observed, rel.Status.Gates = nil, nil, nil
	for i := range rel.Status.Detected {
		rel.Status.Detected[i].Verified = ""
	}
	rel.Status.Detected[3].Confidence = 0.3
	rel.Spec.Detected[4].Confidence = 0.7
	want := `  detected   Go 1.26 service "shop"   go.mod:1
             listens on $PORT         main.go:31
             health GET /healthz      main.go:22     unconfirmed
             owner team payments      CODEOWNERS:3   unconfirmed: stoa up x/shop --team payments confirms it
  confirm    http://127.0.0.1:7700/services/shop
  gates      none is set
`
	if diff := cmp.Diff(want, shown(rel)); diff != "" {
		t.Error(diff)
	}
}

// What the run has shown to be otherwise is not called verified.
func TestShowRefuted(t *testing.T) {
	rel := deployed()
	rel.Status.Detected[3].Verified, rel.Status.Detected[3].Refuted = "", "GET /healthz answered 404"
	if got, want := shown(rel), "health GET /healthz              main.go:22   refuted: 404\n"; !strings.Contains(got, want) {
		t.Errorf("without %q:\n%s", want, got)
	}
	rel.Status.Detected[3] = client.Setting{Field: "health", Value: "/up", Source: "observed", Confidence: 1, Verified: "GET /up answered 204 in 1 ms"}
	if got, want := shown(rel), "health GET /up                   observed     verified: 204 in 1 ms\n"; !strings.Contains(got, want) || strings.Contains(got, "/healthz") {
		t.Errorf("without %q:\n%s", want, got)
	}
}

func TestShowRollback(t *testing.T) {
	rel := deployed()
	rel.Spec.Cause, rel.Spec.From, rel.Metadata.Name = client.CauseRollback, "shop-1", "shop-3"
	if got := shown(rel); !strings.HasPrefix(got, "  rollback   shop-3 in dev                    artifact of shop-1\n") {
		t.Error(got)
	}
}

// Whatever is released and whoever waits for it, what a gate did not simply
// allow is told.
func TestShowGates(t *testing.T) {
	rel := deployed()
	rel.Spec.Cause, rel.Spec.From, rel.Metadata.Name = client.CausePromote, "shop-1", "shop-3"
	used, limit, requested := float64(1<<30), float64(2<<30), float64(2<<30)
	rel.Status.Gates = []client.Verdict{
		{Gate: "quota/a", Outcome: client.Allow, Message: "memory quota: too much", Exception: "calm", Used: &used, Limit: &limit, Requested: &requested, Unit: "bytes"},
		{Gate: "policy/b", Outcome: client.Allow, Message: "two instances, please", Exception: "old-library"},
		{Gate: "policy/c", Outcome: client.Warn, Message: "no commit"},
	}
	gates := `  gates      quota 3 GiB of 2 GiB memory · 2 policies
             passed by exception calm: memory quota: too much   quota/a
             passed by exception old-library: two instances, please   policy/b
             warning: no commit                             policy/c
`
	if got := shown(rel); !strings.Contains(got, gates) {
		t.Errorf("waited for:\n%s", got)
	}
	c, out, _ := plain()
	if err := c.carryOut(t.Context(), nil, rel, nil, true); err != nil || out.String() != "release shop-3 is on its way to dev\n"+gates {
		t.Errorf("not waited for: %v\n%s", err, out)
	}
}

// Text from a source or a run cannot draw on the person's terminal.
func TestShowHostile(t *testing.T) {
	rel := deployed()
	rel.Spec.Workload.Name = "a\x1b[2Jb"
	rel.Status.Detected[0].Source = "go.mod\n  running    http://elsewhere"
	got := shown(rel)
	if strings.ContainsRune(got, '\x1b') || strings.Contains(got, "\n  running    http://elsewhere") {
		t.Errorf("%q", got)
	}
}
