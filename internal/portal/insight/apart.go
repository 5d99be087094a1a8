package insight

import (
	"context"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// counted says what the numbers of a page are of.
type counted struct{ delivery, use bool }

// apart says what the teams that run the platform did and the numbers of a page leave
// out, and leads to their own; nil where there is nothing of it.
func apart(ctx context.Context, at string, view *measure.View, of counted) (*page.Apart, error) {
	teams := view.Apart()
	if len(teams) == 0 {
		return nil, nil
	}
	var did []string
	if of.delivery {
		n, err := dora.Own(ctx, view)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			did = append(did, page.Plural(int64(n), "deployment")+" to production")
		}
	}
	if of.use {
		days, err := adoption.OwnDays(ctx, view)
		if err != nil {
			return nil, err
		}
		if days > 0 {
			did = append(did, "use on "+page.Plural(int64(days), "day"))
		}
	}
	if len(did) == 0 {
		return nil, nil
	}
	return ofTeams(page.List(did), teams, at, view.Scope), nil
}

// ofTeams says what of teams that run the platform is left out of a scope.
func ofTeams(what string, teams []string, at string, s measure.Scope) *page.Apart {
	runs := "team " + teams[0] + ", which runs the platform"
	if len(teams) > 1 {
		runs = "teams " + page.List(teams) + ", which run the platform"
	}
	return &page.Apart{Says: what + " by " + runs, Href: address(at, only(s, measure.ByTeam, teams...))}
}
