package insight

import (
	"cmp"
	"fmt"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// quarterDays are the days of a review that is called the quarter's.
const quarterDays = 90

// review says of each measure of a scorecard how it moved against the same time
// before: well, badly, in neither way, by no more than chance, or that nobody knows.
func review(rows []measure.Row, s measure.Scope) page.Review {
	show := page.Review{Title: "The quarter's review", Against: "against the 90 days before"}
	if days := s.Days(); days != quarterDays {
		show.Title, show.Against = fmt.Sprintf("Review of %d days", days), "against the same time before"
	}
	show.Table = page.FileSheet("review", "measure", "moved", "before", "value", "low", "high", "n", "says")
	show.Table.Title = show.Title
	for _, r := range rows {
		if r.Note == notMeasured {
			continue
		}
		m := page.Reviewed{Title: r.Title, Href: address("/measures/"+r.Measure, s), Says: reviewed(r)}
		how := "chance"
		switch {
		case r.Change == nil:
			how = "no data"
			show.Unknown = append(show.Unknown, m)
		case !r.Moved:
			show.Still = append(show.Still, m)
		case r.Direction == measure.Neither:
			how = "moved"
			show.Still = append(show.Still, m)
		case (*r.Change > 0) == (r.Direction == measure.Higher):
			how = "well"
			show.Well = append(show.Well, m)
		default:
			how = "badly"
			show.Badly = append(show.Badly, m)
		}
		var low, high any
		if r.Interval != nil {
			low, high = number(finite(r.Interval.Low)), number(finite(r.Interval.High))
		}
		show.Table.Add(r.Measure, how, number(r.Before), number(r.Value), low, high, r.N, r.Title+" "+m.Says)
	}
	return show
}

// reviewed is the rest of a sentence that begins with the measure's title.
func reviewed(r measure.Row) string {
	if r.Value == nil {
		return "has no data: " + brief(cmp.Or(r.Note, "nothing was recorded"))
	}
	of := "n " + page.Count(r.N)
	if r.Interval != nil {
		if between := r.Unit.Between(*r.Interval); between != "" { // "" where neither end is known
			of = between + ", " + of
		}
	}
	if r.Change == nil {
		return fmt.Sprintf("is %s (%s), with nothing before to compare it with", valueText(r.Unit, r.Value), of)
	}
	before, now := r.Unit.Both(*r.Before, *r.Value)
	return fmt.Sprintf("went from %s to %s (%s)", before, now, of)
}
