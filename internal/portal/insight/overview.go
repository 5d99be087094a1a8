package insight

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/adoption/friction"
	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/governance"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/problem"
)

// What a platform gives, what it reaches, and what it risks.
var (
	benefits = []string{dora.LeadTime, dora.ChangeFailureRate, dora.RecoveryTime, dora.DeploymentFrequency, dora.Tickets} // on the path against off it
	reaches  = []string{"adoption-rate", "mau", "share-new-services-on-path", "time-to-first-deployment", "time-to-onboard"}
	risks    = []string{dora.ChangeFailureRate, dora.RecoveryTime, dora.UnattributedIncidents, "availability"}
	costs    = []struct{ name, title, waits string }{
		{"cost-per-service", "Cost per service", "rows of cost with team and service, in the shape of FOCUS"},
		{"return", "Return", "cost, and the rate an hour that the organisation sets"},
	}
)

// OverviewQuery is what the overview is made of beside the measures.
type OverviewQuery struct {
	measure.Scope
	Spec       measure.ScorecardSpec
	Exceptions []governance.Exception
}

// Overview answers: is it worth it, what blocks it, what must I decide?
func (i Insight) Overview(ctx context.Context, q OverviewQuery, now time.Time) (page.Leadership, error) {
	s := q.Scope
	s.By, s.Step = "", measure.Whole
	show := page.Leadership{Ranges: ranges("/overview", s, now), Same: page.Command{Text: "stoa scorecard " + flags(s), Says: "The numbers on the command line"}}
	view, err := i.Measures.View(ctx, s)
	if err != nil {
		return show, err
	}
	ctx = dora.Sharing(ctx, s)
	var rows map[string]measure.Row
	var contrasts []dora.Contrast
	var stuck []adoption.StuckTeam
	var gates, waits []page.Cells
	var refused string
	if err := measure.Together(ctx,
		func(ctx context.Context) (err error) {
			rows, show.Review, err = i.overviewRows(ctx, q.Spec, s)
			return err
		},
		into(&contrasts, func(ctx context.Context) ([]dora.Contrast, error) { return dora.Contrasts(ctx, view, i.Measures) }),
		into(&stuck, func(ctx context.Context) ([]adoption.StuckTeam, error) { return adoption.Stuck(ctx, view) }),
		func(ctx context.Context) (err error) {
			gates, refused, err = i.refusalRows(ctx, s)
			return err
		},
		into(&show.Ranges.Apart, func(ctx context.Context) (*page.Apart, error) {
			return apart(ctx, "/overview", view, counted{delivery: true, use: true})
		}),
		into(&waits, func(ctx context.Context) ([]page.Cells, error) { return i.waitingRow(ctx, s) }),
	); err != nil {
		return show, err
	}
	if show.Value, err = i.valueSheet(contrasts, s, rows); err != nil {
		return show, err
	}
	show.Reach = measuredSheet("reach", "Adoption and risk", append(slices.Clone(reaches), risks...), rows, s)
	show.Blockers = page.Sheet{Name: "blockers", Title: "What blocks people", Says: refused, Compact: true, Empty: "Nothing was refused and nobody is stuck in this time.",
		Columns: []page.Column{{Key: "what", Title: "What"}, {Key: "how", Title: "How much"}, {Key: "where", Title: "Who, or how long"}}, Rows: slices.Concat(stuckRows(stuck, s), waits, gates)}
	show.Decisions = decisionSheet(q.Exceptions, now)
	show.Sentence = overviewSentence(rows, show, stuck)
	return show, nil
}

// overviewRows computes what the overview and the scorecard show, each once, and
// what of the scorecard moved.
func (i Insight) overviewRows(ctx context.Context, spec measure.ScorecardSpec, s measure.Scope) (map[string]measure.Row, page.Review, error) {
	all := measure.ScorecardSpec{Rows: slices.Clone(spec.Rows)}
	for _, name := range slices.Concat(reaches, risks, []string{costs[0].name, costs[1].name}) {
		if !slices.ContainsFunc(all.Rows, func(r measure.ScorecardRow) bool { return r.Measure == name }) {
			all.Rows = append(all.Rows, measure.ScorecardRow{Measure: name})
		}
	}
	card, err := i.Measures.Score(ctx, "overview", all, s)
	rows := map[string]measure.Row{}
	var own []measure.Row
	for _, r := range card.Rows {
		rows[r.Measure] = r
		if slices.ContainsFunc(spec.Rows, func(of measure.ScorecardRow) bool { return of.Measure == r.Measure }) {
			own = append(own, r)
		}
	}
	return rows, review(own, s), err
}

// number is a value as files get it.
func number(v *float64) any {
	if v == nil {
		return nil
	}
	return *v
}

// measuredSheet lists measures with their targets.
func measuredSheet(name, title string, measures []string, rows map[string]measure.Row, s measure.Scope) page.Sheet {
	sheet := page.Sheet{Name: name, Title: title, Compact: true, Empty: "No data in this time.",
		Columns: []page.Column{{Key: "measure", Title: "Measure"}, {Key: "value", Title: "Value"}, {Key: "stands", Title: "Stands"}}}
	for _, m := range measures {
		r, ok := rows[m]
		if !ok || r.Note == notMeasured {
			continue
		}
		value := estimated(r.Unit, measure.Estimate{Value: r.Value, N: r.N, Interval: r.Interval}, "")
		stands := page.Cell{State: statuses[r.Status], Raw: string(r.Status)}
		if r.Target != nil {
			stands.Sub = targetText(r.Unit, r.Target)
		}
		if r.Status == measure.NoData {
			stands = page.Cell{Text: brief(cmp.Or(r.Note, "no data")), None: true, Raw: string(r.Status)}
		}
		sheet.Rows = append(sheet.Rows, page.Cells{{Text: r.Title, Href: address("/measures/"+m, s), Raw: m}, value, stands})
	}
	return sheet
}

// brief is the first thing that a note says; the measure's own page says the rest.
func brief(note string) string {
	first, _, _ := strings.Cut(note, ";")
	return first
}

// notMeasured is what a scorecard notes of a measure that there is not.
const notMeasured = "this platform does not measure it"

// valueSheet sets what the platform is worth against what it costs.
func (i Insight) valueSheet(contrasts []dora.Contrast, s measure.Scope, rows map[string]measure.Row) (page.Sheet, error) {
	sheet := page.Sheet{Name: "value", Title: "Value against cost", Compact: true, Says: "On the golden path against off it, within segments. " + dora.Caution,
		Columns: []page.Column{{Key: "what", Title: "What"}, {Key: "value", Title: "Difference"}, {Key: "says", Title: "It is"}}}
	all := i.contrastSheet(s, contrasts)
	for _, name := range benefits {
		for _, row := range all.Rows {
			if row[0].Raw == name {
				row[0].Href = "/delivery?" + s.Query().Encode() + "#contrast"
				sheet.Rows = append(sheet.Rows, page.Cells{row[0], row[3], row[4]})
			}
		}
	}
	if len(sheet.Rows) == 0 {
		sheet.Rows = append(sheet.Rows, page.Cells{{Text: "Delivery on the path against off it", Raw: "delivery"}, page.NoData(""), {Text: "waits for deployments of both kinds", None: true}})
	}
	for _, c := range costs {
		r := rows[c.name]
		waits := c.waits
		if d, err := i.Measures.Find(c.name); err == nil && d.Waits != "" {
			waits = d.Waits
		} else if err != nil && !problem.Is(err, problem.NotFound) {
			return sheet, err
		}
		cells := page.Cells{{Text: c.title, Raw: c.name}, page.NoData(""), {Text: "waits for " + waits, None: true}}
		if r.Value != nil {
			cells = page.Cells{{Text: r.Title, Href: address("/measures/"+c.name, s), Raw: c.name},
				estimated(r.Unit, measure.Estimate{Value: r.Value, N: r.N, Interval: r.Interval}, ""), {State: statuses[r.Status], Raw: string(r.Status)}}
		}
		sheet.Rows = append(sheet.Rows, cells)
	}
	return sheet, nil
}

// stuckRows say before which steps teams are stuck, and which.
func stuckRows(stuck []adoption.StuckTeam, s measure.Scope) []page.Cells {
	at := map[adoption.Milestone][]string{}
	for _, t := range stuck {
		at[t.Step] = append(at[t.Step], t.Team)
	}
	var rows []page.Cells
	for _, m := range adoption.MilestoneOrder() {
		teams := at[m]
		if len(teams) == 0 {
			continue
		}
		which := page.List(teams[:min(len(teams), teamsNamed)])
		if more := len(teams) - teamsNamed; more > 0 {
			which = strings.Join(teams[:teamsNamed], ", ") + fmt.Sprintf(" and %d more", more)
		}
		rows = append(rows, page.Cells{{Text: "stuck before " + stepWords[string(m)], Href: address("/adoption", s) + "#stuck", Raw: string(m)},
			{Text: page.Plural(int64(len(teams)), "team"), Raw: len(teams)}, {Text: "", Sub: which, Raw: teams}})
	}
	return rows
}

const teamsNamed = 4

// refusalRows are the gates that refused, the most often first, with what is to
// be known of their number.
func (i Insight) refusalRows(ctx context.Context, s measure.Scope) (rows []page.Cells, note string, err error) {
	answer, err := i.ask(ctx, "refusals", s)
	for _, p := range answer.Points {
		if p.Note != "" {
			note = "Refusals: " + p.Note + "."
		}
	}
	for _, p := range parts(answer, friction.PartGate) {
		rows = append(rows, page.Cells{{Text: "refused by " + p.name, Href: address("/measures/refusals", s) + "#evidence", Raw: p.name},
			{Text: page.Plural(int64(p.n), "refusal"), Raw: p.n}, {Text: fmt.Sprintf("in %d days", s.Days()), None: true}})
	}
	return rows[:min(len(rows), partsShown)], note, err
}

const partsShown = 5

type part struct {
	name string
	n    float64
}

// ask asks for a measure; one that this platform does not have has no points.
func (i Insight) ask(ctx context.Context, name string, s measure.Scope) (measure.Answer, error) {
	answer, err := i.Measures.Ask(ctx, name, s)
	if problem.Is(err, problem.NotFound) {
		return measure.Answer{}, nil
	}
	return answer, err
}

// parts are the named parts of an answer, the greatest first.
func parts(answer measure.Answer, prefix string) []part {
	var all []part
	for _, p := range answer.Points {
		for _, key := range sortedParts(p.Parts) {
			if of, ok := strings.CutPrefix(key, prefix); ok {
				all = append(all, part{of, p.Parts[key]})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b part) int { return cmp.Compare(b.n, a.n) })
	return all
}

// waitingRow says how many requests for access nobody has answered.
func (i Insight) waitingRow(ctx context.Context, s measure.Scope) ([]page.Cells, error) {
	answer, err := i.ask(ctx, "time-to-access", s)
	if err != nil || len(answer.Points) == 0 {
		return nil, err
	}
	p := answer.Points[0]
	waiting := int64(p.Parts["waiting"])
	if waiting == 0 {
		return nil, nil
	}
	usual := page.Cell{Text: "no usual time yet", None: true}
	if p.Value != nil {
		usual = page.Cell{Text: "usually " + answer.Unit.Format(*p.Value), Raw: *p.Value}
	}
	return []page.Cells{{{Text: "wait for access", Href: address("/measures/time-to-access", s) + "#evidence", Raw: "access"}, {Text: page.Plural(waiting, "request"), Raw: waiting}, usual}}, nil
}

// soon is how near the end of an exception is worth a decision, and how long ago.
const soon = 30 * 24 * time.Hour

// decisionSheet lists the exceptions that end soon, or just have.
func decisionSheet(all []governance.Exception, now time.Time) page.Sheet {
	sheet := page.Sheet{Name: "decisions", Title: "Exceptions to decide on", Compact: true, Empty: "No exception ends within 30 days.",
		Columns: []page.Column{{Key: "exception", Title: "Exception"}, {Key: "target", Title: "For"}, {Key: "ends", Title: "Ends"}}}
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b governance.Exception) int { return a.Spec.Sunset.Compare(b.Spec.Sunset) })
	for _, e := range all {
		if left := e.Spec.Sunset.Sub(now); left > soon || left < -soon {
			continue
		}
		target := page.Cell{Text: e.Spec.Target, Raw: e.Spec.Target}
		kind, name, _ := strings.Cut(e.Spec.Target, "/")
		target.Href = "/" + kind + "s/" + name
		sheet.Rows = append(sheet.Rows, page.Cells{{Text: e.Spec.Gate, Sub: e.Spec.Reason, Raw: e.Metadata.Name}, target,
			{At: e.Spec.Sunset, Raw: e.Spec.Sunset, Sub: "agreed by " + page.List(e.Spec.Approvers)}})
	}
	return sheet
}

func overviewSentence(rows map[string]measure.Row, show page.Leadership, stuck []adoption.StuckTeam) string {
	var parts []string
	if r := rows["adoption-rate"]; r.Value != nil {
		parts = append(parts, fmt.Sprintf("%s of %s use the platform", measure.Ratio.Format(*r.Value), page.Plural(r.N, "team")))
	} else {
		parts = append(parts, "Nobody has used the platform yet")
	}
	if n := len(show.Review.Well) + len(show.Review.Badly); n > 0 {
		parts = append(parts, page.Plural(int64(n), "measure")+" moved by more than chance")
	}
	if len(stuck) > 0 {
		parts = append(parts, stuckWords(stuck))
	}
	if n := len(show.Decisions.Rows); n > 0 {
		parts = append(parts, page.Plural(int64(n), "exception")+" to decide on")
	}
	return strings.Join(parts, "; ") + "."
}
