package insight

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/problem"
)

// theFive are the measures of the DORA research programme.
var theFive = []string{dora.DeploymentFrequency, dora.LeadTime, dora.ChangeFailureRate, dora.RecoveryTime, dora.ReworkRate}

// DeliveryQuery is what of the delivery page is asked for.
type DeliveryQuery struct {
	measure.Scope
	Sort    string // name of a measure, "-" before it for the greatest first; "" is by name
	All     bool   // all groups, not only the first
	Before  string // where the list of failed deployments goes on
	Targets map[string]measure.Target
	// MayAudit says whose events the visitor may read.
	MayAudit func(team string) bool
}

const (
	failedShown = 15
	groupsShown = 30
)

// Delivery answers: does the platform make teams faster and safer?
func (i Insight) Delivery(ctx context.Context, q DeliveryQuery, now time.Time) (page.Delivery, error) {
	s := q.Scope
	s.By, s.Step = "", measure.Whole
	view, err := i.Measures.View(ctx, s)
	if err != nil {
		return page.Delivery{}, err
	}
	show := page.Delivery{Ranges: ranges("/delivery", s, now), Chips: chips("/delivery", s, view.Org),
		Same: page.Command{Text: "stoa measure lead-time --by team " + flags(s), Says: "One of the measures on the command line"}}
	reads := yearOf(s) // with what is read for the year behind each number
	reads.From, reads.To = min(reads.From, s.From), max(reads.To, s.To)
	ctx = dora.Sharing(ctx, reads)
	whole := map[string]measure.Estimate{}
	table, err := dora.Table(ctx, view)
	if err != nil {
		return show, err
	}
	for _, row := range table {
		whole = row.Values
	}
	show.Sentence = deliverySentence(whole)
	show.First = whole[dora.DeploymentFrequency].Value == nil
	show.Failures = failureSheet(s, whole)
	var months []measure.Answer
	if err := measure.Together(ctx,
		into(&months, func(ctx context.Context) ([]measure.Answer, error) { return i.Measures.AskAll(ctx, theFive, yearOf(s)) }),
		into(&show.Groups, func(ctx context.Context) (page.Sheet, error) { return i.deliveryGroups(ctx, q, s) }),
		into(&show.Contrast, func(ctx context.Context) (page.Sheet, error) {
			contrasts, err := dora.Contrasts(ctx, view, i.Measures)
			return i.contrastSheet(s, contrasts), err
		}),
		func(ctx context.Context) error { return i.failedSheet(ctx, q, view, &show) },
		into(&show.Ranges.Apart, func(ctx context.Context) (*page.Apart, error) {
			return apart(ctx, "/delivery", view, counted{delivery: true})
		}),
	); err != nil {
		return show, err
	}
	for _, answer := range months {
		show.Panels = append(show.Panels, panel(answer, s, whole[answer.Name], q.Targets))
	}
	return show, nil
}

// panel is a measure over its year, with what it is now.
func panel(answer measure.Answer, s measure.Scope, whole measure.Estimate, targets map[string]measure.Target) page.Panel {
	d := answer.Definition
	name := d.Name
	p := page.Panel{Name: name, Title: d.Title, Href: address("/measures/"+name, s), Now: estimated(d.Unit, whole, ""), Note: upper(whole.Note)}
	aim, line := aimed(d, s, targets)
	p.Target, p.Trend = aim, trend(d, answer.Points, line)
	p.Trend.Labels = 5
	for n, point := range answer.Points {
		if point.Value != nil {
			p.Trend.Buckets[n].Href = "/measures/" + name + "?" + during(s, point).Encode()
		}
	}
	p.Table = seriesSheet(d, answer.Points, s)
	return p
}

// seriesSheet is the table behind a trend, the latest month first.
func seriesSheet(d measure.Definition, points []measure.Point, s measure.Scope) page.Sheet {
	sheet := page.Sheet{Name: d.Name, Title: "The numbers: " + d.Title + " by month", Empty: "No data in this time.",
		Columns: []page.Column{{Key: "month", Title: "Month"}, {Key: "value", Title: "Value"}, {Key: "note", Title: "Note"}}}
	for _, p := range slices.Backward(points) {
		href := "/measures/" + d.Name + "?" + during(s, p).Encode()
		sheet.Rows = append(sheet.Rows, page.Cells{{Text: month(p.From), Raw: p.From}, estimated(d.Unit, p.Estimate, href), {Text: p.Note, Raw: p.Note}})
	}
	return sheet
}

func deliverySentence(whole map[string]measure.Estimate) string {
	frequency := whole[dora.DeploymentFrequency]
	if frequency.Value == nil {
		return "Nothing was deployed to production in this time."
	}
	deployed := fmt.Sprintf("%s of %s were deployed to production", page.Count(int64(frequency.Parts["services"])), page.Plural(frequency.N, "service"))
	parts := []string{deployed + ", half of all at least " + measure.PerDay.Format(*frequency.Value)}
	if lead := whole[dora.LeadTime]; lead.Value != nil {
		parts = append(parts, "a change takes "+measure.Seconds.Format(*lead.Value))
	}
	if rate := whole[dora.ChangeFailureRate]; rate.Value != nil {
		failed := fmt.Sprintf("%s of %s failed", measure.Ratio.Format(*rate.Value), page.Plural(rate.N, "deployment"))
		if mend := whole[dora.RecoveryTime]; mend.Value != nil {
			failed += ", mended in " + measure.Seconds.Format(*mend.Value)
		}
		parts = append(parts, failed)
		if lost := int64(rate.Parts["unattributedIncidents"]); lost > 0 {
			parts = append(parts, page.Plural(lost, "incident")+" can be laid to no deployment")
		}
	}
	return strings.Join(parts, "; ") + "."
}

// deliveryGroups is the table of teams or, of one team, of its services.
func (i Insight) deliveryGroups(ctx context.Context, q DeliveryQuery, s measure.Scope) (page.Sheet, error) {
	s.By = measure.ByTeam
	sheet := page.Sheet{Name: "teams", Title: "By team", Compact: true, Empty: "No team deployed to production in this time."}
	if teams := s.Only[measure.ByTeam]; len(teams) > 0 {
		s.By = measure.ByService
		sheet.Name, sheet.Title, sheet.Empty = "services", "Services of "+page.List(teams), "No service of it was deployed to production in this time."
	}
	names := append(slices.Clone(theFive), dora.UnattributedIncidents)
	descending := strings.HasPrefix(q.Sort, "-")
	key := strings.TrimPrefix(q.Sort, "-")
	if key != "" && !slices.Contains(names, key) {
		return sheet, problem.New(problem.Invalid, "the table cannot be sorted by %q", key).Because("it can be by " + page.List(names))
	}
	sheet.Columns = []page.Column{{Key: string(s.By), Title: strings.ToUpper(string(s.By[:1])) + string(s.By[1:])}}
	var units []measure.Unit
	whole := s
	whole.By = ""
	for _, name := range names {
		d, err := i.Measures.Find(name)
		if err != nil {
			return sheet, err
		}
		column := page.Column{Key: name, Title: d.Title, Sort: address("/delivery", whole, "sort", "-"+name) + "#" + sheet.Name}
		if key == name {
			column.Sorted = "ascending"
			if descending {
				column.Sorted, column.Sort = "descending", address("/delivery", whole, "sort", name)+"#"+sheet.Name
			}
		}
		units = append(units, d.Unit)
		sheet.Columns = append(sheet.Columns, column)
	}
	view, err := i.Measures.View(ctx, s)
	if err != nil {
		return sheet, err
	}
	table, err := dora.Table(ctx, view)
	if err != nil {
		return sheet, err
	}
	if key != "" {
		slices.SortStableFunc(table, func(a, b dora.Row) int { return compareValues(a.Values[key].Value, b.Values[key].Value, descending) })
	}
	sheet.Total = len(table)
	if len(table) > groupsShown && !q.All {
		table, sheet.All = table[:groupsShown], address("/delivery", whole, "sort", q.Sort, "all", "true")+"#"+sheet.Name
	}
	for _, row := range table {
		one := only(whole, s.By, row.Group)
		head := page.Cell{Text: groupName(s.By, row.Group), Raw: row.Group, Href: address("/delivery", one)}
		if s.By == measure.ByService {
			head.Href = address("/measures/"+dora.DeploymentFrequency, one)
		}
		cells := page.Cells{head}
		for n, name := range names {
			e, known := row.Values[name]
			if name == dora.UnattributedIncidents && known && e.Value != nil {
				cells = append(cells, page.Cell{Text: page.Count(int64(*e.Value)), Raw: *e.Value, Sub: "of " + page.Plural(e.N, "incident"),
					Href: address("/measures/"+name, one) + "#evidence"})
				continue
			}
			cells = append(cells, estimated(units[n], e, address("/measures/"+name, one)))
		}
		sheet.Rows = append(sheet.Rows, cells)
	}
	return sheet, nil
}

// compareValues orders values, those without data last.
func compareValues(a, b *float64, descending bool) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	case descending:
		return cmp.Compare(*b, *a)
	}
	return cmp.Compare(*a, *b)
}

// failureSheet says how it is known of deployments that they failed.
func failureSheet(s measure.Scope, whole map[string]measure.Estimate) page.Sheet {
	sheet := page.Sheet{Name: "failures", Title: "Failures by reason", Compact: true, Empty: "No deployment to production in this time.",
		Says:    "Each failed deployment counts once, for the first reason that holds.",
		Columns: []page.Column{{Key: "reason", Title: "Reason"}, {Key: "count", Title: "How many"}, {Key: "share", Title: "Of all deployments"}}}
	rate := whole[dora.ChangeFailureRate]
	if rate.Value == nil {
		return sheet
	}
	href := address("/measures/"+dora.ChangeFailureRate, s) + "#evidence"
	for _, r := range []struct{ part, says string }{
		{"explicit", failureWords[dora.FailedLinked]}, {"rolledBack", failureWords[dora.FailedRolledBack]},
		{"hotFixed", failureWords[dora.FailedHotfixed]}, {"incident", failureWords[dora.FailedIncident]},
	} {
		n := rate.Parts[r.part]
		share := n / rate.Parts["deployments"]
		sheet.Rows = append(sheet.Rows, page.Cells{{Text: r.says, Raw: r.says}, {Text: page.Count(int64(n)), Raw: n, Href: href}, {Text: measure.Ratio.Format(share), Raw: share}})
	}
	lost := rate.Parts["unattributedIncidents"]
	sheet.Rows = append(sheet.Rows, page.Cells{{Text: "unattributed incidents", Raw: "unattributed incidents"},
		{Text: page.Count(int64(lost)), Raw: lost, Href: address("/measures/"+dora.UnattributedIncidents, only(s, measure.ByPath)) + "#evidence"},
		{Text: "in no rate", None: true}})
	return sheet
}

var failureWords = map[dora.Failure]string{
	dora.FailedLinked: "named by incident or fix", dora.FailedRolledBack: "rolled back",
	dora.FailedHotfixed: "hot-fixed", dora.FailedIncident: "incident within 24 hours",
}

// contrasted are the measures that are set against each other on the path and off it.
var contrasted = append(slices.Clone(theFive), dora.Tickets)

// contrastSheet sets the golden path against the rest, where there is anything to
// compare.
func (i Insight) contrastSheet(s measure.Scope, contrasts []dora.Contrast) page.Sheet {
	sheet := page.Sheet{Name: "contrast", Title: "On the golden path and off it", Says: dora.Caution, Empty: "There is nothing to compare in this time.",
		Columns: []page.Column{{Key: "measure", Title: "Measure"}, {Key: "on", Title: "On the path"}, {Key: "off", Title: "Off the path"},
			{Key: "difference", Title: "Difference within segments"}, {Key: "says", Title: "On the path it is"}}}
	for _, c := range contrasts {
		none := c.On.Value == nil && c.Off.Value == nil
		if !slices.Contains(contrasted, c.Measure) && c.Measure != dora.CostPerService || none && (len(sheet.Rows) == 0 || c.Note == "") {
			continue
		}
		d, err := i.Measures.Find(c.Measure)
		if err != nil {
			continue // this platform does not register it
		}
		side := func(e measure.Estimate, path string) page.Cell {
			if !slices.Contains(d.Cuts, measure.ByPath) {
				return estimated(d.Unit, e, address("/measures/"+c.Measure, s)) // of teams, that are on it or not
			}
			return estimated(d.Unit, e, address("/measures/"+c.Measure, only(s, measure.ByPath, path)))
		}
		difference, says := page.NoData("no segment has both"), page.Cell{Text: "nothing to compare", None: true}
		if none {
			difference, says.Text = page.NoData(""), c.Note
		}
		if c.Difference != nil {
			both := s
			if slices.Contains(d.Cuts, measure.ByPath) {
				both.By = measure.ByPath
			}
			difference = page.Cell{Text: d.Unit.Difference(*c.Difference), Href: address("/measures/"+c.Measure, both), Raw: *c.Difference}
			says = page.Cell{State: page.State{Level: page.Unknown, Word: "may be chance"}, Raw: "may be chance"}
			difference.Sub = c.Note
			if c.Interval != nil {
				difference.Sub = unbroken(d.Unit.DifferenceBetween(&[2]*float64{&c.Interval.Low, &c.Interval.High}))
			}
			if c.Clear && d.Better != measure.Neither {
				says.State = page.State{Level: page.Bad, Word: "worse"}
				if (*c.Difference > 0) == (d.Better == measure.Higher) {
					says.State = page.State{Level: page.Good, Word: "better"}
				}
				says.Raw = says.State.Word
			}
		}
		head := page.Cell{Text: d.Title, Raw: c.Measure}
		if !none && difference.Sub != c.Note {
			head.Sub = upper(c.Note)
		}
		sheet.Rows = append(sheet.Rows, page.Cells{head, side(c.On, measure.OnPath), side(c.Off, measure.OffPath), difference, says})
	}
	return sheet
}

// failedSheet lists the latest failed deployments with what proves it.
func (i Insight) failedSheet(ctx context.Context, q DeliveryQuery, view *measure.View, show *page.Delivery) error {
	var before dora.Before
	if q.Before != "" {
		at, seq, _ := strings.Cut(q.Before, ".")
		var err, err2 error
		before.At, err = strconv.ParseInt(at, 10, 64)
		before.Seq, err2 = strconv.ParseInt(seq, 10, 64)
		if err != nil || err2 != nil || before.Seq < 0 {
			return problem.New(problem.Invalid, "before %q is not where a page ends", q.Before)
		}
		show.FirstFailed = address("/delivery", q.Scope) + "#failed"
	}
	list, next, err := dora.Deployments(ctx, view, true, before, failedShown)
	if err != nil {
		return err
	}
	show.Failed = page.Sheet{Name: "failed", Title: "Latest failed deployments", Empty: "No deployment failed in this time.",
		Columns: []page.Column{{Key: "seq", Title: "Deployment"}, {Key: "at", Title: "When"}, {Key: "service", Title: "Service"}, {Key: "reason", Title: "Known by"},
			{Key: "mendedAfter", Title: "Mended after"}, {Key: "proof", Title: "Evidence"}}}
	for _, d := range list {
		may := q.MayAudit(d.Team)
		deployment := page.Cell{Text: "event " + page.Count(d.Seq), Raw: d.Seq}
		proof := page.Cell{Text: "none besides", None: true}
		if len(d.Proof) > 0 {
			proof = page.Cell{Raw: d.Proof}
		}
		if may {
			deployment.Href = "/audit/" + page.Decimal(d.Seq)
		}
		for _, seq := range d.Proof {
			if !may {
				proof.Text = page.Plural(int64(len(d.Proof)), "event")
				break
			}
			proof.Links = append(proof.Links, page.Choice{Label: "event " + page.Count(seq), Href: "/audit/" + page.Decimal(seq)})
		}
		mended := page.Cell{State: page.State{Level: page.Bad, Word: "not mended yet"}}
		if d.RecoveredAt != nil && d.FailedAt != nil {
			took := d.RecoveredAt.Sub(*d.FailedAt).Seconds()
			mended = page.Cell{Text: measure.Seconds.Format(took), Raw: took}
		}
		path := "off the golden path"
		if d.OnPath {
			path = "on the golden path"
		}
		show.Failed.Rows = append(show.Failed.Rows, page.Cells{deployment, {At: d.At, Raw: d.At},
			{Text: d.Service, Sub: cmp.Or(d.Team, "no team") + " · " + path, Raw: d.Service}, {Text: failureWords[d.Failure], Raw: string(d.Failure)}, mended, proof})
	}
	if next != nil {
		show.NextFailed = address("/delivery", q.Scope, "before", fmt.Sprintf("%d.%d", next.At, next.Seq)) + "#failed"
	}
	return nil
}
