package portal

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/insight"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/problem"
)

// scope reads the time and the cut of the address.
func (p *Portal) scope(v *visit, usual int) (measure.Scope, error) {
	return measure.ParseScope(v.URL.Query(), usual, p.Clock())
}

func (p *Portal) insight() insight.Insight { return insight.Insight{Measures: p.Measures} }

// card is the scorecard that the address asks for.
func (p *Portal) card(v *visit) (name string, spec measure.ScorecardSpec, s measure.Scope, err error) {
	name = cmp.Or(v.URL.Query().Get("name"), measure.BalancedName)
	if spec, err = measure.SpecOf(v.Context(), p.Objects, name); err != nil {
		return name, spec, s, err
	}
	s, err = p.scope(v, cmp.Or(spec.Days, measure.UsualDays))
	return name, spec, s, err
}

func (p *Portal) scorecard(v *visit) error {
	name, spec, s, err := p.card(v)
	if err != nil {
		return err
	}
	show, err := p.insight().Scorecard(v.Context(), name, spec, s, p.Clock())
	if err != nil {
		return err
	}
	show.Frame = p.frame(v, show.Title, "scorecard")
	if p.mayTarget(v) {
		show.Edit = page.Link("/scorecard/targets", "name", name)
	}
	files(v, &show.Table)
	if done, err := p.file(v, &show.Table); done {
		return err
	}
	return p.render(v, 200, page.ScorecardPage(show))
}

// later fills the places of a scorecard's page that wait for what takes longer.
func (p *Portal) later(v *visit) error {
	_, spec, s, err := p.card(v)
	if err != nil {
		return err
	}
	show, err := p.insight().Later(v.Context(), spec, s, strings.Split(v.URL.Query().Get("moved"), ","))
	if err != nil {
		return err
	}
	return p.render(v, 200, page.LaterParts(show))
}

func (p *Portal) mayTarget(v *visit) bool {
	kind, ok := p.Kinds.ByName("Scorecard")
	return ok && auth.Allowed(v.principal, auth.Update, kind, "").Allowed
}

// measures lists all measures.
func (p *Portal) measures(v *visit) error {
	show := p.insight().List()
	show.Frame = p.frame(v, "Measures", "scorecard")
	files(v, &show.Table)
	if done, err := p.file(v, &show.Table); done {
		return err
	}
	return p.render(v, 200, page.MeasuresPage(show))
}

// measure shows one number with the events behind it, to those who may read them.
func (p *Portal) measure(v *visit) error {
	name := v.PathValue("name")
	s, err := p.scope(v, measure.UsualDays)
	if err != nil {
		return err
	}
	targets, err := measure.TargetsOf(v.Context(), p.Objects)
	if err != nil {
		return err
	}
	show, err := p.insight().Measure(v.Context(), name, s, targets, p.Clock())
	if err != nil {
		return err
	}
	show.Frame = p.frame(v, show.Title, "scorecard")
	if show.MayAudit = p.mayAudit(v, strings.Join(s.Only[measure.ByTeam], ",")) == nil; show.MayAudit {
		if err := p.behind(v, &show, name, s); err != nil {
			return err
		}
	}
	return p.render(v, 200, page.MeasurePage(show))
}

// behind adds the events behind a measure.
func (p *Portal) behind(v *visit, show *page.Measure, name string, s measure.Scope) error {
	after, err := strconv.ParseInt(cmp.Or(v.URL.Query().Get("after"), "0"), 10, 64)
	if err != nil || after < 0 {
		return problem.New(problem.Invalid, "after %q is not the number of an event", v.URL.Query().Get("after"))
	}
	s.By, s.Step = "", measure.Whole
	seqs, err := p.Measures.Evidence(v.Context(), name, s, after, eventsShown)
	if err != nil || len(seqs) == 0 {
		return err
	}
	found, err := p.Ledger.Events(v.Context(), event.Filter{Seqs: seqs, Limit: len(seqs)})
	if err != nil {
		return err
	}
	known, err := p.named(v.Context(), found)
	if err != nil {
		return err
	}
	for _, r := range found {
		show.Evidence = append(show.Evidence, eventRow(r, known, event.Checkpoint{}))
	}
	if n := len(found); n > 0 && (n < len(seqs) || n == eventsShown) {
		q := s.Query()
		q.Set("after", strconv.FormatInt(found[n-1].Seq, 10))
		show.More = "/measures/" + name + "?" + q.Encode() + "#evidence"
	}
	return nil
}

func (p *Portal) targets(v *visit) error { return p.showTargets(v, nil) }

// showTargets is the form of a scorecard's targets, with what was typed when it
// was refused.
func (p *Portal) showTargets(v *visit, refused *problem.Problem) error {
	name := cmp.Or(v.FormValue("name"), measure.BalancedName)
	if !p.mayTarget(v) {
		kind, _ := p.Kinds.ByName("Scorecard")
		return auth.Allowed(v.principal, auth.Update, kind, "").Err()
	}
	spec, err := measure.SpecOf(v.Context(), p.Objects, name)
	if err != nil {
		return err
	}
	show := page.Targets{Frame: p.frame(v, "Targets of "+spec.Title, "scorecard"), Name: name, Reason: v.FormValue("reason"),
		Same: page.Command{Text: "stoa get scorecard " + name + " -o yaml", Says: "As a file, to change and apply"}}
	var typed func(field string) string
	if v.Method == "POST" {
		typed = v.PostFormValue
	}
	if show.Rows, err = p.insight().TargetRows(spec, typed, refused); err != nil {
		return err
	}
	status := 200
	if refused != nil {
		show.Problem, status = refused, statuses[refused.Kind]
	}
	return p.render(v, status, page.TargetsPage(show))
}

// setTargets declares the scorecard with the targets of the form, through
// admission: the change is in its history and in the ledger.
func (p *Portal) setTargets(v *visit) error {
	name := cmp.Or(v.PostFormValue("name"), measure.BalancedName)
	spec, err := measure.SpecOf(v.Context(), p.Objects, name)
	if err != nil {
		return err
	}
	var wrong []problem.Field
	if spec.Rows, wrong, err = p.insight().ReadTargets(spec, v.PostFormValue); err != nil {
		return err
	}
	if len(wrong) > 0 {
		return p.showTargets(v, problem.New(problem.Invalid, "the targets were not changed").WithFields(wrong...))
	}
	card := object.New[measure.ScorecardSpec, struct{}](name, "", spec)
	want, err := card.Object()
	if err != nil {
		return err
	}
	change := &admission.Change{By: v.principal, Surface: surface, Capability: "catalog", Reason: strings.TrimSpace(v.PostFormValue("reason"))}
	change.Add(&admission.Draft{Want: want})
	if _, err := p.Verbs.Admit.Apply(v.Context(), change); err != nil {
		return p.showTargets(v, p.told(v, err))
	}
	v.use.Capability = "catalog"
	return v.go303(page.Link("/scorecard", "name", name, "done", "targets"))
}
