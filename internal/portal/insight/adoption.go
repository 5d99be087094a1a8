package insight

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// Adoption answers: who uses it, who is stuck, what will be? MayAudit says whose
// events the visitor may read.
func (i Insight) Adoption(ctx context.Context, s measure.Scope, now time.Time, mayAudit func(team string) bool) (page.Adoption, error) {
	s.By, s.Step = "", measure.Whole
	show := page.Adoption{Ranges: ranges("/adoption", s, now),
		Same: page.Command{Text: "stoa measure adoption-rate --step month " + flags(s), Says: "The share by month on the command line"}}
	whole, err := i.Measures.Ask(ctx, "adoption-rate", s)
	if err != nil {
		return show, err
	}
	view, err := i.Measures.View(ctx, s)
	if err != nil {
		return show, err
	}
	show.Chips = chips("/adoption", s, view.Org)
	if show.Ranges.Apart, err = apart(ctx, "/adoption", view, counted{use: true}); err != nil {
		return show, err
	}
	var forecast adoption.Forecasted
	var past *forecasted
	var stuck []adoption.StuckTeam
	work := []func(context.Context) error{
		func(ctx context.Context) (err error) {
			if forecast, err = adoption.Forecast(ctx, view); err != nil {
				return err
			}
			past, err = i.forecastBefore(ctx, forecast, s)
			return err
		},
		into(&stuck, func(ctx context.Context) ([]adoption.StuckTeam, error) { return adoption.Stuck(ctx, view) }),
		into(&show.Funnel, func(ctx context.Context) (page.Sheet, error) {
			funnel, err := adoption.Funnel(ctx, view)
			return funnelSheet(funnel, s), err
		}),
		into(&show.Stages, func(ctx context.Context) (page.Sheet, error) {
			stages, err := adoption.TeamStages(ctx, view)
			return stageSheet(stages), err
		}),
		into(&show.Matrix, func(ctx context.Context) (page.Sheet, error) { return i.matrix(ctx, s, view) }),
		into(&show.Path, func(ctx context.Context) (page.Sheet, error) { return i.pathSheet(ctx, s) }),
		into(&show.Retention, func(ctx context.Context) (page.Sheet, error) { return i.retentionSheet(ctx, s) }),
	}
	var people, months []measure.Answer
	work = append(work,
		// One after the other: the days that the year was made of are kept, and both would
		// wait for them.
		func(ctx context.Context) (err error) {
			if months, err = i.Measures.AskAll(ctx, activePeople, yearOf(s)); err != nil {
				return err
			}
			people, err = i.Measures.AskAll(ctx, activePeople, s)
			return err
		})
	if err := measure.Together(ctx, work...); err != nil {
		return show, err
	}
	for n, answer := range months {
		show.People = append(show.People, panel(answer, s, people[n].Points[0].Estimate, nil))
	}
	show.Curve, show.Stuck = curve(forecast, s), stuckSheet(stuck, mayAudit)
	rate := whole.Points[0].Estimate
	show.Sentence = adoptionSentence(rate, s.Days(), forecast, past, stuck)
	show.First = rate.Value == nil || rate.Parts["using"] == 0
	return show, nil
}

// activePeople are the measures of the people who come back.
var activePeople = []string{"mau", "wau", "dau", "stickiness"}

// forecasted is what was foretold of the last month that is over.
type forecasted struct {
	at    string // the day on which it could be foretold
	teams adoption.MonthCount
}

// lookBack is how many months ago the forecast was made that the last month is
// held against.
const lookBack = 3

// forecastBefore makes the forecast as it would have been made some months before
// the last one that is over; nil when there was none.
func (i Insight) forecastBefore(ctx context.Context, f adoption.Forecasted, s measure.Scope) (*forecasted, error) {
	if len(f.Counted) <= lookBack {
		return nil, nil
	}
	last, err := time.Parse("2006-01", f.Counted[len(f.Counted)-1].Month)
	if err != nil {
		return nil, fmt.Errorf("month of a forecast: %w", err)
	}
	then := last.AddDate(0, 1-lookBack, 0)
	s.From, s.To = measure.Day(then)-1, measure.Day(then)
	view, err := i.Measures.View(ctx, s)
	if err != nil {
		return nil, err
	}
	before, err := adoption.Forecast(ctx, view)
	if err != nil {
		return nil, err
	}
	for _, m := range before.Coming {
		if m.Month == last.Format("2006-01") {
			return &forecasted{then.Format("2 Jan 2006"), m}, nil
		}
	}
	return nil, nil
}

// adoptionSentence says how many use the platform in the days of the page, and where
// it is foretold how many have started, which is more, how many did.
func adoptionSentence(rate measure.Estimate, days int64, f adoption.Forecasted, past *forecasted, stuck []adoption.StuckTeam) string {
	if rate.Value == nil {
		return "Nothing is known of anybody using the platform in this time."
	}
	parts := []string{fmt.Sprintf("%s of %s use Stoa", measure.Ratio.Format(*rate.Value), page.Plural(rate.N, "team"))}
	if past != nil && f.Market > 0 {
		last := f.Counted[len(f.Counted)-1]
		points := (last.Teams - past.teams.Teams) / float64(f.Market) * 100
		text := "as many as was forecast on " + past.at
		if side := map[bool]string{true: "over", false: "under"}[points > 0]; points >= 0.5 || points <= -0.5 {
			text = fmt.Sprintf("%.0f points %s the forecast of %s", max(points, -points), side, past.at)
			if in := past.teams.Interval; in != nil && last.Teams >= in.Low && last.Teams <= in.High {
				text += ", within its band"
			}
		}
		started := fmt.Sprintf("%s of %s had started by the end of %s", measure.Ratio.Format(last.Teams/float64(f.Market)), page.Plural(int64(f.Market), "team"), month(last.Month+"-01"))
		used := measure.Ratio.Format(*rate.Value)
		if rate.N != int64(f.Market) {
			used += " of " + page.Count(rate.N)
		}
		parts = []string{started + ", " + text, fmt.Sprintf("%s used it in these %s", used, page.Plural(days, "day"))}
	}
	if n := len(stuck); n > 0 {
		parts = append(parts, stuckWords(stuck))
	} else if f.Market > 0 {
		parts = append(parts, "no team is stuck")
	}
	return strings.Join(parts, "; ") + "."
}

// stuckWords say how many teams are stuck, and before which step the most are.
func stuckWords(stuck []adoption.StuckTeam) string {
	at := map[adoption.Milestone]int{}
	for _, t := range stuck {
		at[t.Step]++
	}
	most := stuck[0].Step
	for _, m := range adoption.MilestoneOrder() {
		if at[m] > at[most] {
			most = m
		}
	}
	if len(stuck) == 1 {
		return "1 team is stuck before its " + stepWords[string(most)]
	}
	text := page.Plural(int64(len(stuck)), "team") + " are stuck"
	switch at[most] {
	case len(stuck):
		return text + " before their " + stepWords[string(most)]
	case 1:
		return text + ", each before another step"
	}
	return text + ", " + page.Count(int64(at[most])) + " of them before their " + stepWords[string(most)]
}

// stepWords read the steps of the way onto the platform.
var stepWords = map[string]string{
	string(adoption.AccessAsked): "request for access", string(adoption.AccessGranted): "access", string(adoption.FirstDeployment): "first deployment",
	string(adoption.FirstLogQuery): "first log query", string(adoption.FirstAlert): "first alert", "onboarded": "all of it",
}

func stuckSheet(stuck []adoption.StuckTeam, mayAudit func(team string) bool) page.Sheet {
	sheet := page.Sheet{Name: "stuck", Title: "Teams that are stuck", Says: stuckSays(stuck),
		Empty: "No team waits longer for its next step than is usual.",
		Columns: []page.Column{{Key: "team", Title: "Team"}, {Key: "step", Title: "Waits for"}, {Key: "since", Title: "Since"}, {Key: "waited", Title: "Waited"},
			{Key: "usual", Title: "Three of four need"}, {Key: "evidence", Title: "The step before"}}}
	for _, t := range stuck {
		usual := page.Cell{Text: "no usual time known: over " + measure.Seconds.Format(t.Limit), None: true}
		if t.Usual != nil {
			usual = page.Cell{Text: measure.Seconds.Format(*t.Usual), Raw: *t.Usual}
		}
		evidence := page.Cell{Text: "event " + page.Count(t.Evidence), Raw: t.Evidence}
		if mayAudit(t.Team) {
			evidence.Href = "/audit/" + page.Decimal(t.Evidence)
		}
		sheet.Rows = append(sheet.Rows, page.Cells{{Text: t.Team, Href: "/teams/" + t.Team, Raw: t.Team}, {Text: stepWords[string(t.Step)], Raw: string(t.Step)},
			{At: t.Since, Raw: t.Since}, {Text: measure.Seconds.Format(t.Waited), Raw: t.Waited}, usual, evidence})
	}
	return sheet
}

// stuckSays says what the teams that are stuck wait longer than: what is usual, as
// far as it is known of their steps.
func stuckSays(stuck []adoption.StuckTeam) string {
	unknown := 0
	for _, t := range stuck {
		if t.Usual == nil {
			unknown++
		}
	}
	limit := measure.Seconds.Format(adoption.StuckUnknown)
	switch usual := "They wait for their next step longer than three of four teams that had got as far needed for it, and longer than a day"; unknown {
	case 0:
		return usual + "."
	case len(stuck):
		return "They wait for their next step longer than " + limit + ": too few teams ever got there to say what is usual."
	default:
		return usual + "; longer than " + limit + " where too few teams ever got there to say what is usual."
	}
}

// stepMeasures are the measures whose evidence is the events of a step.
var stepMeasures = map[string]string{
	string(adoption.AccessAsked): "time-to-access", string(adoption.AccessGranted): "time-to-access", string(adoption.FirstDeployment): "time-to-first-deployment",
	string(adoption.FirstLogQuery): "time-to-first-log-query", string(adoption.FirstAlert): "time-to-first-alert", "onboarded": "time-to-onboard",
}

func funnelSheet(f adoption.Path, s measure.Scope) page.Sheet {
	sheet := page.Sheet{Name: "funnel", Title: "How far teams have come", Says: "Whenever that was. The times are medians that count those who are not there yet.",
		Empty: "There is no team yet. Declare the first one: stoa apply -f team.yaml",
		Columns: []page.Column{{Key: "step", Title: "Step"}, {Key: "teams", Title: "Teams"}, {Key: "share", Title: "Share"},
			{Key: "fromStart", Title: "From the request"}, {Key: "fromBefore", Title: "From the step before"}}}
	if f.Teams == 0 {
		return sheet
	}
	if f.Since != 0 {
		s.From = min(s.From, f.Since) // the page's own time may hold none of it
	}
	for n, step := range f.Steps {
		events, from := "", ""
		if name := stepMeasures[step.Name]; name != "" && step.Teams > 0 {
			events = address("/measures/"+name, s)
			if from = events; name == "time-to-access" { // that is of people, not of teams
				from = ""
			}
		}
		head := page.Cell{Text: upper(stepWords[step.Name]), Raw: step.Name}
		share := estimated(measure.Ratio, step.Share, "")
		if step.Share.Value != nil {
			share.Bar = page.Drawn(*step.Share.Value)
		}
		start, before := estimated(measure.Seconds, step.FromStart, from), estimated(measure.Seconds, step.FromBefore, "")
		if n == 0 {
			start, before = page.Cell{Text: "the start", None: true}, page.Cell{Text: "the start", None: true}
		}
		if step.Name == "onboarded" { // it is no step of its own
			before = page.Cell{Text: "with the last of them", None: true}
		}
		sheet.Rows = append(sheet.Rows, page.Cells{head, {Text: fmt.Sprintf("%d of %d", step.Teams, f.Teams), Href: events, Raw: step.Teams}, share, start, before})
	}
	return sheet
}

func upper(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

var stageWords = map[adoption.Stage]string{
	adoption.NotStarted: "not started", adoption.Asked: "asked for access", adoption.Granted: "have access", adoption.Deployed: "have deployed",
	adoption.Observed: "looked at their logs", adoption.Onboarded: "onboarded, quiet", adoption.Active: "onboarded and active", adoption.Lapsed: "lapsed",
}

// namesShown is how many teams of a stage are named at once; the others are unfolded.
const namesShown = 8

func stageSheet(stages []adoption.StageTeams) page.Sheet {
	sheet := page.Sheet{Name: "stages", Title: "Where each team is", Compact: true, Empty: "There is no team yet.",
		Says:    "Each team is at one stage. Lapsed ones used something once, and nothing in the last 30 days.",
		Columns: []page.Column{{Key: "stage", Title: "Stage"}, {Key: "count", Title: "Teams"}, {Key: "teams", Title: "Which"}}}
	total := 0
	for _, stage := range stages {
		total += len(stage.Teams)
		which := page.Cell{Text: "none", None: true}
		if len(stage.Teams) > 0 {
			which = page.Cell{Raw: stage.Teams}
			for k, team := range stage.Teams {
				link := page.Choice{Label: team, Href: "/teams/" + team}
				if k < namesShown {
					which.Links = append(which.Links, link)
				} else {
					which.More = append(which.More, link)
				}
			}
		}
		sheet.Rows = append(sheet.Rows, page.Cells{{Text: upper(stageWords[stage.Stage]), Raw: string(stage.Stage)}, {Text: page.Count(int64(len(stage.Teams))), Raw: len(stage.Teams)}, which})
	}
	if total == 0 {
		sheet.Rows = nil
	}
	return sheet
}

// retentionSheet is which teams stay, by the month in which they came.
func (i Insight) retentionSheet(ctx context.Context, s measure.Scope) (page.Sheet, error) {
	sheet := page.Sheet{Name: "retention", Title: "Do they stay?", Compact: true, Empty: "No month is over yet since a team started.",
		Columns: []page.Column{{Key: "month", Title: "Started"}, {Key: "teams", Title: "Teams"}}}
	s = yearOf(s)
	s.Step = measure.Whole
	view, err := i.Measures.View(ctx, s)
	if err != nil {
		return sheet, err
	}
	r, err := adoption.Retention(ctx, view)
	if err != nil || len(r.Cohorts) == 0 {
		return sheet, err
	}
	sheet.Says = "The share that still used the platform after so many months, of the teams that started in one. " + retentionWords(r)
	for k := range r.Months {
		sheet.Columns = append(sheet.Columns, page.Column{Key: fmt.Sprintf("after%d", k), Title: fmt.Sprintf("After %d", k)})
	}
	sheet.Columns[2].Title = "At first"
	together := page.Cells{{Text: "All together", Raw: "all"}, {}}
	teams := 0
	for k, e := range r.Months {
		cell := shared(e, keptEvents(r.Cohorts[0].Month, k, s, s.To))
		cell.Sub = "n\u00a0" + page.Count(e.N)
		together = append(together, cell)
	}
	for _, c := range slices.Backward(r.Cohorts) {
		teams += c.Teams
		row := page.Cells{{Text: month(c.Month + "-01"), Raw: c.Month}, {Text: page.Count(int64(c.Teams)), Raw: c.Teams}}
		for k := range r.Months {
			if k >= len(c.Active) {
				row = append(row, page.Cell{Text: "–", Sub: "", None: true})
				continue
			}
			share := float64(c.Active[k]) / float64(c.Teams)
			row = append(row, page.Cell{Text: measure.Ratio.Format(share), Sub: fmt.Sprintf("%d of %d", c.Active[k], c.Teams), Href: keptEvents(c.Month, k, s, 0), Shade: shade(share), Raw: share})
		}
		sheet.Rows = append(sheet.Rows, row)
	}
	together[1] = page.Cell{Text: page.Count(int64(teams)), Raw: teams}
	sheet.Rows = append([]page.Cells{together}, sheet.Rows...)
	return sheet, nil
}

// keptMonths is after how many months a measure has the events of who stayed.
const keptMonths = 3

// keptEvents is where the events stand of the teams that started in a month and used
// the platform after k months, and of those that started later up to a day, 0 for
// none; "" after as many months as no measure is of.
func keptEvents(started string, k int, s measure.Scope, until int64) string {
	first, err := time.Parse("2006-01", started)
	if err != nil || k != keptMonths {
		return ""
	}
	s.From, s.To = measure.Day(first.AddDate(0, k, 0)), max(until, measure.Day(first.AddDate(0, k+1, 0)))
	return address("/measures/retention-3-months", s) + "#evidence"
}

func retentionWords(r adoption.Retained) string {
	words := "Its direction: " + string(r.Trend) + "."
	if r.Leaking {
		words += " " + upper(adoption.LeakingWords) + "."
	}
	return words
}
