package insight

import (
	"context"
	"maps"
	"math"
	"slices"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// matrix is which segment uses which capability.
func (i Insight) matrix(ctx context.Context, s measure.Scope, view *measure.View) (page.Sheet, error) {
	sheet := page.Sheet{Name: "matrix", Title: "Capability by segment", Empty: "No capability is offered to any team yet. Declare what the platform offers: stoa apply -f capability.yaml",
		Says:    "Teams that used it in this time, of those to which it is offered.",
		Columns: []page.Column{{Key: "capability", Title: "Capability"}, {Key: "all", Title: "All teams"}}}
	cells, err := adoption.Matrix(ctx, view)
	if err != nil {
		return sheet, err
	}
	cut := s
	cut.By = measure.ByCapability
	whole, err := i.Measures.Ask(ctx, "adoption-rate", cut)
	if err != nil {
		return sheet, err
	}
	places := map[string]int{} // of the segments' columns
	for _, c := range cells {
		places[c.Segment] = 0
	}
	for n, name := range slices.Sorted(maps.Keys(places)) {
		places[name] = n + 2
		sheet.Columns = append(sheet.Columns, page.Column{Key: name, Title: groupName(measure.BySegment, name)})
	}
	rows := map[string]page.Cells{}
	for _, c := range cells {
		if rows[c.Capability] == nil {
			rows[c.Capability] = page.Cells{{Text: c.Capability, Raw: c.Capability}}
			for range len(sheet.Columns) - 1 {
				rows[c.Capability] = append(rows[c.Capability], page.NoData("offered to none"))
			}
		}
		rows[c.Capability][places[c.Segment]] = shared(c.Rate, address("/measures/adoption-rate", only(only(s, measure.BySegment, c.Segment), measure.ByCapability, c.Capability)))
	}
	for _, p := range whole.Points {
		if row := rows[p.Group]; row != nil {
			row[1] = shared(p.Estimate, address("/measures/adoption-rate", only(s, measure.ByCapability, p.Group)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		sheet.Rows = append(sheet.Rows, rows[name])
	}
	return sheet, nil
}

// shared is a share as a cell whose shade says the same as its number.
func shared(e measure.Estimate, href string) page.Cell {
	c := estimated(measure.Ratio, e, href)
	if e.Value != nil {
		c.Shade = shade(*e.Value)
	}
	return c
}

func shade(share float64) int { return int(math.Ceil(min(max(share, 0), 1) * 5)) }

// pathSheet is how much goes the golden path.
func (i Insight) pathSheet(ctx context.Context, s measure.Scope) (page.Sheet, error) {
	sheet := page.Sheet{Name: "path", Title: "On and off the golden path", Empty: "Nothing was deployed to production in this time.", Compact: true,
		Columns: []page.Column{{Key: "what", Title: "What"}, {Key: "on", Title: "On"}, {Key: "off", Title: "Off"}, {Key: "share", Title: "Share on"}}}
	cut := s
	cut.By = measure.ByPath
	deployed, err := i.Measures.Ask(ctx, dora.DeploymentFrequency, cut)
	if err != nil || len(deployed.Points) == 0 {
		return sheet, err
	}
	sides := map[string]measure.Estimate{}
	for _, p := range deployed.Points {
		sides[p.Group] = p.Estimate
	}
	add := func(what string, on, off float64, href func(path string) string) {
		share := page.NoData("")
		if on+off > 0 {
			share = page.Cell{Text: measure.Ratio.Format(on / (on + off)), Raw: on / (on + off), Bar: page.Drawn(on / (on + off))}
		}
		sheet.Rows = append(sheet.Rows, page.Cells{{Text: what, Raw: what}, {Text: page.Count(int64(on)), Raw: on, Href: href(measure.OnPath)},
			{Text: page.Count(int64(off)), Raw: off, Href: href(measure.OffPath)}, share})
	}
	deployments := func(path string) string {
		return address("/measures/"+dora.DeploymentFrequency, only(s, measure.ByPath, path))
	}
	for _, r := range []struct{ what, part string }{{"Deployments to production", "deployments"}, {"Services deployed", "services"}} {
		add(r.what, sides[measure.OnPath].Parts[r.part], sides[measure.OffPath].Parts[r.part], deployments)
	}
	fresh, err := i.ask(ctx, "share-new-services-on-path", s)
	for _, p := range fresh.Points {
		add("New services", p.Parts["onPath"], p.Parts["offPath"], func(string) string { return address("/measures/share-new-services-on-path", s) })
	}
	return sheet, err
}
