package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/output"
)

func TestTargetText(t *testing.T) {
	half := 0.5
	for want, target := range map[string]*client.Target{
		"":                        nil,
		"> 70 %":                  {Op: ">", Value: 0.7},
		">= 10 %, <= 50 %":        {Op: ">=", Value: 0.1, AtMost: &half},
		"<= −30 % against before": {Op: "<=", Value: -0.3, Relative: true},
	} {
		if got := output.Target(target, "ratio"); got != want {
			t.Errorf("%+v is %q, want %q", target, got, want)
		}
	}
}

// What is half-open on the wire is shown with its last day, under heads that all
// say something.
func TestScorecardIsShown(t *testing.T) {
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"name":"balanced","title":"Balanced scorecard","from":"2026-10-01","to":"2026-11-01","apart":["platform"],` +
			`"rows":[{"measure":"mau","title":"Active people","unit":"count","status":"shown"},{"measure":"lead-time","title":"Lead time","unit":"seconds","status":"no-data","own":3}]}`))
	}))
	defer platform.Close()
	cl, err := client.New(platform.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	c, out, told := plain()
	if err := c.scorecard(t.Context(), cl, "", nil); err != nil {
		t.Fatal(err)
	}
	title, table, _ := strings.Cut(out.String(), "\n\n")
	if title != "Balanced scorecard, 2026-10-01 to 2026-10-31" {
		t.Errorf("the title is %q", title)
	}
	if head, _, _ := strings.Cut(table, "\n"); strings.Contains(head, "–") || !strings.Contains(head, "STANDS") {
		t.Errorf("the head is %q", head)
	}
	if !strings.Contains(told.String(), "the platform team's own numbers: stoa scorecard --team platform") {
		t.Errorf("how to see what is left out: %q", told)
	}
}
