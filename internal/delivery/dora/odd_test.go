package dora_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
)

// days is a scope from one day after that of start to another.
func days(from, to int64) measure.Scope {
	return measure.Scope{From: measure.Day(start) + from, To: measure.Day(start) + to}
}

// expect compares estimates with "value of n".
func expect(t *testing.T, s *store.Store, o *measure.Org, scope measure.Scope, want map[string]string) {
	t.Helper()
	for name, w := range want {
		if got := show(ask(t, s, o, name, scope)[0].Estimate); got != w {
			t.Errorf("%s of %s: got %s, want %s", name, measure.Date(scope.From).Format(time.DateOnly), got, w)
		}
	}
}

// What comes a month late counts where it belongs in time, and nowhere else.
func TestLateEventsCountInTheirTime(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		add(t, s, events(t, deploy(0, "shop", "v1"), deploy(40*24, "shop", "v2"))...)
		project(t, s, 10)
		o := org(t, s)
		march, april := days(0, 30), days(30, 60)
		once := fmt.Sprintf("%.4g of 1", 1.0/30)
		expect(t, s, o, march, map[string]string{dora.DeploymentFrequency: once, dora.ChangeFailureRate: "0 of 1", dora.MTTR: "none of 0"})
		late := []said{deploy(50, "shop", "v1.1"), detected(51, "i1", "shop"), resolved(53, "i1", "shop")}
		for i := range late {
			late[i].id = fmt.Sprint("late", i)
		}
		add(t, s, events(t, late...)...)
		project(t, s, 10)
		expect(t, s, o, march, map[string]string{dora.DeploymentFrequency: fmt.Sprintf("%.4g of 1", 2.0/30), dora.ChangeFailureRate: "0.5 of 2", dora.MTTR: "7200 of 1"})
		expect(t, s, o, april, map[string]string{dora.DeploymentFrequency: once, dora.ChangeFailureRate: "0 of 1", dora.MTTR: "none of 0"})
	})
}

// What comes twice counts once, also when it comes in another batch.
func TestDuplicatesCountOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		history := events(t, deploy(0, "shop", "v1"), deploy(2, "shop", "v2"), detected(3, "i1", "shop"), resolved(4, "i1", "shop"))
		add(t, s, history...)
		project(t, s, 2)
		add(t, s, append(history, history...)...)
		project(t, s, 2)
		expect(t, s, org(t, s), days(0, 30), map[string]string{
			dora.DeploymentFrequency: fmt.Sprintf("%.4g of 1", 2.0/30), dora.ChangeFailureRate: "0.5 of 2", dora.MTTR: "3600 of 1"})
	})
}

// An event without a team counts for everybody and for no team; one of a service
// that is gone counts for the time in which it was there.
func TestNoTeamAndNoServiceAnyMore(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		alone := deploy(1, "lost", "v1")
		alone.team = ""
		gone := deploy(30, "gone", "")
		gone.kind = "service.removed"
		add(t, s, events(t, deploy(0, "shop", "v1"), alone, deploy(2, "gone", "v1"), gone)...)
		project(t, s, 10)
		o := org(t, s)
		expect(t, s, o, days(0, 30), map[string]string{dora.ChangeFailureRate: "0 of 3", dora.DeploymentFrequency: fmt.Sprintf("%.4g of 3", 1.0/30)})
		for by, want := range map[measure.Dimension]string{measure.ByTeam: "none 0 of 1, red 0 of 2", measure.ByService: "gone 0 of 1, lost 0 of 1, shop 0 of 1"} {
			scope := days(0, 30)
			scope.By = by
			var got []string
			for _, p := range ask(t, s, o, dora.ChangeFailureRate, scope) {
				got = append(got, p.Group+" "+show(p.Estimate))
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("by %s: %v, want %s", by, got, want)
			}
		}
		expect(t, s, o, days(2, 30), map[string]string{dora.ChangeFailureRate: "none of 0"})
	})
}

// A window in which nothing happened has no value: neither before anything was
// known, nor between two times with data, nor after a service was given up.
func TestWindowWithoutData(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		for _, told := range [][]said{nil, {deploy(0, "shop", "v1"), deploy(150*24, "shop", "v2"), detected(150*24+1, "i1", "shop")}} {
			add(t, s, events(t, told...)...)
			project(t, s, 10)
			o := org(t, s)
			for _, scope := range []measure.Scope{days(-60, -30), days(100, 140), days(300, 330)} {
				for _, m := range dora.Measures() {
					for _, step := range []measure.Step{measure.Whole, measure.Daily, measure.Weekly, measure.Monthly} {
						scope.Step = step
						for _, p := range ask(t, s, o, m.Name, scope) {
							if p.Value != nil || p.N != 0 {
								t.Errorf("%s by %q of %s: %s", m.Name, step, p.From, show(p.Estimate))
							}
						}
					}
					if proof, err := engine(t, s, o).Evidence(t.Context(), m.Name, scope, 0, 10); err != nil || len(proof) > 0 {
						t.Errorf("%s: evidence %v, %v", m.Name, proof, err)
					}
				}
			}
		}
	})
}

// An incident that says of no service may name a deployment of its own team, and of
// no other: nobody can say of others that they failed.
func TestNobodyBlamesAnotherTeam(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		about := func(team string, e said) said {
			e.team, e.service = team, ""
			return e
		}
		add(t, s, events(t,
			deploy(0, "shop", "shop-1"), deploy(1, "shop", "shop-2"), deploy(2, "shop", "shop-3"),
			about("red", detected(3, "own", "", "deployment", "shop-1")),
			about("blue", detected(3, "foreign", "", "deployment", "shop-2")),
			about("", detected(3, "nobody's", "", "deployment", "shop-3")))...)
		project(t, s, 10)
		o := org(t, s)
		if got := show(ask(t, s, o, dora.ChangeFailureRate, month())[0].Estimate); got != "0.6667 of 3" {
			t.Errorf("failed: %s, want that of the own team and the one that the platform laid to no team", got)
		}
	})
}

// The same commit deployed once more brings no change, however it was told.
func TestTheSameCommitAgainBringsNoChange(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		list := []map[string]string{{"commit": "abc1", "time": hours(-1).Format(time.RFC3339)}}
		add(t, s, events(t, deploy(0, "shop", "r1", "commit", "abc1", "changes", list), deploy(14*24, "shop", "r2", "commit", "abc1", "changes", list))...)
		project(t, s, 10)
		if got := show(ask(t, s, org(t, s), dora.LeadTime, month())[0].Estimate); got != "3600 of 1" {
			t.Errorf("lead time: %s, want one change of an hour", got)
		}
	})
}

// A service that moved onto the path is off it no more, and a month says the same
// by itself as in a year. One that was not deployed for a while is there with 0, and
// one that came late counts from then on.
func TestServicesAreWhereTheyWereDeployedLast(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		on := func(e said) said {
			e.path = true
			return e
		}
		const day = 24.0
		add(t, s, events(t,
			deploy(0, "shop", "v1"), deploy(10*day, "shop", "v2"), on(deploy(40*day, "shop", "v3")), on(deploy(70*day, "shop", "v4")), // moved on the 40th day
			deploy(0, "mail", "v1"), deploy(80*day, "mail", "v2"), // never moved
			on(deploy(85*day, "late", "v1")),
		)...)
		project(t, s, 10)
		o := org(t, s)
		for _, c := range []struct {
			from, to int64
			on, off  string
		}{
			{0, 30, "", fmt.Sprintf("%.4g of 2", 1.5/30)},
			{30, 60, fmt.Sprintf("%.4g of 1", 1.0/20), "0 of 2"}, // shop was off the path for ten of these days
			{60, 90, fmt.Sprintf("%.4g of 2", (1.0/30+1.0/5)/2), fmt.Sprintf("%.4g of 1", 1.0/30)},
			{150, 170, "0 of 2", "0 of 1"}, // given up, as far as anybody knows
		} {
			whole := map[string]string{}
			for _, p := range ask(t, s, o, dora.DeploymentFrequency, measure.Scope{From: days(c.from, c.to).From, To: days(c.from, c.to).To, By: measure.ByPath}) {
				whole[p.Group] = show(p.Estimate)
			}
			for path, want := range map[string]string{measure.OnPath: c.on, measure.OffPath: c.off} {
				scope := days(c.from, c.to)
				if whole[path] != want {
					t.Errorf("%s from day %d to %d: %q, want %q", path, c.from, c.to, whole[path], want)
				}
				scope.Only = map[measure.Dimension][]string{measure.ByPath: {path}}
				if alone := show(ask(t, s, o, dora.DeploymentFrequency, scope)[0].Estimate); want != "" && alone != want {
					t.Errorf("only %s from day %d to %d: %q, want %q", path, c.from, c.to, alone, want)
				}
			}
		}
		months := days(-1, 121)
		months.By, months.Step = measure.ByPath, measure.Monthly
		for _, p := range ask(t, s, o, dora.DeploymentFrequency, months) {
			month := measure.Scope{By: measure.ByPath, From: dayOf(t, p.From), To: dayOf(t, p.To)}
			for _, alone := range ask(t, s, o, dora.DeploymentFrequency, month) {
				if alone.Group == p.Group && show(alone.Estimate) != show(p.Estimate) {
					t.Errorf("%s of %s: %s by itself, %s in a series", p.Group, p.From, show(alone.Estimate), show(p.Estimate))
				}
			}
		}
	})
}

func dayOf(t *testing.T, text string) int64 {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return measure.Day(at)
}

// A team that was renamed in the middle of a window is one team under its new
// name, and one that was merged into it is part of it: nothing counts twice.
func TestTeamRenamedAndMergedInMidWindow(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		of := func(team string, e said) said {
			e.team = team
			return e
		}
		add(t, s, events(t,
			of("red", deploy(0, "shop", "v1")), of("green", deploy(0, "mail", "v1")), of("red", deploy(24, "shop", "v2")),
			of("red", detected(25, "i1", "shop")), // begun under one name, over under another
			of("blue", resolved(27, "i1", "shop")), of("blue", deploy(48, "shop", "v3")), of("blue", deploy(48, "mail", "v2")))...)
		project(t, s, 10)
		o := org(t, s, func(o *measure.Org) {
			blue := &measure.Team{Name: "blue", Segment: "web"}
			for _, team := range o.Teams {
				blue.IDs = append(blue.IDs, team.IDs...)
			}
			o.Teams = []*measure.Team{blue}
		})
		for _, by := range []measure.Dimension{measure.ByTeam, measure.BySegment} {
			scope := days(0, 30)
			scope.By = by
			for name, want := range map[string]string{dora.ChangeFailureRate: "0.2 of 5", dora.MTTR: "7200 of 1", dora.DeploymentFrequency: fmt.Sprintf("%.4g of 2", 2.5/30)} {
				if points := ask(t, s, o, name, scope); len(points) != 1 || show(points[0].Estimate) != want {
					t.Errorf("%s by %s: %+v, want %s", name, by, points, want)
				}
			}
			scope.Only = map[measure.Dimension][]string{measure.ByTeam: {"red"}}
			if points := ask(t, s, o, dora.ChangeFailureRate, scope); len(points) != 0 {
				t.Errorf("under the name of old: %+v", points)
			}
		}
	})
}

// Days are those of UTC, whatever zone the platform runs in and senders write
// times in: the local days of 23 and 25 hours change nothing.
func TestDaylightSaving(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	local := time.Local
	time.Local = berlin
	t.Cleanup(func() { time.Local = local })
	for name, c := range map[string]struct {
		night time.Time // the local midnight that begins the odd day
		hours int
		want  map[measure.Step]string // deployments in each bucket
	}{
		// Local midnight is 23:00 UTC in winter, 22:00 in summer.
		"forward": {time.Date(2026, 3, 29, 0, 0, 0, 0, berlin), 23, map[measure.Step]string{measure.Daily: "1 22 0", measure.Weekly: "23 0", measure.Monthly: "23"}},
		"back":    {time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), 25, map[measure.Step]string{measure.Daily: "2 23 0", measure.Weekly: "25 0", measure.Monthly: "25"}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *store.Store) {
				if got := c.night.AddDate(0, 0, 1).Sub(c.night); got != time.Duration(c.hours)*time.Hour {
					t.Fatalf("the day has %s", got)
				}
				var history []said
				for hour := range c.hours { // one each hour of the local day, in its own offset
					e := deploy(0, "shop", fmt.Sprint("v", hour))
					e.at = c.night.Add(time.Duration(hour) * time.Hour)
					history = append(history, e)
				}
				add(t, s, events(t, history...)...)
				project(t, s, 7)
				o := org(t, s)
				first := measure.Day(c.night)
				for step, want := range c.want {
					var got []string
					for _, p := range ask(t, s, o, dora.DeploymentFrequency, measure.Scope{From: first, To: first + 3, Step: step}) {
						got = append(got, fmt.Sprint(p.Parts["deployments"]))
					}
					if strings.Join(got, " ") != want {
						t.Errorf("by %s: %v, want %s", step, got, want)
					}
				}
			})
		})
	}
}

// An incident that is open for a year counts as lasting on, in the time in which
// it began and in no other; once it is over it lasted a year.
func TestIncidentOpenForAYear(t *testing.T) {
	const year = 365 * 24
	onBoth(t, func(t *testing.T, s *store.Store) {
		add(t, s, events(t, deploy(0, "shop", "v1"), detected(1, "i1", "shop"))...)
		project(t, s, 10)
		o := org(t, s)
		began, ended := days(0, 30), days(360, 390)
		for _, name := range []string{dora.MTTR, dora.RecoveryTime} {
			p := ask(t, s, o, name, began)[0]
			if p.Value != nil || p.N != 1 || !strings.Contains(p.Note, "1 of 1 still open") {
				t.Errorf("%s: %+v", name, p.Estimate)
			}
		}
		expect(t, s, o, began, map[string]string{dora.ChangeFailureRate: "1 of 1"})
		expect(t, s, o, ended, map[string]string{dora.MTTR: "none of 0", dora.ChangeFailureRate: "none of 0"})
		over := resolved(1+year, "i1", "shop")
		over.id = "over"
		add(t, s, over.event(t))
		project(t, s, 10)
		lasted := fmt.Sprintf("%.4g of 1", year*3600.0)
		expect(t, s, o, began, map[string]string{dora.MTTR: lasted, dora.RecoveryTime: lasted})
		expect(t, s, o, ended, map[string]string{dora.MTTR: "none of 0", dora.RecoveryTime: "none of 0"})
		if proof, err := engine(t, s, o).Evidence(t.Context(), dora.MTTR, began, 0, 10); err != nil || !slices.Equal(proof, []int64{2, 3}) {
			t.Errorf("evidence %v, %v", proof, err)
		}
	})
}

// The record begins with the first deployment to production: a time that begins
// before that is not compared with.
func TestNothingIsComparedWithHalfATime(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		elsewhere := deploy(0, "shop", "v0")
		elsewhere.environment = "dev"
		add(t, s, events(t, elsewhere, deploy(10*24, "shop", "v1"), deploy(20*24, "shop", "v2"))...)
		project(t, s, 10)
		from := measure.Day(start) + 20
		spec := measure.ScorecardSpec{Rows: []measure.ScorecardRow{{Measure: dora.DeploymentFrequency}}}
		for days, note := range map[int64]string{10: "", 11: "the record begins 2026-03-12"} {
			card, err := engine(t, s, org(t, s)).Score(t.Context(), "card", spec, measure.Scope{From: from, To: from + days})
			if err != nil || (card.Rows[0].Change != nil) != (note == "") || card.Rows[0].Note != note {
				t.Errorf("%d days: %+v, %v", days, card.Rows, err)
			}
		}
	})
}

// A month without a deployment does not show that there never is one: of 30 days
// without an event the exact interval of a rate ends at ln(1 ÷ 0.025) in them.
func TestNoDeploymentIsNotNever(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		var all []said
		for i := range 8 {
			all = append(all, deploy(float64(i), fmt.Sprint("s", i), "v1"))
		}
		add(t, s, events(t, append(all, deploy(45*24, "late", "v1"))...)...)
		project(t, s, 20)
		scope := measure.Scope{From: measure.Day(start) + 10, To: measure.Day(start) + 40}
		end := math.Log(1/0.025) / 30
		for name, want := range map[string]float64{dora.DeploymentFrequency: end, dora.DeploymentDays: 7 * end} {
			e := ask(t, s, org(t, s), name, scope)[0].Estimate
			if e.Value == nil || *e.Value != 0 || e.N != 8 || e.Interval == nil || e.Interval.Low != 0 || math.Abs(e.Interval.High-want) > 1e-6 {
				t.Errorf("%s: %+v in %+v, want 0 up to %v", name, e, e.Interval, want)
			}
		}
	})
}
