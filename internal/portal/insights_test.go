package portal_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/problem"
)

// table gives the rows of a sheet as its page shows them, cells joined by " | ".
func (a answer) table(name string) []string {
	var rows []string
	for _, section := range a.all("section#" + name) {
		in := answer{root: section}
		for _, row := range in.all("tr") {
			var cells []string
			for c := range row.ChildNodes() {
				cells = append(cells, answer{root: c}.words())
			}
			rows = append(rows, strings.Join(cells, " | "))
		}
	}
	return rows
}

func (a answer) row(t *testing.T, table, begin string) string {
	t.Helper()
	rows := a.table(table)
	for _, r := range rows {
		if strings.HasPrefix(r, begin) {
			return r
		}
	}
	t.Errorf("table %s has no row %q: %q", table, begin, rows)
	return ""
}

func contains(t *testing.T, where, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s says %q, want %q in it", where, text, want)
		}
	}
}

func TestDeliveryPage(t *testing.T) {
	s := lived(t)
	c := s.browserless(t, s.code(t))
	at := s.url + "/delivery?" + past(60)
	a := get(t, c, at)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", a.Status, a.text("main"))
	}
	contains(t, "the sentence", a.text("p.answer"), "3 of 4 services were deployed to production", "a change takes", "1 incident can be laid to no deployment")
	if n := len(a.all("section.panel")); n != 5 {
		t.Errorf("%d panels", n)
	}
	for _, name := range []string{"deployment-frequency", "lead-time", "change-failure-rate", "recovery-time", "rework-rate"} {
		panel := a.all("section#" + name)
		if len(panel) != 1 {
			t.Fatalf("%d panels of %s", len(panel), name)
		}
		in := answer{root: panel[0]}
		if len(in.all("details.points")) != 1 || len(in.all("svg.chart-plot")) != 1 {
			t.Errorf("%s: no chart or no table behind it", name)
		}
		for _, link := range in.all("a") {
			if href := attribute(link, "href"); !strings.HasPrefix(href, "/measures/"+name+"?") && !strings.HasPrefix(href, "/delivery?") {
				t.Errorf("%s leads to %q", name, href)
			}
		}
	}
	contains(t, "alpha", a.row(t, "teams", "alpha"), "2 h", "n 1 ")
	contains(t, "beta", a.row(t, "teams", "beta"), "40 h")
	contains(t, "delta", a.row(t, "teams", "delta"), "no data", "1 of 1 incident")
	contains(t, "rollbacks", a.row(t, "failures", "rolled back"), "| 1 |")
	contains(t, "incidents", a.row(t, "failures", "incident within"), "| 1 |")
	contains(t, "the unattributed", a.row(t, "failures", "unattributed incidents"), "| 1 |", "in no rate")
	contains(t, "the contrast", a.row(t, "contrast", "Lead time"), "40 h", "| −38 h too few teams for an interval | may be chance")                 // one team on either side
	contains(t, "the tickets", a.row(t, "contrast", "Tickets for 100 daily users"), "| no data | no data no segment has both | nothing to compare") // beta has nobody who uses the platform
	contains(t, "the cost", a.row(t, "contrast", "Cost of a service"), "| waits for cost data")
	contains(t, "the caution", a.text("section#contrast"), "This is a correlation")
	contrasts, err := s.Contrasts(t.Context(), url.Values{"days": {"60"}})
	lead := slices.IndexFunc(contrasts, func(c client.Contrast) bool { return c.Measure == "lead-time" })
	if err != nil || lead < 0 || contrasts[lead].Difference == nil || contrasts[lead].Clear || contrasts[lead].Note == "" || *contrasts[lead].On.Value >= *contrasts[lead].Off.Value || contrasts[lead].Caution == "" {
		t.Errorf("the API says %+v (%v)", contrasts, err)
	}
	failed := a.all("section#failed")
	var proofs int
	for _, link := range (answer{root: failed[0]}).all("a") {
		if strings.HasPrefix(attribute(link, "href"), "/audit/") {
			proofs++
			if e := get(t, c, s.url+attribute(link, "href")); e.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", attribute(link, "href"), e.Status)
			}
		}
	}
	if proofs < 4 { // two deployments, the rollback, the incident's two events
		t.Errorf("%d links to evidence: %q", proofs, a.table("failed"))
	}

	sorted := get(t, c, at+"&sort=-lead-time").table("teams")
	if len(sorted) != 5 || !strings.HasPrefix(sorted[1], "beta") || !strings.HasPrefix(sorted[4], "delta") {
		t.Errorf("sorted by lead time, the longest first: %q", sorted)
	}
	one := get(t, c, at+"&team=beta")
	if rows := one.table("services"); len(rows) != 2 || !strings.HasPrefix(rows[1], "legacy") {
		t.Errorf("services of beta: %q", rows)
	}
	web := get(t, c, at+"&segment=web")
	if rows := web.table("teams"); len(rows) != 3 {
		t.Errorf("teams of the segment: %q", rows)
	}
	if got := web.text("a.chip-on"); !strings.Contains(got, "web") {
		t.Errorf("chips %q", got)
	}
	none := get(t, c, s.url+"/delivery?from=2020-01-01&to=2020-02-01")
	contains(t, "an empty time", none.text("main"), "Nothing was deployed to production in this time", "stoa up .")
	for _, bad := range []string{"&sort=odd", "&before=x", "&by=moon", "&capability=logs"} {
		if a := get(t, c, at+bad); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", bad, a.Status)
		}
	}
}

func TestTablesAreFiles(t *testing.T) {
	s := lived(t)
	c := s.browserless(t, s.code(t))
	at := s.url + "/delivery?" + past(60)
	rows, err := csv.NewReader(strings.NewReader(get(t, c, at+"&table=teams&format=csv").body)).ReadAll()
	if err != nil || len(rows) != 5 || rows[0][0] != "team" || rows[1][0] != "alpha" || rows[1][2] != "7200" {
		t.Errorf("CSV: %v %v", rows, err)
	}
	var list struct {
		Items []map[string]any `json:"items"`
	}
	if err := json.Unmarshal([]byte(get(t, c, at+"&table=teams&format=json").body), &list); err != nil || len(list.Items) != 4 {
		t.Fatalf("JSON: %v %v", list, err)
	}
	if list.Items[1]["lead-time"] != 40*3600.0 || list.Items[2]["recovery-time"] != nil {
		t.Errorf("JSON: %v", list.Items)
	}
	for query, status := range map[string]int{"&table=odd&format=csv": 404, "&table=teams&format=odd": 422} {
		if a := get(t, c, at+query); a.StatusCode != status {
			t.Errorf("%s: %s", query, a.Status)
		}
	}
}

func TestMePage(t *testing.T) {
	s := lived(t)
	c := s.browserless(t, s.code(t))
	a := get(t, c, s.url+"/me")
	contains(t, "the page", a.text("main"), "user/admin", "p-", "stoa person erase admin", "stoa me", "team created")
	if len(a.all("a[href=/me]")) == 0 {
		t.Error("the user's menu does not lead here")
	}
	if rows := a.table("latest"); len(rows) != 21 {
		t.Errorf("latest: %d rows", len(rows))
	}
	fresh := empty(t)
	if err := fresh.CreateAccount(t.Context(), "zoe", "Zoe"); err != nil {
		t.Fatal(err)
	}
	if err := fresh.SetPassword(t.Context(), "zoe", "", password); err != nil {
		t.Fatal(err)
	}
	zoe := fresh.browserless(t, map[string][]string{"name": {"zoe"}, "password": {password}})
	mine := get(t, zoe, fresh.url+"/me")
	contains(t, "a newcomer's page", mine.text("main"), "user/zoe")
	if strings.Contains(mine.text("main"), "user/admin") {
		t.Error("it shows another person")
	}
	for _, link := range mine.all("a") {
		if strings.HasPrefix(attribute(link, "href"), "/audit/") {
			t.Errorf("it leads to %s, which is not for her", attribute(link, "href"))
		}
	}
}

func TestSimulatedDataIsMarked(t *testing.T) {
	s := lived(t)
	c := s.browserless(t, s.code(t))
	for _, path := range []string{"/", "/delivery", "/audit", "/nowhere"} {
		if got := get(t, c, s.url+path).text("p.simulated"); !strings.Contains(got, "This platform shows simulated data") {
			t.Errorf("%s: %q", path, got)
		}
	}
	var leads []string
	for _, card := range get(t, c, s.url+"/").all("section#simulated-year") {
		for _, link := range (answer{root: card}).all("a") {
			leads = append(leads, attribute(link, "href"))
		}
	}
	if want := []string{"/overview", "/scorecard", "/adoption", "/delivery"}; !slices.Equal(leads, want) {
		t.Errorf("the first page leads to %v, not %v", leads, want)
	}
	e := empty(t)
	if got := get(t, e.browserless(t, e.code(t)), e.url+"/"); got.text("p.simulated") != "" || len(got.all("section#simulated-year")) != 0 {
		t.Errorf("a platform without is said to be simulated: %.300s", got.text("main"))
	}
}

func TestPlatformMenu(t *testing.T) {
	s := lived(t)
	c := s.browserless(t, s.code(t))
	for _, path := range []string{"/scorecard", "/delivery", "/audit"} {
		a := get(t, c, s.url+path)
		menu := a.all("details.menu-more")
		if len(menu) != 1 || len((answer{root: menu[0]}).all("summary[data-current=true]")) != 1 || len((answer{root: menu[0]}).all("a[aria-current=page]")) != 1 {
			t.Errorf("%s is not marked in the menu", path)
		}
		for _, link := range (answer{root: menu[0]}).all("a") {
			if to := get(t, c, s.url+attribute(link, "href")); to.StatusCode != http.StatusOK {
				t.Errorf("the menu leads to %s: %s", attribute(link, "href"), to.Status)
			}
		}
	}
	if home := get(t, c, s.url+"/"); len(home.all("summary[data-current=true]")) != 0 {
		t.Error("home is marked in the menu of the platform team")
	}
	if a := get(t, c, s.url+"/search?format=json&q=adopt"); !strings.Contains(a.body, `"/adoption"`) {
		t.Errorf("the palette does not know the page: %s", a.body)
	}
	if a := get(t, c, s.url+"/search?format=json&q=mttr"); !strings.Contains(a.body, `"/measures/mttr"`) {
		t.Errorf("the palette does not know the measure: %s", a.body)
	}
}

// Every measure is found, and every cut of it that the list offers.
func TestMeasuresPage(t *testing.T) {
	s := lived(t)
	c := s.browserless(t, s.code(t))
	all, err := s.Measures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list := get(t, c, s.url+"/measures")
	rows := list.all("tr")[1:] // the first is the head
	if len(rows) != len(all) || len(all) == 0 {
		t.Fatalf("%d rows for %d measures", len(rows), len(all))
	}
	for i, row := range rows {
		links := (answer{root: row}).all("a")
		if want := "/measures/" + all[i].Name; len(links) != 1+len(all[i].Cuts) || attribute(links[0], "href") != want {
			t.Errorf("the row of %s has %d links, of which the first is to %s", all[i].Name, len(links), attribute(links[0], "href"))
		}
		for _, link := range links {
			if to := get(t, c, s.url+attribute(link, "href")); to.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", attribute(link, "href"), to.Status)
			}
		}
	}
	if body := get(t, c, s.url+"/measures?table=measures&format=csv").body; !strings.HasPrefix(body, "title,question,cuts,version\n") || strings.Count(body, "\n") != len(all)+1 {
		t.Errorf("as CSV: %.200s", body)
	}
}

func TestAdoptionPage(t *testing.T) {
	s := lived(t)
	c := s.browserless(t, s.code(t))
	at := s.url + "/adoption?" + past(60)
	a := get(t, c, at)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", a.Status, a.text("main"))
	}
	contains(t, "the sentence", a.text("p.answer"), "40 % of 5 teams use Stoa")
	contains(t, "the heads", a.table("matrix")[0], "All teams | data | web")
	contains(t, "logs", a.row(t, "matrix", "logs"), "40 % 11.8 % to 76.9 % · n 5", "33.3 %", "50 %")
	contains(t, "events", a.row(t, "matrix", "events"), "0 %")
	if shaded := a.all("td.shade"); len(shaded) == 0 || (answer{root: shaded[0]}).text("a.value-link") == "" {
		t.Error("no cell is shaded, or one has no number")
	}
	contains(t, "deployments", a.row(t, "path", "Deployments to production"), "| 30 | 15 | 66.7 %")
	for _, name := range []string{"mau", "wau", "dau", "stickiness"} {
		if len(a.all("section#"+name)) != 1 {
			t.Errorf("no trend of %s", name)
		}
	}
	contains(t, "the month's people", a.text("section#mau"), "8 n 8")
	contains(t, "who is stuck", a.text("p.answer"), "3 teams are stuck, each before another step")
	for team, says := range map[string]string{"beta": "first deployment", "gamma": "first alert", "delta": "first log query"} {
		contains(t, team, a.row(t, "stuck", team), "| "+says+" |", "| event ")
	}
	contains(t, "what is usual", a.row(t, "stuck", "beta"), "139 d | 19 d |")
	contains(t, "what is not known to be usual", a.row(t, "stuck", "delta"), "100 d | no usual time known: over 14 d |")
	contains(t, "what being stuck is", a.text("section#stuck"), "longer than three of four teams that had got as far needed for it", "longer than 14 d where too few teams ever got there")
	for step, says := range map[string]string{"Request": "4 of 5", "Access": "5 of 5", "First deployment": "3 of 5", "First log": "2 of 5", "First alert": "1 of 5", "All of it": "1 of 5"} {
		contains(t, step, a.row(t, "funnel", step), "| "+says+" |")
	}
	contains(t, "the median to a first deployment", a.row(t, "funnel", "First deployment"), "| 10 d n 5 |")
	contains(t, "stages", a.row(t, "stages", "Onboarded and active"), "| 1 | alpha")
	contains(t, "stages", a.row(t, "stages", "Lapsed"), "| 1 | delta")
	contains(t, "the curve", a.text("section#curve-card"), "of 5 teams that could", "a forecast needs 6")
	if in := a.all("section#curve-card"); len((answer{root: in[0]}).all("path.usual")) == 0 || strings.Contains((answer{root: in[0]}).text("ul.chart-legend"), "expected") {
		t.Error("the curve shows no usual course, or expects something")
	}
	contains(t, "retention", a.row(t, "retention", "All together"), "| 3 | 100 % n 3 |")
	pilot := get(t, c, at+"&wave=pilot")
	contains(t, "the wave", pilot.text("p.answer"), "50 % of 2 teams")
}

// A number leads to a page over the same time that it was computed over.
func TestNumbersLeadToTheirOwnScope(t *testing.T) {
	s := lived(t)
	c := s.browserless(t, s.code(t))
	// Of the last two months nobody set out in any: the funnel is of all time.
	a := get(t, c, s.url+"/adoption?"+past(60))
	links := func(a answer, table, begin string) (all []string) {
		for _, section := range a.all("section#" + table) {
			for _, row := range (answer{root: section}).all("tr") {
				if in := (answer{root: row}); strings.HasPrefix(in.words(), begin) {
					for _, link := range in.all("a") {
						all = append(all, attribute(link, "href"))
					}
				}
			}
		}
		return all
	}
	for step, want := range map[string]struct {
		measure string
		links   int
		says    string
	}{
		"Request": {"time-to-access", 1, "from 4 observations"}, "Access": {"time-to-access", 1, "from 4 observations"}, "First deployment": {"time-to-first-deployment", 2, "from 5 observations"},
		"First log": {"time-to-first-log-query", 2, "from 5 observations"}, "First alert": {"time-to-first-alert", 1, "event"}, "All of it": {"time-to-onboard", 1, "event"},
	} {
		found := links(a, "funnel", step)
		if len(found) != want.links {
			t.Errorf("%s leads to %q", step, found)
		}
		for _, href := range found {
			if !strings.HasPrefix(href, "/measures/"+want.measure+"?") {
				t.Errorf("%s leads to %s", step, href)
			}
			says := get(t, c, s.url+href).text("main")
			contains(t, step+", at "+href, says, want.says)
			if strings.Contains(says, "(95 %: )") {
				t.Errorf("%s shows an interval without ends", href)
			}
		}
	}
	kept := links(a, "retention", "All together")
	if len(kept) != 1 || !strings.HasPrefix(kept[0], "/measures/retention-3-months?") {
		t.Fatalf("the retention leads to %q", kept)
	}
	contains(t, "who stayed", get(t, c, s.url+kept[0]).text("main"), "from 1 observation.")
	if found := links(get(t, c, s.url+"/delivery?"+past(60)), "contrast", "Lead time"); len(found) != 3 || !strings.Contains(found[2], "by=path") {
		t.Errorf("the contrast leads to %q", found)
	}
	for _, section := range get(t, c, s.url+"/journeys").all("section#developer") {
		for _, link := range (answer{root: section}).all("a") {
			if href := attribute(link, "href"); strings.HasPrefix(href, "/measures") {
				t.Errorf("newcomers of a persona lead to %s, which is of everybody", href)
			}
		}
	}
}

// A time is shown with its last day.
func TestDaysAreInclusive(t *testing.T) {
	s := lived(t)
	c := s.browserless(t, s.code(t))
	for _, path := range []string{"/scorecard", "/measures/lead-time", "/delivery"} {
		a := get(t, c, s.url+path+"?from=2026-10-01&to=2026-11-01")
		contains(t, path, a.text("div.during"), "2026-10-01 to 2026-10-31")
		contains(t, path, a.text("main"), "< 24 h")
		if strings.Contains(a.text("main"), "2026-11-01") {
			t.Errorf("%s shows the day after the last", path)
		}
	}
}

func TestOverviewPage(t *testing.T) {
	s := lived(t)
	c := s.browserless(t, s.code(t))
	a := get(t, c, s.url+"/overview")
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", a.Status, a.text("main"))
	}
	contains(t, "the sentence", a.text("p.answer"), "40 % of 5 teams use the platform", "1 exception to decide on")
	contains(t, "the value", a.row(t, "value", "Lead time"), "−38 h", "may be chance")
	contains(t, "the cost", a.row(t, "value", "Cost per service"), "no data", "waits for")
	contains(t, "the caution", a.text("section#value"), "This is a correlation")
	contains(t, "adoption", a.row(t, "reach", "Teams using"), "40 %", "unsure", "> 70 %")
	contains(t, "stuck", a.row(t, "blockers", "stuck before first log query"), "| 1 team | delta")
	contains(t, "a refusal", a.row(t, "blockers", "refused by quota/alpha"), "| 1 refusal |")
	contains(t, "the refusals that are not counted", a.text("section#blockers"), "Refusals: without the platform team's own: 1.")
	contains(t, "the exception", a.row(t, "decisions", "policy/no-latest"), "the old pipeline", "team/beta", "in 8 days")
	if strings.Contains(a.text("main"), "does not measure") {
		t.Error("it names measures that there are not")
	}
}

func TestJourneysPage(t *testing.T) {
	s := lived(t)
	c := s.browserless(t, s.code(t))
	at := s.url + "/journeys?" + past(200)
	a := get(t, c, at)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", a.Status, a.text("main"))
	}
	contains(t, "the sentence", a.text("p.answer"), "7 people are new in this time")
	contains(t, "developers", a.text("section#developer"), "7 people active, 7 of them new", "fewer than 5")
	contains(t, "everybody", a.text("section#all"), "7 people active, 7 of them new")
	contains(t, "the way to logs", a.row(t, "developer", "logs"), "| all but fewer than 5 |")
	contains(t, "the way to deploy", a.row(t, "developer", "deploy"), "| 7 | 100 %")
	contains(t, "who only read logs", a.text("section#visitor"), "Too few people to show")
	contains(t, "QA", a.text("section#qa"), "Nobody in this time")
	journeys, err := s.Journeys(t.Context(), url.Values{"days": {"200"}})
	if err != nil || len(journeys) != 3 || journeys[0].Persona != "all" || journeys[1].Persona != "developer" || *journeys[1].People != 7 || journeys[2].People != nil || len(journeys[1].Stops) != 2 {
		t.Errorf("the API says %+v (%v)", journeys, err)
	}
	if _, err := s.Journeys(t.Context(), url.Values{"capability": {"logs"}}); !problem.Is(err, problem.Invalid) {
		t.Errorf("narrowed by a capability, which would make everybody of one persona: %v", err)
	}
	contains(t, "the rules", a.text("main"), "fewer than 5 people is not shown", "notebook")
	if body := get(t, c, at+"&table=visitor&format=json").body; strings.TrimSpace(body) != `{"items":[]}` {
		t.Errorf("the file shows what the page hides: %s", body)
	}
	contains(t, "the usual time", get(t, c, s.url+"/journeys").text("div.during"), measure.Date(measure.Day(time.Now())-364).Format(time.DateOnly))
	contains(t, "newcomers of a month", get(t, c, s.url+"/journeys?"+past(30)).text("p.answer"), "Too few people are new")
	if bad := get(t, c, at+"&service=shop"); bad.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("narrowed by a service: %s", bad.Status)
	}
}

// A scorecard says what it is of, is had as a file, and gets its courses later; its
// targets keep both their ends in the form.
func TestScorecardPage(t *testing.T) {
	s := lived(t)
	c := s.browserless(t, s.code(t))
	if _, err := s.Apply(t.Context(), strings.NewReader(`{apiVersion: stoa.dev/v1, kind: Scorecard, metadata: {name: own}, spec: {title: Our own, days: 60, rows: [
		{measure: lead-time, target: {op: "<", value: 86400}}, {measure: feature-requests, target: {op: ">=", value: 5, atMost: 20}}, {measure: nps}]}}`), "own.yaml", "a test", false); err != nil {
		t.Fatal(err)
	}
	at := s.url + "/scorecard?name=own&" + past(60)
	a := get(t, c, at)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", a.Status, a.text("main"))
	}
	contains(t, "the page", a.text("main"), "Our own", "≥ 5/month, ≤ 20/month", "Segment", "Wave")
	if web := get(t, c, at+"&segment=web"); strings.Contains(web.text("main"), "Net promoter score") || !strings.Contains(web.text("main"), "Lead time") {
		t.Errorf("narrowed to a segment: %s", web.text("main"))
	}
	for _, link := range a.all("a.chip") {
		contains(t, "a chip", attribute(link, "href"), "name=own")
	}
	course := a.all("a#course-lead-time")
	if len(course) != 1 || !strings.HasPrefix(attribute(course[0], "href"), "/measures/lead-time?") {
		t.Errorf("without scripts nothing leads to the course of a measure: %v", course)
	}
	body := get(t, c, at+"&table=measures&format=csv").body
	if rows, err := csv.NewReader(strings.NewReader(body)).ReadAll(); err != nil || len(rows) != 4 || rows[2][0] != "feature-requests" || rows[2][9] != "20" {
		t.Errorf("the file: %v, %v", rows, err)
	}

	asked := a.all("section[data-hx-trigger=load]")
	if len(asked) != 1 {
		t.Fatal("the page asks for nothing later")
	}
	later := get(t, c, s.url+attribute(asked[0], "data-hx-get"))
	for name, says := range map[string]string{"lead-time": "Lead time for changes by month: ", "nps": "no data"} {
		part := later.all("template#course-" + name)
		if len(part) != 1 || !strings.Contains(later.body, says) {
			t.Errorf("the course of %s: %s", name, later.body)
		}
	}

	form := get(t, c, s.url+"/scorecard/targets?name=own")
	var ends []string
	for _, field := range form.all("input") {
		if name := attribute(field, "name"); strings.HasPrefix(name, "atMost.") {
			ends = append(ends, name+" "+attribute(field, "value"))
		}
	}
	if !slices.Equal(ends, []string{"atMost.feature-requests 20"}) {
		t.Errorf("the form has the upper ends %q", ends)
	}
	set := func(atMost string) (int, string) {
		response, err := c.PostForm(s.url+"/scorecard/targets", url.Values{"name": {"own"}, "op.lead-time": {"<"}, "value.lead-time": {"24"},
			"op.feature-requests": {">="}, "value.feature-requests": {"5"}, "atMost.feature-requests": {atMost}})
		if err != nil {
			t.Fatal(err)
		}
		a := read(t, response, time.Now())
		return a.StatusCode, a.text("main")
	}
	if status, says := set("4"); status != http.StatusUnprocessableEntity || !strings.Contains(says, "4 is not above 5") {
		t.Errorf("an upper end below the lower one: %d, %s", status, says)
	}
	if status, _ := set("15"); status != http.StatusOK {
		t.Errorf("the targets are not set: %d", status)
	}
	contains(t, "the page then", get(t, c, at).text("main"), "≥ 5/month, ≤ 15/month")
}

// Whoever is signed in may see how the platform does; the events behind it are
// for those who may read them.
func TestInsightsForEverybody(t *testing.T) {
	s := lived(t)
	if err := s.CreateAccount(t.Context(), "vic", "Vic"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetPassword(t.Context(), "vic", "", password); err != nil {
		t.Fatal(err)
	}
	c := s.browserless(t, map[string][]string{"name": {"vic"}, "password": {password}})
	for _, path := range []string{"/overview", "/adoption?" + past(60), "/delivery?" + past(60), "/journeys", "/scorecard"} {
		a := get(t, c, s.url+path)
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, a.Status)
		}
		for _, link := range a.all("a") {
			if strings.HasPrefix(attribute(link, "href"), "/audit/") {
				t.Errorf("%s leads to %s, which is refused", path, attribute(link, "href"))
			}
		}
	}
	contains(t, "the evidence", get(t, c, s.url+"/delivery?"+past(60)).row(t, "failed", "event"), "| 2 events")
}

// An empty platform has no number, and says what to do first.
func TestInsightsOfNothing(t *testing.T) {
	s := empty(t)
	c := s.browserless(t, s.code(t))
	for path, says := range map[string]string{
		"/overview": "Nobody has used the platform yet", "/adoption": "stoa connect github", "/delivery": "stoa connect github",
		"/journeys": "Nobody used the platform in this time",
	} {
		a := get(t, c, s.url+path)
		if a.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s: %s", path, a.Status, a.text("main"))
		}
		contains(t, path, a.text("main"), says)
		if len(a.all("svg.chart-plot")) > 0 {
			t.Errorf("%s draws nothing as something", path)
		}
		if strings.Contains(a.text("main"), " 0 %") || strings.Contains(a.text("main"), "NaN") {
			t.Errorf("%s grades nothing: %s", path, a.text("main"))
		}
	}
}
