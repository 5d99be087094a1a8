package insight

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// Scorecard answers: is our product healthy?
func (i Insight) Scorecard(ctx context.Context, name string, spec measure.ScorecardSpec, s measure.Scope, now time.Time) (page.Scorecard, error) {
	card, err := i.Measures.Score(ctx, name, spec, s)
	if err != nil {
		return page.Scorecard{}, err
	}
	show := page.Scorecard{
		Name: name, Title: card.Title, Ranges: ranges("/scorecard", s, now),
		Same: page.Command{Text: "stoa scorecard " + name + " " + flags(s), Says: "The same on the command line"},
		JSON: "/api/v1/scorecard?name=" + name + "&" + s.Query().Encode(),
	}
	met, unsure, of := 0, 0, 0
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
			show.Moved = append(show.Moved, movedText(r))
		}
	}
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
		Note: r.Note, Href: "/measures/" + r.Measure + "?" + s.Query().Encode(), Before: valueText(r.Unit, r.Before),
	}
	if r.Interval != nil {
		row.Interval = r.Unit.Between(*r.Interval)
	}
	row.Target = targetText(r.Unit, r.Target)
	if r.Change != nil {
		row.Change = r.Unit.Change(*r.Change, r.Before, r.Target != nil && r.Target.Relative)
		switch {
		case !r.Moved || r.Direction == measure.Neither:
			row.ChangeState = page.State{Level: page.Unknown, Word: "may be chance"}
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
	op := strings.NewReplacer(">=", "≥", "<=", "≤").Replace(t.Op)
	if t.Relative {
		return op + " " + measure.Percent(t.Value) + " against before"
	}
	return op + " " + u.Format(t.Value)
}

// aimed gives the target of a measure in words and, where it is one value, as the
// line that a chart draws; neither where there is none.
func aimed(d measure.Definition, s measure.Scope, targets map[string]measure.Target) (text string, line *float64) {
	t, ok := targets[d.Name]
	ok = ok && d.Graded(t, s)
	if ok && !t.Relative {
		line = &t.Value
	}
	if ok {
		text = targetText(d.Unit, &t)
	}
	return text, line
}

func movedText(r measure.Row) string {
	return fmt.Sprintf("%s went from %s to %s: more than chance.", r.Title, valueText(r.Unit, r.Before), valueText(r.Unit, r.Value))
}
