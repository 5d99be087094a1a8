package simulate_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// platform starts a whole one in this process, on a new file where database is
// empty, and gives its admin's client.
func platform(t *testing.T, database string) *client.Client {
	t.Helper()
	data := t.TempDir()
	database = cmp.Or(database, filepath.Join(data, "stoa.db"))
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
	t.Run("SQLite", func(t *testing.T) { measureTheTruth(t, platform(t, "")) })
	t.Run("PostgreSQL", func(t *testing.T) { measureTheTruth(t, platform(t, testenv.Postgres(t))) })
}

func measureTheTruth(t *testing.T, c *client.Client) {
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
	// Summaries follow the ledger at their own pace.
	deadline := time.Now().Add(4 * time.Minute)
	for {
		differ, compared := compare(t, c, measures, truth)
		if compared < 300 {
			t.Fatalf("only %d values have a measure", compared)
		}
		if len(differ) == 0 {
			t.Logf("%d values agree", compared)
			checkForecast(t, c, truth)
			checkPersonas(t, c, truth)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d values differ:\n%s", len(differ), compared, strings.Join(differ[:min(len(differ), 40)], "\n"))
		}
	}
}

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

// checkPersonas: what people do for a living is inferred from what they use. That
// errs about some of them; of a persona there are as many as there truly are, give
// or take a fifth.
func checkPersonas(t *testing.T, c *client.Client, truth simulate.Truth) {
	t.Helper()
	named := map[string]string{}
	for _, v := range truth.Measures[slices.IndexFunc(truth.Measures, func(m simulate.Measure) bool { return m.Name == "personas" })].Values {
		if v.Window != "whole" {
			continue
		}
		w := truth.Windows[v.Window]
		journeys, err := c.Journeys(t.Context(), url.Values{"from": {w.From.Format(time.DateOnly)}, "to": {w.To.Format(time.DateOnly)}})
		if err != nil {
			t.Fatal(err)
		}
		persona := strings.TrimPrefix(v.Cut, "persona=")
		got := 0.0
		for _, j := range journeys {
			if j.Persona == persona && j.People != nil {
				got = float64(*j.People)
			}
		}
		named[persona] = fmt.Sprintf("%g of %g", got, *v.Value)
		if math.Abs(got-*v.Value) > 2+*v.Value/5 {
			t.Errorf("%g people are %s by what they use, %g are in truth", got, persona, *v.Value)
		}
	}
	if len(named) != 4 {
		t.Errorf("personas compared: %v", named)
	}
	t.Logf("personas: %v", named)
}

// compare asks the platform for every value of the truth that it measures.
func compare(t *testing.T, c *client.Client, measures []client.Measure, truth simulate.Truth) (differ []string, compared int) {
	t.Helper()
	for _, m := range truth.Measures {
		n := slices.IndexFunc(measures, func(x client.Measure) bool { return x.Name == m.Name && x.Waits == "" })
		if n < 0 {
			continue
		}
		answers := map[string]map[string]*float64{} // by window and dimension, by group
		for _, v := range m.Values {
			dimension, group, _ := strings.Cut(v.Cut, "=")
			if v.Cut == "all" {
				dimension = ""
			} else if !slices.Contains(measures[n].Cuts, dimension) {
				continue
			}
			key := v.Window + " " + dimension
			if answers[key] == nil {
				w := truth.Windows[v.Window]
				q := url.Values{"from": {w.From.Format(time.DateOnly)}, "to": {w.To.Format(time.DateOnly)}}
				if dimension != "" {
					q.Set("by", dimension)
				}
				answer, err := c.Measure(t.Context(), m.Name, q)
				if err != nil {
					t.Fatal(err)
				}
				answers[key] = map[string]*float64{}
				for _, p := range answer.Points {
					answers[key][p.Group] = p.Value
				}
			}
			compared++
			got := answers[key][group]
			// Where there is nothing to count, no data is as good as zero.
			if v.Value != nil && *v.Value == 0 && got == nil {
				continue
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
