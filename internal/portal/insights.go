package portal

import (
	"github.com/stoa-platform/stoa/internal/governance"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/insight"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// quarter is the time that leadership looks back on.
const quarter = 90

// year is the time of which it is told where newcomers stop: that somebody did shows
// after a month, and of a quarter few have had the time.
const year = 365

func (p *Portal) overviewPage(v *visit) error {
	ctx := v.Context()
	s, err := p.scope(v, quarter)
	if err != nil {
		return err
	}
	q := insight.OverviewQuery{Scope: s}
	if q.Spec, err = measure.SpecOf(ctx, p.Objects, measure.BalancedName); err != nil {
		return err
	}
	if q.Exceptions, err = object.All[governance.Exception](ctx, p.Objects, object.Query{}); err != nil {
		return err
	}
	show, err := p.insight().Overview(ctx, q, p.Clock())
	if err != nil {
		return err
	}
	show.Frame = p.frame(v, "Overview", "overview")
	sheets := []*page.Sheet{&show.Value, &show.Reach, &show.Blockers, &show.Decisions, &show.Review.Table}
	files(v, sheets...)
	if done, err := p.file(v, sheets...); done {
		return err
	}
	return p.render(v, 200, page.LeadershipPage(show))
}

// auditor says of which teams the visitor may read the events.
func (p *Portal) auditor(v *visit) func(team string) bool {
	return func(team string) bool { return p.mayAudit(v, team) == nil }
}

func (p *Portal) adoptionPage(v *visit) error {
	s, err := p.scope(v, measure.UsualDays)
	if err != nil {
		return err
	}
	show, err := p.insight().Adoption(v.Context(), s, p.Clock(), p.auditor(v))
	if err != nil {
		return err
	}
	show.Frame = p.frame(v, "Adoption", "adoption")
	sheets := []*page.Sheet{&show.Curve.Table, &show.Stages, &show.Stuck, &show.Funnel, &show.Matrix, &show.Path, &show.Retention}
	for i := range show.People {
		sheets = append(sheets, &show.People[i].Table)
	}
	files(v, sheets...)
	if done, err := p.file(v, sheets...); done {
		return err
	}
	return p.render(v, 200, page.AdoptionPage(show))
}

func (p *Portal) journeysPage(v *visit) error {
	s, err := p.scope(v, year)
	if err != nil {
		return err
	}
	show, err := p.insight().Journeys(v.Context(), s, p.Clock())
	if err != nil {
		return err
	}
	show.Frame = p.frame(v, "Journeys", "journeys")
	var sheets []*page.Sheet
	for i := range show.Personas {
		sheets = append(sheets, &show.Personas[i].Stops, &show.Personas[i].Ends)
	}
	files(v, sheets...)
	if done, err := p.file(v, sheets...); done {
		return err
	}
	return p.render(v, 200, page.JourneysPage(show))
}

func (p *Portal) deliveryPage(v *visit) error {
	s, err := p.scope(v, measure.UsualDays)
	if err != nil {
		return err
	}
	asked := v.URL.Query()
	q := insight.DeliveryQuery{Scope: s, Sort: asked.Get("sort"), Before: asked.Get("before"), All: asked.Has("all") || asked.Has("table"),
		MayAudit: p.auditor(v)}
	if q.Targets, err = measure.TargetsOf(v.Context(), p.Objects); err != nil {
		return err
	}
	show, err := p.insight().Delivery(v.Context(), q, p.Clock())
	if err != nil {
		return err
	}
	show.Frame = p.frame(v, "Delivery", "delivery")
	sheets := []*page.Sheet{&show.Groups, &show.Failures, &show.Contrast, &show.Failed}
	for i := range show.Panels {
		sheets = append(sheets, &show.Panels[i].Table)
	}
	files(v, sheets...)
	if done, err := p.file(v, sheets...); done {
		return err
	}
	return p.render(v, 200, page.DeliveryPage(show))
}
