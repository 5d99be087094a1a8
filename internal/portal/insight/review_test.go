package insight

import (
	"testing"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// What moved, and how, is told in a sentence with what it rests on.
func TestReview(t *testing.T) {
	value := func(v float64) *float64 { return &v }
	row := func(title string, better measure.Better, before, now *float64, moved bool) measure.Row {
		r := measure.Row{Measure: title, Title: title, Unit: measure.Ratio, Direction: better, Value: now, Before: before, Moved: moved, N: 48, Note: "it begins; later"}
		if now != nil {
			r.Interval = &measure.Interval{Low: *now - .1, High: *now + .1}
		}
		if now != nil && before != nil {
			r.Change = value(*now - *before)
		}
		return r
	}
	show := review([]measure.Row{
		row("up", measure.Higher, value(.4), value(.7), true), row("down", measure.Higher, value(.7), value(.4), true),
		row("less", measure.Lower, value(.7), value(.4), true), row("more", measure.Lower, value(.4), value(.7), true),
		row("chance", measure.Lower, value(.4), value(.41), false), row("other", measure.Neither, value(.4), value(.7), true),
		row("first", measure.Higher, nil, value(.5), false), row("none", measure.Higher, nil, nil, false),
	}, measure.Scope{From: 0, To: 90})
	for _, part := range []struct {
		name string
		all  []page.Reviewed
		want []string
	}{
		{"well", show.Well, []string{"up went from 40 % to 70 % (60 % to 80 %, n 48)", "less went from 70 % to 40 % (30 % to 50 %, n 48)"}},
		{"badly", show.Badly, []string{"down went from 70 % to 40 % (30 % to 50 %, n 48)", "more went from 40 % to 70 % (60 % to 80 %, n 48)"}},
		{"neither", show.Still, []string{"chance went from 40 % to 41 % (31 % to 51 %, n 48)", "other went from 40 % to 70 % (60 % to 80 %, n 48)"}},
		{"unknown", show.Unknown, []string{"first is 50 % (40 % to 60 %, n 48), with nothing before to compare it with", "none has no data: it begins"}},
	} {
		if len(part.all) != len(part.want) {
			t.Errorf("%s are %+v, want %q", part.name, part.all, part.want)
			continue
		}
		for i, want := range part.want {
			if got := part.all[i].Title + " " + part.all[i].Says; got != want {
				t.Errorf("%s: %q, want %q", part.name, got, want)
			}
		}
	}
	slower := row("slower", measure.Lower, value(47.9*3600), value(2.02*86400), true)
	slower.Unit, slower.Interval = measure.Seconds, &measure.Interval{Low: 40 * 3600, High: 60 * 3600}
	if got, want := reviewed(slower), "went from 2 d to 2.02 d (1.67 d to 2.5 d, n 48)"; got != want {
		t.Errorf("in several units: %q, want %q", got, want)
	}
	if got, want := movedText(slower), "slower went from 2 d to 2.02 d: more than chance."; got != want {
		t.Errorf("in several units: %q, want %q", got, want)
	}
	if show.Title != "The quarter's review" || len(show.Table.Rows) != 8 {
		t.Errorf("%q with %d rows", show.Title, len(show.Table.Rows))
	}
}
