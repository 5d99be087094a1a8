package insight

import (
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// What happened leads to its evidence, what is expected has a band and leads
// nowhere, and what is usual ends where nobody knows it.
func TestCurve(t *testing.T) {
	f := adoption.Forecasted{
		Market: 20, Note: "supposes", P: 0.03, Q: 0.4, Reference: map[int]float64{1: 0.10, 3: 0.25},
		Counted: []adoption.MonthCount{{Month: "2026-03", Teams: 1}, {Month: "2026-04", Teams: 4}},
		Coming:  []adoption.MonthCount{{Month: "2026-05", Teams: 7.5, Interval: &measure.Interval{Low: 5, High: 10}}, {Month: "2026-06", Teams: 10, Interval: &measure.Interval{Low: 6, High: 14}}},
	}
	s := measure.Scope{From: 20000, To: 20030, Only: map[measure.Dimension][]string{measure.BySegment: {"web"}, measure.ByTeam: {"a"}}}
	c := curve(f, s)
	b := c.Trend.Buckets
	if len(b) != 4 || len(c.Table.Rows) != 4 || !c.Expected {
		t.Fatalf("%d points, %d rows", len(b), len(c.Table.Rows))
	}
	if *b[1].Value != 0.2 || b[1].Expected || b[1].Low != nil || b[1].Href != "/measures/adoption-forecast-3-months?from=2026-03-01&segment=web&to=2026-05-01#evidence" {
		t.Errorf("what happened: %+v", b[1])
	}
	if !b[2].Expected || *b[2].Low != 0.25 || *b[2].High != 0.5 || b[2].Href != "" || !strings.Contains(b[2].Title, "37.5 %, 7.5 of 20 teams, expected (95 %: 25\u00a0% to 50\u00a0%)") {
		t.Errorf("what is expected: %+v", b[2])
	}
	if *b[0].Usual != 0.10 || *b[1].Usual != 0.175 || *b[2].Usual != 0.25 || b[3].Usual != nil {
		t.Errorf("what is usual: %v %v %v %v", *b[0].Usual, *b[1].Usual, *b[2].Usual, b[3].Usual)
	}
	if got := c.Table.Rows[2]; got[4].Text != "expected" || got[3].Raw != 0.25 {
		t.Errorf("the table: %+v", got)
	}
	if none := curve(adoption.Forecasted{Note: "no team started yet"}, s); len(none.Trend.Buckets) != 0 || none.Note != "No team started yet." {
		t.Errorf("without a team: %+v", none)
	}
}

func TestAdoptionSentence(t *testing.T) {
	value := 0.62
	rate := measure.Estimate{Value: &value, N: 48}
	f := adoption.Forecasted{Market: 48, Counted: []adoption.MonthCount{{Month: "2026-10", Teams: 30}}}
	at := func(teams, low, high float64) *forecasted {
		return &forecasted{"1 Aug 2026", adoption.MonthCount{Month: "2026-10", Teams: teams, Interval: &measure.Interval{Low: low, High: high}}}
	}
	stuck := func(steps ...adoption.Milestone) (all []adoption.StuckTeam) {
		for _, s := range steps {
			all = append(all, adoption.StuckTeam{Step: s})
		}
		return all
	}
	for want, got := range map[string]string{
		"Nothing is known of anybody using the platform in this time.":                                             adoptionSentence(measure.Estimate{}, f, nil, nil),
		"62 % of 48 teams use Stoa; no team is stuck.":                                                             adoptionSentence(rate, f, nil, nil),
		"62 % of 48 teams use Stoa, 4 points over the forecast of 1 Aug 2026; no team is stuck.":                   adoptionSentence(rate, f, at(28, 27, 29), nil),
		"62 % of 48 teams use Stoa, 4 points under the forecast of 1 Aug 2026, within its band; no team is stuck.": adoptionSentence(rate, f, at(32, 28, 36), nil),
		"62 % of 48 teams use Stoa, as many have started as was forecast on 1 Aug 2026; no team is stuck.":         adoptionSentence(rate, f, at(30.1, 28, 36), nil),
		"62 % of 48 teams use Stoa; 1 team is stuck before its first alert.":                                       adoptionSentence(rate, f, nil, stuck(adoption.FirstAlert)),
		"62 % of 48 teams use Stoa; 2 teams are stuck before their first log query.":                               adoptionSentence(rate, f, nil, stuck(adoption.FirstLogQuery, adoption.FirstLogQuery)),
		"62 % of 48 teams use Stoa; 3 teams are stuck, 2 of them before their access.":                             adoptionSentence(rate, f, nil, stuck(adoption.FirstAlert, adoption.AccessGranted, adoption.AccessGranted)),
	} {
		if got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}

func TestShade(t *testing.T) {
	for share, want := range map[float64]int{0: 0, 0.001: 1, 0.2: 1, 0.21: 2, 0.99: 5, 1: 5, 7: 5, -1: 0} {
		if got := shade(share); got != want {
			t.Errorf("%v is shaded %d, want %d", share, got, want)
		}
	}
}

// Numbers of fewer people than may be shown are not in the cells either.
func TestJourneyHidesFew(t *testing.T) {
	people, newcomers := 9, 6
	j := adoption.Journey{Persona: adoption.Developer, People: &people, Newcomers: &newcomers, Stops: []adoption.Stop{{Capability: "logs", Share: measure.None("all but fewer than 5")}}}
	show := journey("developer", "Developers", j, measure.Scope{From: 1, To: 2})
	if cell := show.Stops.Rows[0][4]; !cell.None || cell.Raw != nil || cell.Text != "not shown" {
		t.Errorf("who stopped: %+v", cell)
	}
	for _, cell := range show.Stops.Rows[0][1:3] {
		if !cell.None || cell.Raw != nil {
			t.Errorf("who came to it: %+v", cell)
		}
	}
	if !strings.Contains(show.Says, "fewer than 5") {
		t.Errorf("it says %q", show.Says)
	}
	if none := journey("qa", "QA", adoption.Journey{}, measure.Scope{}); none.Says != "Nobody in this time." || len(none.Stops.Rows) != 0 {
		t.Errorf("of nobody it says %q", none.Says)
	}
}

// The owner of the platform is told when it does not keep its teams.
func TestRetentionWords(t *testing.T) {
	if got, want := retentionWords(adoption.Retained{Trend: stat.Falling, Leaking: true}), "Its direction: falling. Fewer than half are left and the curve does not rise: the owner of the platform should know."; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	if got := retentionWords(adoption.Retained{Trend: stat.Flat}); got != "Its direction: flat." {
		t.Errorf("it says %q", got)
	}
}
