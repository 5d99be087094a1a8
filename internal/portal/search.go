package portal

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// places are the pages that can be gone to by name.
var places = []page.Hit{
	{Title: "Home", Says: "page", Href: "/"}, {Title: "Services", Says: "page", Href: "/services"},
	{Title: "Teams", Says: "page", Href: "/teams"}, {Title: "Overview", Says: "page: is it worth it, what blocks it", Href: "/overview"},
	{Title: "Scorecard", Says: "page: is the product healthy", Href: "/scorecard"}, {Title: "Adoption", Says: "page: who uses it, who is stuck", Href: "/adoption"},
	{Title: "Delivery", Says: "page: how fast, how safely", Href: "/delivery"}, {Title: "Measures", Says: "page: what is measured", Href: "/measures"}, {Title: "Journeys", Says: "page: where newcomers stop", Href: "/journeys"},
	{Title: "Audit", Says: "page", Href: "/audit"}, {Title: "What is kept about me", Says: "page", Href: "/me"},
	{Title: "Failed services", Says: "services by state", Href: "/services?state=failed"},
	{Title: "Degraded services", Says: "services by state", Href: "/services?state=degraded"},
	{Title: "Documentation", Says: "page", Href: "/docs"},
	{Title: "API description", Says: "OpenAPI 3.1", Href: "/openapi.json"},
}

// hitsShown is how many of each kind a search gives.
const hitsShown = 8

func (p *Portal) search(v *visit) error {
	query := strings.TrimSpace(v.URL.Query().Get("q"))
	hits, err := p.hits(v, query)
	if err != nil {
		return err
	}
	if v.URL.Query().Get("format") == "json" {
		v.use.Capability = "" // asked while somebody types: no page is looked at
		body, err := json.Marshal(map[string]any{"items": hits})
		if err != nil {
			return err
		}
		return p.write(v, http.StatusOK, "application/json", append(body, '\n'))
	}
	return p.render(v, http.StatusOK, page.SearchPage(page.Search{Frame: p.frame(v, "Search", ""), Query: query, Hits: hits}))
}

func (p *Portal) hits(v *visit, query string) ([]page.Hit, error) {
	hits := []page.Hit{}
	for _, kind := range []string{"Service", "Team"} {
		found, err := p.byName(v.Context(), v, kind, query)
		if err != nil {
			return nil, err
		}
		hits = append(hits, found...)
	}
	for _, at := range places {
		if contains(at.Title, query) {
			hits = append(hits, at)
		}
	}
	if query == "" {
		return hits, nil
	}
	for _, d := range p.Measures.Definitions() {
		if contains(d.Title, query) || contains(d.Name, query) || contains(d.Question, query) {
			hits = append(hits, page.Hit{Title: d.Title, Says: "measure: " + d.Question, Href: "/measures/" + d.Name})
		}
	}
	return hits, nil
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// byName finds objects; without a query the visitor's own.
func (p *Portal) byName(ctx context.Context, v *visit, kind, query string) ([]page.Hit, error) {
	var hits []page.Hit
	if query != "" {
		found, err := p.Objects.List(ctx, object.Query{Kind: kind, Search: query, Limit: hitsShown})
		if err != nil {
			return nil, err
		}
		for _, d := range found.Items {
			hits = append(hits, hit(kind, d.Name, d.Owner))
		}
		return hits, nil
	}
	for _, team := range v.teams() {
		if kind == "Team" {
			hits = append(hits, hit(kind, team, team))
			continue
		}
		found, err := p.Objects.List(ctx, object.Query{Kind: kind, Owner: team, Newest: true, Limit: hitsShown})
		if err != nil {
			return nil, err
		}
		for _, d := range found.Items {
			hits = append(hits, hit(kind, d.Name, d.Owner))
		}
	}
	return hits, nil
}

func hit(kind, name, owner string) page.Hit {
	if kind == "Team" {
		return page.Hit{Title: name, Says: "team", Href: "/teams/" + name}
	}
	return page.Hit{Title: name, Says: "service of " + owner, Href: "/services/" + name}
}
