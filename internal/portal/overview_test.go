package portal_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/stoa-platform/stoa/internal/measure"
)

// Leadership sees value, adoption, risk, what to decide and the quarter's review
// on one screen, of a platform that lives and of one that begins.
func TestOverviewPageFitsOneScreen(t *testing.T) {
	b := lived(t).open(t, true)
	b.look("light", 1440)
	b.signIn()
	b.goTo("/overview")
	ends := run(b, chromedp.Evaluate[float64](`Math.max(...[...document.querySelectorAll(".overview > *")].map(e => e.getBoundingClientRect().bottom))`))
	cards := run(b, chromedp.Evaluate[int](`[...document.querySelectorAll(".overview .card")].filter(e => e.checkVisibility()).length`))
	if ends > 900 || cards != 5 {
		t.Errorf("%d cards end at %.0f px of a screen of 900 px", cards, ends)
	}
	// Cards as high as those of an organisation of 48 teams, and the notice of what is
	// not counted.
	b.does(`(() => {
		for (const [id, height] of [["value", 560], ["reach", 430], ["blockers", 348 - document.getElementById("decisions").offsetHeight + 74]]) document.getElementById(id).style.height = height + "px";
		for (const part of ["review-well", "review-badly"]) document.getElementById(part).innerHTML = "<h3>Moved</h3><ul>" + "<li>Lead time for changes went from 6 h to 4.84 h (4.71 h to 5.01 h, n 6,428).</li>".repeat(2) + "</ul>";
	})()`)
	if ends := run(b, chromedp.Evaluate[float64](`document.getElementById("review").getBoundingClientRect().bottom`)); ends > 900 {
		t.Errorf("of a large organisation the review ends at %.0f px of a screen of 900 px", ends)
	}
	if covered := run(b, chromedp.Evaluate[int](`[...document.querySelectorAll(".overview .card")].filter((a, i, all) => all.slice(i + 1).some(b => {
		const p = a.getBoundingClientRect(), q = b.getBoundingClientRect();
		return p.left < q.right && q.left < p.right && p.top < q.bottom && q.top < p.bottom })).length`)); covered > 0 {
		t.Errorf("%d cards lie over another", covered)
	}
	b.look("light", 390)
	b.goTo("/overview")
	if wide := run(b, chromedp.Evaluate[int](`document.documentElement.scrollWidth`)); wide > 390 {
		t.Errorf("a phone of 390 px scrolls sideways over %d px", wide)
	}
}

// The review says of each measure of the scorecard what the engine says of it.
func TestOverviewPageReviewsTheQuarter(t *testing.T) {
	s := lived(t)
	c := s.browserless(t, s.code(t))
	kinds := map[string]int{}
	for query, title := range map[string]string{past(90): "The quarter's review", past(60): "Review of 60 days"} {
		asked, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		card, err := s.Scorecard(t.Context(), measure.BalancedName, asked)
		if err != nil {
			t.Fatal(err)
		}
		a := get(t, c, s.url+"/overview?table=review&format=csv&"+query)
		lines, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
		if err != nil || a.StatusCode != http.StatusOK || !slices.Equal(lines[0], []string{"measure", "moved", "before", "value", "low", "high", "n", "says"}) {
			t.Fatalf("%s %v %q", a.Status, err, lines)
		}
		page := get(t, c, s.url+"/overview?"+query).text("section#review")
		contains(t, "the review", page, title, "Moved well", "Moved badly")
		for _, r := range card.Rows {
			at := slices.IndexFunc(lines, func(l []string) bool { return l[0] == r.Measure })
			if at < 0 {
				t.Errorf("the review lacks %s", r.Measure)
				continue
			}
			line := lines[at]
			want := "no data"
			switch {
			case r.Change == nil:
			case !r.Moved:
				want = "chance"
			case (*r.Change > 0) == (r.Direction == "higher"):
				want = "well"
			default:
				want = "badly"
			}
			kinds[want]++
			if line[1] != want || line[2] != text(r.Before) || line[3] != text(r.Value) || line[6] != fmt.Sprint(r.N) {
				t.Errorf("the review says %q, the scorecard %+v", line, r)
			}
			if r.Value != nil && !strings.Contains(line[7], fmt.Sprintf("n %d)", r.N)) {
				t.Errorf("%s: %q says not of how many", r.Measure, line[7])
			}
			contains(t, "the review", page, line[7])
		}
	}
	if kinds["no data"] == 0 || kinds["chance"] == 0 {
		t.Errorf("the review is of %v: nothing is compared, or all is known", kinds)
	}
}

// text is a number as a file has it.
func text(v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(*v)
}
