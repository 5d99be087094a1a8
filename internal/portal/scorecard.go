package portal

import (
	"cmp"
	"math"
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

func (p *Portal) scorecard(v *visit) error {
	name := cmp.Or(v.URL.Query().Get("name"), measure.BalancedName)
	spec, err := measure.SpecOf(v.Context(), p.Objects, name)
	if err != nil {
		return err
	}
	s, err := p.scope(v, cmp.Or(spec.Days, measure.UsualDays))
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
	return p.render(v, 200, page.ScorecardPage(show))
}

func (p *Portal) mayTarget(v *visit) bool {
	kind, ok := p.Kinds.ByName("Scorecard")
	return ok && auth.Allowed(v.principal, auth.Update, kind, "").Allowed
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
	for i, r := range spec.Rows {
		d, err := p.Measures.Find(r.Measure)
		if err != nil {
			return err
		}
		row := page.TargetRow{Measure: r.Measure, Title: cmp.Or(r.Title, d.Title), Unit: unitWords(d.Unit)}
		if r.Target != nil {
			row.Op, row.Value, row.Relative = r.Target.Op, shownTarget(d.Unit, r.Target), r.Target.Relative
			if r.Target.Relative {
				row.Unit = "% against the time before"
			}
		}
		if v.Method == "POST" {
			row.Op, row.Value = v.PostFormValue("op."+r.Measure), v.PostFormValue("value."+r.Measure)
		}
		if refused != nil {
			for _, f := range refused.Fields {
				if f.Path == "value."+r.Measure || strings.HasPrefix(f.Path, "spec.rows["+strconv.Itoa(i)+"].target") {
					row.Told = f.Message
				}
			}
		}
		show.Rows = append(show.Rows, row)
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
	rows := make([]measure.ScorecardRow, len(spec.Rows))
	for i, r := range spec.Rows {
		d, err := p.Measures.Find(r.Measure)
		if err != nil {
			return err
		}
		rows[i] = measure.ScorecardRow{Measure: r.Measure, Title: r.Title}
		text := strings.TrimSpace(strings.ReplaceAll(v.PostFormValue("value."+r.Measure), ",", "."))
		if text == "" {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		told := ""
		switch {
		case math.Abs(value) > maxTarget:
			told = "must lie between -1e12 and 1e12"
		case err != nil || math.IsNaN(value):
			told = strconv.Quote(text) + " is no number"
		}
		if told != "" {
			wrong = append(wrong, problem.Field{Path: "value." + r.Measure, Message: told})
			continue
		}
		relative := r.Target != nil && r.Target.Relative
		rows[i].Target = &measure.Target{Op: v.PostFormValue("op." + r.Measure), Value: keptTarget(d.Unit, value, relative), Relative: relative}
	}
	if len(wrong) > 0 {
		return p.showTargets(v, problem.New(problem.Invalid, "the targets were not changed").WithFields(wrong...))
	}
	spec.Rows = rows
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

// maxTarget bounds what a target can be, as it is typed.
const maxTarget = 1e12

// The form shows shares in percent, durations in hours and money in whole units.
func targetScale(u measure.Unit, relative bool) float64 {
	switch {
	case relative || u == measure.Ratio:
		return 0.01
	case u == measure.Seconds:
		return 3600
	case u == measure.Money:
		return 100
	}
	return 1
}

func shownTarget(u measure.Unit, t *measure.Target) string {
	return strconv.FormatFloat(t.Value/targetScale(u, t.Relative), 'f', -1, 64)
}

func keptTarget(u measure.Unit, shown float64, relative bool) float64 {
	scale := targetScale(u, relative)
	if scale < 1 {
		return shown / (1 / scale) // 70 / 100 is 0.7, 70 × 0.01 is not quite
	}
	return shown * scale
}

func unitWords(u measure.Unit) string {
	switch u {
	case measure.Ratio:
		return "%"
	case measure.Seconds:
		return "hours"
	case measure.PerDay:
		return "a day"
	case measure.PerWeek:
		return "a week"
	case measure.PerMonth, measure.Money:
		return "in 30 days"
	case measure.Per100:
		return "for 100 users in 30 days"
	case measure.Count, measure.Score:
	}
	return ""
}
