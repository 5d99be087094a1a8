package insight

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/chart"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// curve draws the share of the teams that have started, with what is expected of
// the months to come and what is usual elsewhere.
func curve(f adoption.Forecasted, s measure.Scope) page.Curve {
	show := page.Curve{Note: upper(f.Note) + ".", Market: f.Market,
		Trend: chart.Trend{Label: "Share of the teams that have started, by month", Empty: "No month is over yet since a team started.", Most: 1, Format: measure.Ratio.Format},
		Table: page.Sheet{Name: "curve", Title: "The numbers: teams that have started, by month", Empty: "No month is over yet since a team started.",
			Columns: []page.Column{{Key: "month", Title: "Month"}, {Key: "teams", Title: "Teams"}, {Key: "share", Title: "Share"}, {Key: "usual", Title: "Usual elsewhere"}, {Key: "kind", Title: "Is"}}}}
	if f.Market == 0 || len(f.Counted) == 0 {
		return show
	}
	if f.P > 0 {
		show.Note += fmt.Sprintf(" Bass's curve with p = %.3g, what teams do by their own choice, and q = %.3g, by the example of others.", f.P, f.Q)
	}
	market, usual := float64(f.Market), usualBy(f.Reference)
	for n, m := range slices.Concat(f.Counted, f.Coming) {
		share := m.Teams / market
		expected := n >= len(f.Counted)
		title := month(m.Month + "-01")
		b := chart.Bucket{Value: &share, Expected: expected}
		b.Label, b.Year = shortMonth(m.Month + "-01")
		row := page.Cells{{Text: title, Raw: m.Month}, {Text: measure.Digits(m.Teams), Raw: m.Teams}, {Text: measure.Ratio.Format(share), Raw: share}, {Text: "–", None: true}, {Text: "happened", Raw: "happened"}}
		b.Title = fmt.Sprintf("%s: %s, %s of %d teams", title, measure.Ratio.Format(share), measure.Digits(m.Teams), f.Market)
		if u, ok := usual(n + 1); ok {
			b.Usual = &u
			row[3] = page.Cell{Text: measure.Ratio.Format(u), Raw: u}
		}
		if expected {
			row[4] = page.Cell{Text: "expected", Raw: "expected"}
		} else {
			b.Href = startsUntil(f, m, s)
			row[1].Href = b.Href
		}
		if in := m.Interval; in != nil {
			low, high := in.Low/market, in.High/market
			b.Low, b.High = &low, &high
			between := unbroken(measure.Ratio.Between(measure.Interval{Low: low, High: high}))
			row[2].Sub = between
			b.Title += ", expected (95 %: " + between + ")"
		}
		show.Trend.Buckets = append(show.Trend.Buckets, b)
		show.Table.Rows = append(show.Table.Rows, row)
	}
	show.Expected = len(f.Coming) > 0
	return show
}

// startsUntil is where the events stand by which teams had started by the end of
// a month.
func startsUntil(f adoption.Forecasted, m adoption.MonthCount, s measure.Scope) string {
	first, err := time.Parse("2006-01", f.Counted[0].Month)
	last, err2 := time.Parse("2006-01", m.Month)
	if err != nil || err2 != nil {
		return ""
	}
	s.From, s.To = measure.Day(first), measure.Day(last.AddDate(0, 1, 0))
	for _, d := range measure.Dimensions() {
		if d != measure.BySegment && d != measure.ByWave {
			s = only(s, d)
		}
	}
	return address("/measures/adoption-forecast-3-months", s) + "#evidence"
}

// usualBy gives what is usual after so many months: a straight line between those
// that are known, beginning with nobody.
func usualBy(reference map[int]float64) func(month int) (float64, bool) {
	known := slices.Sorted(maps.Keys(reference))
	return func(month int) (float64, bool) {
		before, share := 0, 0.0
		for _, k := range known {
			if month <= k {
				return share + (reference[k]-share)*float64(month-before)/float64(k-before), true
			}
			before, share = k, reference[k]
		}
		return 0, false
	}
}
