package insight

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/adoption/journey"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
	"github.com/stoa-platform/stoa/internal/portal/chart"
	"github.com/stoa-platform/stoa/internal/portal/page"
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
	narrow := measure.Estimate{Value: &value, N: 45}
	for want, got := range map[string]string{
		"Nothing is known of anybody using the platform in this time.": adoptionSentence(measure.Estimate{}, 30, f, nil, nil),
		"62 % of 48 teams use Stoa; no team is stuck.":                 adoptionSentence(rate, 30, f, nil, nil),
		"62.5 % of 48 teams had started by the end of Oct 2026, 4 points over the forecast of 1 Aug 2026; 62 % used it in these 30 days; no team is stuck.":                   adoptionSentence(rate, 30, f, at(28, 27, 29), nil),
		"62.5 % of 48 teams had started by the end of Oct 2026, 4 points under the forecast of 1 Aug 2026, within its band; 62 % used it in these 30 days; no team is stuck.": adoptionSentence(rate, 30, f, at(32, 28, 36), nil),
		"62.5 % of 48 teams had started by the end of Oct 2026, as many as was forecast on 1 Aug 2026; 62 % of 45 used it in these 30 days; no team is stuck.":                adoptionSentence(narrow, 30, f, at(30.1, 28, 36), nil),
		"62 % of 48 teams use Stoa; 1 team is stuck before its first alert.":                                                                                                  adoptionSentence(rate, 30, f, nil, stuck(adoption.FirstAlert)),
		"62 % of 48 teams use Stoa; 2 teams are stuck before their first log query.":                                                                                          adoptionSentence(rate, 30, f, nil, stuck(adoption.FirstLogQuery, adoption.FirstLogQuery)),
		"62 % of 48 teams use Stoa; 3 teams are stuck, 2 of them before their access.":                                                                                        adoptionSentence(rate, 30, f, nil, stuck(adoption.FirstAlert, adoption.AccessGranted, adoption.AccessGranted)),
	} {
		if got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}

// Of teams for whose step no time is usual it is not said that they wait longer than
// others needed.
func TestStuckSaysWhatTheyWaitLongerThan(t *testing.T) {
	usual := 3600.0
	known, unknown := adoption.StuckTeam{Step: adoption.FirstAlert, Usual: &usual, Limit: adoption.StuckAtLeast}, adoption.StuckTeam{Step: adoption.FirstAlert, Limit: adoption.StuckUnknown}
	for n, c := range []struct {
		stuck       []adoption.StuckTeam
		usual, days bool
	}{{[]adoption.StuckTeam{known}, true, false}, {[]adoption.StuckTeam{unknown}, false, true}, {[]adoption.StuckTeam{known, unknown}, true, true}} {
		sheet := stuckSheet(c.stuck, func(string) bool { return false })
		if got := strings.Contains(sheet.Says, "three of four teams"); got != c.usual {
			t.Errorf("%d: it says %q", n, sheet.Says)
		}
		if got := strings.Contains(sheet.Says, "14 d"); got != c.days {
			t.Errorf("%d: it says %q", n, sheet.Says)
		}
		if last := sheet.Rows[len(sheet.Rows)-1][4]; c.days && (!last.None || last.Text != "no usual time known: over 14 d") {
			t.Errorf("%d: %+v", n, last)
		}
	}
}

// Every team of a stage is named on the page, those of a long list when it is unfolded.
func TestStagesNameEachTeam(t *testing.T) {
	var teams []string
	for n := range namesShown + 3 {
		teams = append(teams, fmt.Sprintf("team-%d", n))
	}
	sheet := stageSheet([]adoption.StageTeams{{Stage: adoption.Active, Teams: teams}, {Stage: adoption.Lapsed, Teams: teams[:2]}})
	if long, short := sheet.Rows[0][2], sheet.Rows[1][2]; len(long.Links) != namesShown || len(long.More) != 3 || len(short.Links) != 2 || len(short.More) != 0 {
		t.Fatalf("of a long list %d and %d, of a short one %d and %d", len(long.Links), len(long.More), len(short.Links), len(short.More))
	}
	var drawn strings.Builder
	if err := page.SheetTable(page.Frame{}, sheet).Render(t.Context(), &drawn); err != nil {
		t.Fatal(err)
	}
	folded := regexp.MustCompile(`(?s)<details class="more-links">.*?</details>`).FindString(drawn.String())
	if !strings.Contains(folded, "and 3 more") {
		t.Errorf("it says not how many more there are: %s", folded)
	}
	for n, team := range teams {
		if link := fmt.Sprintf(`href="/teams/%s"`, team); !strings.Contains(drawn.String(), link) || strings.Contains(folded, link) != (n >= namesShown) {
			t.Errorf("%s is not where it should be", team)
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
	j := journey.Journey{Persona: journey.Developer, People: &people, Newcomers: &newcomers, Stops: []journey.Stop{{Capability: "logs", Share: measure.None("all but fewer than 5")}}}
	show := personaCard("developer", "Developers", j)
	for _, cell := range show.Stops.Rows[0][1:3] {
		if !cell.None || cell.Raw != nil {
			t.Errorf("who came to it: %+v", cell)
		}
	}
	if !strings.Contains(show.Says, "fewer than 5") || len(show.Ends.Rows) != 0 {
		t.Errorf("it says %q, with %v", show.Says, show.Ends.Rows)
	}
	if none := personaCard("qa", "QA", journey.Journey{}); none.Says != "Nobody in this time." || len(none.Stops.Rows) != 0 {
		t.Errorf("of nobody it says %q", none.Says)
	}
}

// The page answers where newcomers stop as far as that may be told, and otherwise how
// many there were and why it may not.
func TestJourneySentence(t *testing.T) {
	n := func(n int) *int { return &n }
	of := func(newcomers, left *int, ends ...journey.End) []journey.Journey {
		return []journey.Journey{{Persona: journey.Everybody, People: n(40), Newcomers: newcomers, Left: left, Ends: ends}}
	}
	portal, rest := journey.End{After: []string{"portal"}, People: 9}, journey.End{After: []string{"deploy", "logs"}, Others: true, People: 5}
	for want, all := range map[string][]journey.Journey{
		"Nobody used the platform in this time.":                                                                                     nil,
		"Too few people are new in this time to show where they go.":                                                                 of(nil, nil),
		"30 people are new in this time; how many of them stopped is not shown, since it would tell of fewer than 5.":                of(n(30), nil),
		"30 people are new in this time; none of the newcomers stopped.":                                                             of(n(30), n(0)),
		"30 people are new in this time; 7 stopped: they were not seen for 30 days; after each step too few did for it to be shown.": of(n(30), n(7)),
		"30 people are new in this time; 14 stopped: they were not seen for 30 days, 9 of them after portal.":                        of(n(30), n(14), portal, rest),
		"30 people are new in this time; 9 stopped: they were not seen for 30 days, all of them after portal.":                       of(n(30), n(9), portal, journey.End{After: []string{"logs"}}),
	} {
		if got := journeySentence(all); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	show := personaCard("all", "Everybody", of(n(30), n(14), portal, rest)[0])
	if row := show.Ends.Rows[1]; len(show.Ends.Rows) != 2 || row[0].Text != "deploy, logs or something that few come to" || row[1].Raw != 5 || row[2].Text != "35.7 %" {
		t.Errorf("where they stopped: %+v", show.Ends.Rows)
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

// The scale of a duration is of whole hours or days, not of round numbers of seconds.
func TestTrendOfADurationIsReadAtAGlance(t *testing.T) {
	value := 26 * 3600.0
	for unit, want := range map[measure.Unit][]string{measure.Seconds: {"<span>2 d</span>", "<span>24 h</span>"}, measure.PerDay: {"<span>100000/day</span>"}} {
		var drawn strings.Builder
		points := []measure.Point{{From: "2026-10-01", To: "2026-11-01", Estimate: measure.Estimate{Value: &value, N: 3}}}
		if err := chart.DrawTrend(trend(measure.Definition{Title: "Lead time", Unit: unit}, points, nil)).Render(t.Context(), &drawn); err != nil {
			t.Fatal(err)
		}
		for _, label := range want {
			if !strings.Contains(drawn.String(), label) {
				t.Errorf("%s: no %s in %s", unit, label, drawn.String())
			}
		}
	}
}
