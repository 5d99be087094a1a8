package simulate_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/app"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/simulate"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// platform starts a whole one in this process and gives its admin's client.
func platform(t *testing.T, database string) *client.Client {
	t.Helper()
	data := t.TempDir()
	p, err := app.Open(t.Context(), config.Config{Data: data, Listen: "127.0.0.1:0", Database: database, Version: "test"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	serving, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- p.Serve(serving) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-served, p.Close(context.WithoutCancel(t.Context()))); err != nil {
			t.Errorf("end the platform: %v", err)
		}
	})
	select {
	case <-p.Ready():
	case err := <-served:
		served <- err
		t.Fatalf("the platform ended: %v", err)
	}
	token, err := os.ReadFile(filepath.Join(data, "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(p.URL(), strings.TrimSpace(string(token)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func organisation(t *testing.T, teams, months int) simulate.Options {
	t.Helper()
	end := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	o, err := simulate.Options{Teams: teams, Months: months, Seed: 5, End: end}.WithDefaults(end)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// A simulation that broke off is done again whole, and then what the platform
// measures is what the generator says is true.
func TestPlatformMeasuresTheTruth(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { measureTheTruth(t, filepath.Join(t.TempDir(), "stoa.db")) })
	t.Run("PostgreSQL", func(t *testing.T) { measureTheTruth(t, testenv.Postgres(t)) })
}

func measureTheTruth(t *testing.T, database string) {
	c := platform(t, database)
	o := organisation(t, 26, 10)
	before, err := simulate.Survey(t.Context(), c)
	if err != nil || len(before.Real) != 0 || len(before.Simulations) != 0 {
		t.Fatalf("a new platform has %v and %v, %v", before.Real, before.Simulations, err)
	}

	half, breakOff := context.WithCancel(t.Context())
	first, _, err := simulate.Run(half, c, o, func(p simulate.Progress) {
		if p.Day > p.Days/2 {
			breakOff()
		}
	})
	if !errors.Is(err, context.Canceled) || first.Accepted == 0 {
		t.Fatalf("broken off: %+v, %v", first, err)
	}
	again, truth, err := simulate.Run(t.Context(), c, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again.Events != truth.Counts.Lines || again.Duplicates < first.Accepted+truth.Counts.Duplicates || again.Accepted+again.Duplicates != again.Events {
		t.Errorf("at first %+v, again %+v of %+v", first, again, truth.Counts)
	}
	third, _, err := simulate.Run(t.Context(), c, o, nil)
	if err != nil || third.Accepted != 0 || third.Duplicates != truth.Counts.Lines {
		t.Errorf("a third time: %+v, %v", third, err)
	}

	other := organisation(t, 26, 9)
	if _, _, err := simulate.Run(t.Context(), c, other, nil); !problem.Is(err, problem.Conflict) {
		t.Errorf("another organisation beside it: %v", err)
	}
	after, err := simulate.Survey(t.Context(), c)
	if err != nil || len(after.Real) != 0 || !slices.Equal(after.Simulations, []string{o.Name()}) {
		t.Errorf("afterwards there is %v and %v, %v", after.Real, after.Simulations, err)
	}

	measures, err := c.Measures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkNames(t, measures, truth)
	// Summaries follow the ledger at their own pace.
	deadline := time.Now().Add(4 * time.Minute)
	for {
		differ, compared := compare(t, c, truth)
		if len(differ) == 0 {
			t.Logf("values that agree: %v", compared)
			for _, m := range truth.Measures {
				if notMeasured[m.Name] == "" && compared[m.Name] == 0 {
					t.Errorf("no value of %s was compared with a true one", m.Name)
				}
			}
			checkForecast(t, c, truth)
			checkPersonas(t, c, truth)
			checkContrasts(t, c, truth)
			checkEvidence(t, c, database, measures, truth)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d values differ:\n%s", len(differ), strings.Join(differ[:min(len(differ), 40)], "\n"))
		}
	}
}

// partOf are the measures of the truth that the platform tells as a part of
// another one; %s stands for what the truth is cut by.
var partOf = map[string]struct{ measure, part string }{
	"deployments":              {"change-failure-rate", "deployments"},
	"deployments-failed":       {"change-failure-rate", "failed"},
	"lead-time-dropped":        {"lead-time", "backward"},
	"lead-time-without-commit": {"lead-time", "withoutCommit"},

	"incidents":             {"unattributed-incidents", "incidents"},
	"incidents-open":        {"mttr", "open"},
	"questions":             {"input-friction", "questions"},
	"questions-by-question": {"input-friction", "question:%s"},
	"tickets-by-kind":       {"tickets-opened", "%s"},
	"active-users":          {"tickets-per-100-users", "people"},

	"feature-requesters-by-month": {"feature-requests", "people"},
}

// notMeasured are the measures of the truth that the platform does not have, and
// why.
var notMeasured = map[string]string{
	"personas":                      "journeys tell of them, see checkPersonas",
	"new-teams":                     "the forecast is made of them, see checkForecast",
	"teams-at-step":                 "a page shows them; the times between the steps are measures",
	"tickets-of-teams":              "contrasts tell of them, see checkContrasts",
	"retention":                     "a page shows all cohorts; retention-3-months is the measure",
	"tickets-per-100-users-by-kind": "the platform counts tickets by kind, and gives the rate of all",
	"deployments-rolled-back":       "the platform counts what was rolled back, not rollbacks",
	"deployments-hotfix":            "the platform counts what was mended, not hot-fixes",
	"deployments-elsewhere":         "the platform measures what reaches production",
	"deployment-frequency-forward":  "to the platform a rollback is a deployment",
	"change-failure-rate-forward":   "to the platform a rollback is a deployment",
}

// notInTruth are the measures of the platform that wait for no data and that the
// truth does not have, and why.
var notInTruth = map[string]string{
	"adoption-forecast-3-months": "what is foretold is held against what came true, see checkForecast",
}

// checkNames finds the measures and cuts that one side has and the other has
// not, so that compare passes over nothing that is not listed above.
func checkNames(t *testing.T, measures []client.Measure, truth simulate.Truth) {
	t.Helper()
	cuts, told := map[string][]string{}, map[string]bool{}
	for _, m := range measures {
		if m.Waits == "" {
			cuts[m.Name] = append(m.Cuts, "all")
		}
	}
	for _, m := range truth.Measures {
		told[m.Name] = true
		known, measured := cuts[asked(m.Name)]
		if measured == (notMeasured[m.Name] != "") {
			t.Errorf("the platform measures %s: %v; mend notMeasured", m.Name, measured)
			continue
		}
		for _, v := range m.Values {
			if dimension, _, _ := strings.Cut(v.Cut, "="); measured && dimension != "month" && !slices.Contains(known, dimension) && !strings.Contains(partOf[m.Name].part, "%s") {
				t.Errorf("the platform cannot cut %s by %s", m.Name, dimension)
			}
		}
	}
	for name := range cuts {
		if told[name] == (notInTruth[name] != "") {
			t.Errorf("the truth has %s: %v; mend notInTruth", name, told[name])
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(notMeasured)), slices.Collect(maps.Keys(partOf))) {
		if !told[name] {
			t.Errorf("the truth has no %s, which is listed", name)
		}
	}
	for name := range notInTruth {
		if cuts[name] == nil {
			t.Errorf("the platform has no %s, which is listed", name)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// asked names the measure of the platform that tells one of the truth.
func asked(name string) string { return cmp.Or(partOf[name].measure, name) }

// checkForecast: what was foretold at the end of a month came true three months
// later, within the interval that was given.
func checkForecast(t *testing.T, c *client.Client, truth simulate.Truth) {
	t.Helper()
	begun := truth.Measures[slices.IndexFunc(truth.Measures, func(m simulate.Measure) bool { return m.Name == "new-teams" })].Values
	became, adopters := map[string]float64{}, 0.0 // by month, the share of teams that use the platform by its end
	for _, v := range begun {
		adopters += *v.Value
		became[v.Cut] = adopters / float64(truth.Teams)
	}
	foretold := 0
	for month := truth.From.AddDate(0, 1, 0); !month.AddDate(0, 3, 0).After(truth.To); month = month.AddDate(0, 1, 0) {
		answer, err := c.Measure(t.Context(), "adoption-forecast-3-months",
			url.Values{"from": {truth.From.Format(time.DateOnly)}, "to": {month.Format(time.DateOnly)}})
		if err != nil {
			t.Fatal(err)
		}
		p := answer.Points[0]
		if p.Value == nil {
			continue // too few months are over
		}
		foretold++
		is := became["month="+month.AddDate(0, 2, 0).Format("2006-01")] // the third month begins two later
		if p.Interval == nil || is < *p.Interval[0] || is > *p.Interval[1] {
			t.Errorf("on %s it was foretold that in three months %g, in the interval %v, would adopt; %g did", month.Format(time.DateOnly), *p.Value, p.Interval, is)
		}
	}
	if foretold == 0 {
		t.Error("nothing was foretold")
	}
}

// checkContrasts: on the path and off it teams have as many tickets as is true, and
// the interval of the difference holds the one that they are drawn with: none,
// though many fewer in the end than at first. Lead times differ as they are drawn.
func checkContrasts(t *testing.T, c *client.Client, truth simulate.Truth) {
	t.Helper()
	is := truth.Measures[slices.IndexFunc(truth.Measures, func(m simulate.Measure) bool { return m.Name == "tickets-of-teams" })]
	held := 0
	for name, w := range truth.Windows {
		contrasts, err := c.Contrasts(t.Context(), url.Values{"from": {w.From.Format(time.DateOnly)}, "to": {w.To.Format(time.DateOnly)}})
		if err != nil {
			t.Fatal(err)
		}
		of := map[string]client.Contrast{}
		for _, one := range contrasts {
			of[one.Measure] = one
		}
		tickets := of["tickets-per-100-daily-users"]
		for cut, got := range map[string]*float64{"path=on": tickets.On.Value, "path=off": tickets.Off.Value} {
			want := is.Values[slices.IndexFunc(is.Values, func(v simulate.Value) bool { return v.Window == name && v.Cut == cut })].Value
			if (got == nil) != (want == nil) || got != nil && math.Abs(*got-*want) > 1e-5*max(1, *want) {
				t.Errorf("tickets for 100 daily users, %s in %s: measured %s, true is %s", cut, name, text(got), text(want))
			}
		}
		if i := tickets.Interval; i != nil {
			held++
			if *i[0] > 0 || *i[1] < 0 || tickets.Clear {
				t.Errorf("tickets differ by %s in the interval [%g, %g] in %s, and are drawn alike", text(tickets.Difference), *i[0], *i[1], name)
			}
		}
		m := truth.Parameters
		if lead := of["lead-time"]; name == "whole" && (!lead.Clear || (*lead.Difference < 0) != (m.LeadHoursOn < m.LeadHoursOff)) {
			t.Errorf("lead times differ by %+v, and are drawn about %g and %g hours", lead, m.LeadHoursOn, m.LeadHoursOff)
		}
	}
	if held == 0 {
		t.Error("no difference of tickets has an interval")
	}
}

// checkPersonas: what people do for a living is inferred from what they use. That
// errs about some of them; in every part of the organisation there are of a
// persona as many as there truly are, give or take a fifth, and nobody who was
// active is of none or of two.
func checkPersonas(t *testing.T, c *client.Client, truth simulate.Truth) {
	t.Helper()
	const fewest = 5                                                            // fewer people are told as none
	values := map[string]map[string]float64{"personas": {}, "active-users": {}} // by window and cut
	for _, m := range truth.Measures {
		for _, v := range m.Values {
			if of := values[m.Name]; of != nil && v.Window != "month" {
				of[v.Window+" "+v.Cut] = *v.Value
			}
		}
	}
	named := map[string]int{} // parts in which enough are of a persona for the platform to tell
	for at, active := range values["active-users"] {
		window, cut, _ := strings.Cut(at, " ")
		w := truth.Windows[window]
		q := url.Values{"from": {w.From.Format(time.DateOnly)}, "to": {w.To.Format(time.DateOnly)}}
		if dimension, group, narrowed := strings.Cut(cut, "="); narrowed {
			q.Set(dimension, group)
		}
		journeys, err := c.Journeys(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if at == "whole all" && (journeys[0].Persona != "all" || !slices.ContainsFunc(journeys[0].Ends, func(e client.End) bool { return e.People >= fewest })) {
			t.Errorf("%s: it is not told where newcomers stop: %+v", at, journeys[0])
		}
		least, most := map[string]float64{}, map[string]float64{} // by persona
		all, more := 0.0, 0.0
		for _, j := range journeys {
			if j.Persona == "all" {
				continue
			}
			least[j.Persona], most[j.Persona] = 1, fewest-1
			if j.People != nil {
				least[j.Persona], most[j.Persona] = float64(*j.People), float64(*j.People)
				named[j.Persona]++
			}
			all, more = all+least[j.Persona], more+most[j.Persona]
		}
		if active < all || active > more {
			t.Errorf("%s: of %g active people between %g and %g have a persona", at, active, all, more)
		}
		for _, persona := range []string{"data", "developer", "operations", "qa", "visitor"} {
			are := values["personas"][strings.TrimSuffix(window+" persona="+persona+","+cut, ",all")] // nobody is truly a visitor
			if give := 2 + are/5; least[persona] > are+give || most[persona] < are-give {
				t.Errorf("%s: %g to %g people are %s by what they use, %g are in truth", at, least[persona], most[persona], persona, are)
			}
		}
	}
	for _, persona := range []string{"data", "developer", "operations", "qa"} {
		if named[persona] < 4 {
			t.Errorf("personas compared: %v", named)
		}
	}
	t.Logf("personas compared: %v", named)
}

// compare asks the platform for every value of the truth that it measures, and
// counts by measure those that are numbers on both sides.
func compare(t *testing.T, c *client.Client, truth simulate.Truth) (differ []string, compared map[string]int) {
	t.Helper()
	compared = map[string]int{}
	for _, m := range truth.Measures {
		if notMeasured[m.Name] != "" {
			continue
		}
		answers := map[string]map[string]client.Point{} // by window and dimension, by group
		for _, v := range m.Values {
			dimension, group, _ := strings.Cut(v.Cut, "=")
			part := partOf[m.Name].part
			if strings.Contains(part, "%s") {
				part, dimension, group = fmt.Sprintf(part, group), "all", ""
			}
			key := v.Window + " " + dimension
			if answers[key] == nil {
				w, series := truth.Windows[v.Window], dimension == "month"
				if series {
					w = simulate.Window{From: truth.From, To: truth.To}
				}
				q := url.Values{"from": {w.From.Format(time.DateOnly)}, "to": {w.To.Format(time.DateOnly)}}
				switch {
				case series:
					q.Set("step", "month")
				case dimension != "all":
					q.Set("by", dimension)
				}
				answer, err := c.Measure(t.Context(), asked(m.Name), q)
				if err != nil {
					t.Fatal(err)
				}
				answers[key] = map[string]client.Point{}
				for _, p := range answer.Points {
					if series {
						p.Group = p.From[:len("2006-01")]
					}
					answers[key][p.Group] = p
				}
			}
			got := answers[key][group].Value
			if part != "" {
				got = nil
				if n, ok := answers[key][group].Parts[part]; ok {
					got = &n
				}
			}
			// Where there is nothing to count, no data is as good as zero.
			if v.Value != nil && *v.Value == 0 && got == nil {
				continue
			}
			if got != nil && v.Value != nil {
				compared[m.Name]++
			}
			if (got == nil) != (v.Value == nil) || got != nil && math.Abs(*got-*v.Value) > 1e-5*max(1, math.Abs(*v.Value)) {
				differ = append(differ, fmt.Sprintf("%s of %s in %s: measured %s, true is %s", m.Name, v.Cut, v.Window, text(got), text(v.Value)))
			}
		}
	}
	return differ, compared
}

func text(v *float64) string {
	if v == nil {
		return "nothing"
	}
	return fmt.Sprintf("%g", *v)
}
