package insight

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// Scorecard answers: is our product healthy?
func (i Insight) Scorecard(ctx context.Context, name string, spec measure.ScorecardSpec, s measure.Scope, now time.Time) (page.Scorecard, error) {
	s.By, s.Step = "", measure.Whole
	view, err := i.Measures.View(ctx, s)
	if err != nil {
		return page.Scorecard{}, err
	}
	card, err := i.Measures.Score(ctx, name, spec, s)
	if err != nil {
		return page.Scorecard{}, err
	}
	at, named := "/scorecard", page.Link("/scorecard", "name", name)
	if name != measure.BalancedName {
		at = named
	}
	show := page.Scorecard{
		Name: name, Title: card.Title, Ranges: ranges(at, s, now), Chips: chips(at, s, view.Org),
		Same:  page.Command{Text: "stoa scorecard " + name + " " + flags(s), Says: "The same on the command line"},
		JSON:  "/api/v1/scorecard?name=" + name + "&" + s.Query().Encode(),
		Table: scoreTable(card.Rows),
	}
	if show.Ranges.Apart, err = apart(ctx, at, view, counted{delivery: true, use: true}); err != nil {
		return show, err
	}
	show.First = !slices.ContainsFunc(card.Rows, func(r measure.Row) bool { return r.Value != nil })
	met, unsure, of := 0, 0, 0
	var asked []string
	for _, r := range card.Rows {
		show.Rows = append(show.Rows, scoreRow(r, s))
		if r.Status == measure.Good || r.Status == measure.Bad || r.Status == measure.Unsure {
			of++
		}
		switch r.Status {
		case measure.Good:
			met++
		case measure.Unsure:
			unsure++
		case measure.Bad, measure.NoData, measure.Shown:
		}
		if r.Moved {
			m := page.Moved{Measure: r.Measure, Says: movedText(r)}
			if _, cut := i.byTeam(r.Measure, s); cut {
				m.ByTeam = byTeamAt(r.Measure, s)
				asked = append(asked, r.Measure)
			}
			show.Moved = append(show.Moved, m)
		}
	}
	show.Later = address(page.Link("/scorecard/later", "name", name), s, "moved", strings.Join(asked[:min(len(asked), moversAsked)], ","))
	show.Sentence = scoreSentence(met, unsure, of, len(card.Rows))
	return show, nil
}

func scoreSentence(met, unsure, of, rows int) string {
	if of == 0 {
		return fmt.Sprintf("None of the %d measures has data in this time.", rows)
	}
	sentence := fmt.Sprintf("%d of the %d targets that have data are met", met, of)
	if unsure > 0 {
		sentence += fmt.Sprintf(", of %d the data do not tell", unsure)
	}
	if missing := rows - of; missing > 0 {
		sentence += fmt.Sprintf("; %d of %d measures have no data yet", missing, rows)
	}
	return sentence + "."
}

var statuses = map[measure.Status]page.State{
	measure.Good: {Level: page.Good, Word: "met"}, measure.Bad: {Level: page.Bad, Word: "missed"},
	measure.Unsure: {Level: page.Warn, Word: "unsure"}, measure.NoData: {Level: page.Unknown, Word: "no data"},
	measure.Shown: {Level: page.Unknown, Word: "no target"},
}

func scoreRow(r measure.Row, s measure.Scope) page.ScoreRow {
	row := page.ScoreRow{
		Measure: r.Measure, Title: r.Title, Value: valueText(r.Unit, r.Value), HasValue: r.Value != nil, State: statuses[r.Status], N: r.N,
		Note: r.Note, Href: address("/measures/"+r.Measure, s), Before: valueText(r.Unit, r.Before), Measured: r.Note != notMeasured,
	}
	if r.Interval != nil {
		row.Interval = r.Unit.Between(*r.Interval)
	}
	row.Target = targetText(r.Unit, r.Target)
	if r.Change != nil {
		row.Change = r.Unit.Change(*r.Change, r.Before, r.Target != nil && r.Target.Relative)
		switch {
		case !r.Moved && r.Interval != nil:
			row.ChangeState = page.State{Level: page.Unknown, Word: "may be chance"}
		case !r.Moved, r.Direction == measure.Neither:
			row.ChangeState = page.State{Level: page.Unknown, Word: "changed"}
		case (*r.Change > 0) == (r.Direction == measure.Higher):
			row.ChangeState = page.State{Level: page.Good, Word: "better"}
		default:
			row.ChangeState = page.State{Level: page.Bad, Word: "worse"}
		}
	}
	return row
}

func targetText(u measure.Unit, t *measure.Target) string {
	if t == nil {
		return ""
	}
	return strings.NewReplacer(">=", "≥", "<=", "≤").Replace(u.Target(*t))
}

// aimed gives the target that values of the scope are held against, and its words;
// neither where there is none.
func aimed(d measure.Definition, s measure.Scope, targets map[string]measure.Target) (text string, aim *measure.Target) {
	t, ok := targets[d.Name]
	if !ok || !d.Graded(t, s) {
		return "", nil
	}
	return targetText(d.Unit, &t), &t
}

func movedText(r measure.Row) string {
	before, now := r.Unit.Both(*r.Before, *r.Value)
	return fmt.Sprintf("%s went from %s to %s: more than chance.", r.Title, before, now)
}

// scoreTable is the scorecard as a file.
func scoreTable(rows []measure.Row) page.Sheet {
	sheet := page.Sheet{Name: "measures", Title: "Scorecard"}
	for _, key := range []string{"measure", "title", "value", "unit", "low", "high", "n", "op", "target", "atMost", "relative", "stands", "before", "change", "moved", "note"} {
		sheet.Columns = append(sheet.Columns, page.Column{Key: key})
	}
	for _, r := range rows {
		var low, high, op, target, atMost, relative any
		if r.Interval != nil {
			low, high = number(finite(r.Interval.Low)), number(finite(r.Interval.High))
		}
		if t := r.Target; t != nil {
			op, target, atMost, relative = t.Op, t.Value, number(t.AtMost), t.Relative
		}
		var cells page.Cells
		for _, raw := range []any{r.Measure, r.Title, number(r.Value), string(r.Unit), low, high, r.N, op, target, atMost, relative,
			string(r.Status), number(r.Before), number(r.Change), r.Moved, r.Note} {
			cells = append(cells, page.Cell{Raw: raw})
		}
		sheet.Rows = append(sheet.Rows, cells)
	}
	return sheet
}
