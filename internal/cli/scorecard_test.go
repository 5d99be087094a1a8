package cli

import (
	"testing"

	"github.com/stoa-platform/stoa/client"
)

func TestTargetText(t *testing.T) {
	for want, target := range map[string]*client.Target{
		"":                        nil,
		"> 70 %":                  {Op: ">", Value: 0.7},
		"<= -30 % against before": {Op: "<=", Value: -0.3, Relative: true},
	} {
		if got := targetText(target, "ratio"); got != want {
			t.Errorf("%+v is %q, want %q", target, got, want)
		}
	}
}
