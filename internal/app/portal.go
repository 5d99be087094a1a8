package app

import (
	"context"
	"net/http"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/portal"
)

// openPortal makes the portal, whose pages have the rest of the addresses.
func (p *Platform) openPortal() (*portal.Portal, error) {
	return portal.New(portal.Options{
		Objects: p.store, Kinds: p.pipe.Kinds(), Ledger: p.store, Seals: p.sealer, Auth: p.auth, Verbs: p.verbs, Releases: p.delivery,
		Logs: p.logs, Numbers: p.metrics, Runtime: p.runtime, Usage: p.usage, Measures: p.measures, Access: catalog.Access{Store: p.store, Clock: time.Now},
		Kept: p.store, Tokens: p.auth.ListTokens,
		Milestones: func(ctx context.Context, team string) ([]adoption.Reached, error) {
			return adoption.TeamMilestones(ctx, p.store, team)
		},
		Version: p.config.Version, Clock: time.Now, Logger: p.log,
	})
}

// behind gives the API its own addresses, and the portal all others.
func behind(api http.Handler, pages http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	for _, own := range []string{"/api/", "/events", "/webhooks/", "/openapi.json", "/livez", "/readyz"} {
		mux.Handle(own, api)
	}
	mux.Handle("/", pages)
	return mux
}
