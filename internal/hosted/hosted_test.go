package hosted_test

import (
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/hosted"
)

func TestSource(t *testing.T) {
	for _, c := range []struct{ page, path, want string }{
		{"https://github.com/Acme/Shop", "Acme/Shop", "https://github.com/acme"},
		{"https://GitHub.com/acme/shop/", "acme/shop", "https://github.com/acme"},
		{"https://gitlab.example/acme/payments/shop", "acme/payments/shop", "https://gitlab.example/acme"},
		{"https://host.example/gitlab/acme/shop", "acme/shop", "https://host.example/gitlab/acme"},
		{"https://github.com/acme/shop", "acme/other", ""},
		{"ssh://github.com/acme/shop", "acme/shop", ""},
		{"", "acme/shop", ""},
		{"https://github.com/", "", ""},
	} {
		if got := hosted.Source(c.page, c.path); got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.path, c.page, got, c.want)
		}
	}
}

// Ids are kept in ledgers: they stay as they are.
func TestIDs(t *testing.T) {
	r := hosted.Repository{Number: 101, Path: "acme/shop"}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for got, want := range map[string]string{
		r.Deployment(12): "101/deployment/12", r.DeploymentFailed(12): "101/deployment/12/failed", r.Run(31, 2): "101/run/31/2", r.Run(31, 0): "101/run/31/1",
		r.Pipeline(66, "success"): "101/pipeline/66/success", r.Change(7).Once("merged"): "101/change/7/merged", r.Issue(41).At("resolved", at): "101/issue/41/resolved/1772442000",
		r.Published("v1.2.0"): "101/release/v1.2.0/published", r.About("#", 41): "acme/shop#41",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
