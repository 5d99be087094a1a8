package dora_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// nobody measures nothing else.
type nobody struct{}

func (nobody) Find(name string) (measure.Definition, error) {
	return measure.Definition{}, problem.New(problem.NotFound, "there is no measure %q", name)
}

func (nobody) Ask(context.Context, string, measure.Scope) (measure.Answer, error) {
	return measure.Answer{}, nil
}

// during is a team in the month from March on.
type during struct {
	team  string
	month int
}

type asked struct{ tickets, people int }

// helpdesk answers for tickets as its room would.
type helpdesk struct {
	t    fataler
	told map[during]asked
}

func (helpdesk) Find(name string) (measure.Definition, error) {
	d := measure.Definition{Name: name, Cuts: []measure.Dimension{measure.ByTeam, measure.BySegment, measure.ByWave}}
	if name == dora.CostPerService {
		d = measure.Definition{Name: name, Waits: "cost data"}
	}
	return d, nil
}

func (h helpdesk) Ask(_ context.Context, name string, s measure.Scope) (answer measure.Answer, err error) {
	if name != dora.Tickets || s.By != measure.ByTeam || s.Step != measure.Monthly {
		h.t.Fatal("asked for ", name, s)
	}
	for _, team := range []string{"blue", "green", measure.Nobody, "red", "rose", "ruby"} {
		for month := range s.Buckets() {
			is := h.told[during{team, month}]
			e := measure.None("nobody was active on a working day of this time")
			if is.people > 0 {
				e = measure.Of(1, int64(is.people)).With("dailyUsers", float64(is.people))
			}
			answer.Points = append(answer.Points, measure.Point{Group: team, Estimate: e.With("tickets", float64(is.tickets))})
		}
	}
	return answer, nil
}

// released are deployments of a team in a month: so many on the path, so many off it.
func released(team string, month, on, off int) (all []said) {
	for i := range on + off {
		at := float64(month*31*24 + 24 + i)
		all = append(all, by(team, i < on, deploy(at, team, fmt.Sprint(team, month, i))))
	}
	return all
}

func contrastOf(t fataler, contrasts []dora.Contrast, name string) dora.Contrast {
	at := slices.IndexFunc(contrasts, func(c dora.Contrast) bool { return c.Measure == name })
	if at < 0 {
		t.Fatal("there is no contrast of ", name)
	}
	return contrasts[at]
}

// TestTicketContrast: March 2026 has 31 days, April 30. In March red and rose are on
// the path: 5 tickets of 50 people and 1 of 10, that is 6 for 60 people in 31/30
// months; blue's are in another segment. In April red is off it with 10 of 50 and rose
// on it with 3 of 10: 30 less 20 for a hundred people a month, of which there is one
// team on either side, so no interval.
func TestTicketContrast(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		var all []said
		for _, some := range [][]said{
			released("red", 0, 2, 1), released("rose", 0, 1, 0), released("blue", 0, 0, 4), released("red", 1, 0, 1), released("rose", 1, 3, 2),
			released("blue", 1, 2, 2), released("green", 0, 1, 0), {in("dev", by("blue", true, deploy(31*24, "blue", "elsewhere")))},
		} {
			all = append(all, some...)
		}
		add(t, s, events(t, all...)...)
		project(t, s, 20)
		desk := helpdesk{t, map[during]asked{
			{"red", 0}: {5, 50}, {"rose", 0}: {1, 10}, {"blue", 0}: {9, 30}, {"red", 1}: {10, 50}, {"rose", 1}: {3, 10}, {"blue", 1}: {7, 30},
			{"green", 0}: {2, 0}, {"green", 1}: {4, 20}, {measure.Nobody, 1}: {8, 40},
		}}
		march := measure.Day(start) - 1
		scope := measure.Scope{From: march, To: march + 61}
		contrasts, err := dora.Contrasts(t.Context(), measure.NewView(s, org(t, s), scope), desk)
		if err != nil {
			t.Fatal(err)
		}
		c := contrastOf(t, contrasts, dora.Tickets)
		on, off := 100*(6.0+3)/(60*31.0/30+10), 100*(9.0+10)/(30*31.0/30+50)
		if math.Abs(*c.On.Value-on) > 1e-9 || math.Abs(*c.Off.Value-off) > 1e-9 || c.On.N != 2 || c.Off.N != 2 || c.On.Parts["tickets"] != 9 || c.On.Interval == nil {
			t.Errorf("on %+v, want %v; off %+v, want %v", c.On, on, c.Off, off)
		}
		if c.Difference == nil || math.Abs(*c.Difference-10) > 1e-9 || c.Interval != nil || c.Clear {
			t.Errorf("difference %v in %v, clear: %v", c.Difference, c.Interval, c.Clear)
		}
		if !slices.Equal(c.Segments, []string{"seg-r"}) || !slices.Equal(c.LeftOut, []string{"seg-b"}) || c.Caution == "" {
			t.Errorf("segments %v, left out %v, %q", c.Segments, c.LeftOut, c.Caution)
		}
		if want := "left out: 1 × a month of a team without a deployment, 1 × a month of a team with as many on the path as off it, " +
			"2 × a ticket of a team of which nobody was active on a working day of the month, 8 × a ticket of no team that is known; too few teams for an interval"; c.Note != want {
			t.Errorf("%q, want %q", c.Note, want)
		}
		if c := contrastOf(t, contrasts, dora.CostPerService); c.Note != "waits for cost data" || c.On.Value != nil || c.Difference != nil || c.Caution == "" {
			t.Errorf("cost: %+v", c)
		}
		scope.Only = map[measure.Dimension][]string{measure.ByService: {"red"}}
		contrasts, err = dora.Contrasts(t.Context(), measure.NewView(s, org(t, s), scope), desk)
		if err != nil {
			t.Fatal(err)
		}
		if c := contrastOf(t, contrasts, dora.Tickets); c.On.Value != nil || c.Note != "tickets are for users of teams: nobody says who uses which service" {
			t.Errorf("of a service: %+v", c)
		}
	})
}

// What one team does is alike: two teams that happen to be fast do not show that the
// path makes fast, and of one team nothing is known of how teams differ.
func TestContrastKnowsThatTeamsDiffer(t *testing.T) {
	took := func(team string, onPath bool, hour float64) (all []said) {
		for i := range 40 {
			at := 24 + float64(i)*12
			made := hours(at - hour*(1+float64(i%5)/50)).Format(time.RFC3339)
			all = append(all, by(team, onPath, deploy(at, team, fmt.Sprint(team, i), "commit", fmt.Sprint(team, i), "commitTime", made)))
		}
		return all
	}
	for name, c := range map[string]struct {
		red, rose float64 // hours from commit to production of the teams on the path
		off       []string
		interval  bool
		clear     bool
	}{
		"teams of one side are alike":  {5, 5.2, []string{"ruby", "rust"}, true, true},
		"teams of one side differ":     {5, 29, []string{"ruby", "rust"}, true, false},
		"only those of the other side": {5, 29, []string{"ruby"}, true, false},
		"one team on either side":      {5, 0, []string{"ruby"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stoa.db"), store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			all := took("red", true, c.red)
			if c.rose > 0 {
				all = append(all, took("rose", true, c.rose)[:36]...)
			}
			for _, team := range c.off {
				all = append(all, took(team, false, 30)...)
			}
			add(t, s, events(t, all...)...)
			project(t, s, 200)
			contrasts, err := dora.Contrasts(t.Context(), measure.NewView(s, org(t, s), measure.Scope{From: measure.Day(start), To: measure.Day(start) + 30}), nobody{})
			if err != nil {
				t.Fatal(err)
			}
			got := contrastOf(t, contrasts, dora.LeadTime)
			if got.Difference == nil || *got.Difference > -20*3600 || (got.Interval != nil) != c.interval || (got.Note == "") != c.interval || got.Clear != c.clear {
				t.Errorf("%+v, interval %+v, want one: %v, clear: %v", got, got.Interval, c.interval, c.clear)
			}
			for _, m := range []string{dora.ChangeFailureRate, dora.ReworkRate, dora.DeploymentFrequency} {
				if got := contrastOf(t, contrasts, m); got.Clear {
					t.Errorf("%s: %+v in %+v", m, got, got.Interval)
				}
			}
		})
	}
}

// A segment with too few for an interval does not leave the others without one, and is
// named; where all have too few that is why there is none.
func TestContrastNamesSegmentsWithTooFew(t *testing.T) {
	took := func(team string, onPath bool, n int, hour float64) (all []said) {
		for i := range n {
			at := 24 + float64(i)*12
			made := hours(at - hour*(1+float64(i%5)/50)).Format(time.RFC3339)
			all = append(all, by(team, onPath, deploy(at, team, fmt.Sprint(team, i), "commit", fmt.Sprint(team, i), "commitTime", made)))
		}
		return all
	}
	for name, c := range map[string]struct {
		red               int // changes of each team of a segment on the path; the other segment has few
		note              string
		segments, leftOut []string
	}{
		"of one segment": {40, "left out, with too few for an interval: segment seg-b", []string{"seg-r"}, []string{"seg-b"}},
		"of both":        {2, "too few for an interval: segment seg-b, segment seg-r", []string{"seg-b", "seg-r"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stoa.db"), store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			all := slices.Concat(took("red", true, c.red, 5), took("rose", true, c.red, 5.2), took("ruby", false, 40, 30), took("rust", false, 40, 31),
				took("blue", true, 3, 5), took("bronze", false, 4, 90))
			add(t, s, events(t, all...)...)
			project(t, s, 200)
			contrasts, err := dora.Contrasts(t.Context(), measure.NewView(s, org(t, s), measure.Scope{From: measure.Day(start), To: measure.Day(start) + 30}), nobody{})
			if err != nil {
				t.Fatal(err)
			}
			got := contrastOf(t, contrasts, dora.LeadTime)
			if got.Difference == nil || (got.Interval != nil) != (c.leftOut != nil) || got.Clear != (c.leftOut != nil) || got.Note != c.note ||
				!slices.Equal(got.Segments, c.segments) || !slices.Equal(got.LeftOut, c.leftOut) {
				t.Errorf("%+v, interval %+v", got, got.Interval)
			}
			if got.Interval != nil && (*got.Difference > -20*3600 || *got.Difference < -30*3600) {
				t.Errorf("the segment that is left out is in the difference of %v s", *got.Difference)
			}
		})
	}
}

// TestTicketContrastIsARecount: whatever teams deploy and ask, each ticket is on one
// side or left out, as a plain count says.
func TestTicketContrastIsARecount(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		s, err := store.Open(t.Context(), filepath.Join(dir, fmt.Sprint(n, ".db")), store.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		all := []said{}
		desk := helpdesk{rt, map[during]asked{}}
		tickets, exposure := map[bool]int{}, map[bool]float64{}
		sides := map[string]map[bool]int{} // teams by segment and month
		idle, even, unused := 0, 0, 0
		for _, team := range []string{"blue", "green", "red", "rose", "ruby"} {
			all = append(all, in("dev", by(team, true, deploy(1, team, "known"+team)))) // so that the team is known
			for month := range 2 {
				on, off := rapid.IntRange(0, 3).Draw(rt, "on"), rapid.IntRange(0, 3).Draw(rt, "off")
				is := asked{rapid.IntRange(0, 9).Draw(rt, "tickets"), rapid.IntRange(0, 4).Draw(rt, "people")}
				all, desk.told[during{team, month}] = append(all, released(team, month, on, off)...), is
				switch {
				case is.people == 0:
					unused += is.tickets
				case on+off == 0:
					idle++
				case on == off:
					even++
				default:
					tickets[on > off] += is.tickets
					exposure[on > off] += float64(is.people) / 100 * []float64{31, 30}[month] / 30
					key := fmt.Sprint(team[:1], month)
					if sides[key] == nil {
						sides[key] = map[bool]int{}
					}
					sides[key][on > off]++
				}
			}
		}
		add(rt, s, events(rt, all...)...)
		project(rt, s, 20)
		march := measure.Day(start) - 1
		contrasts, err := dora.Contrasts(t.Context(), measure.NewView(s, org(rt, s), measure.Scope{From: march, To: march + 61}), desk)
		if err != nil {
			rt.Fatal(err)
		}
		c := contrastOf(rt, contrasts, dora.Tickets)
		for _, side := range []struct {
			on  bool
			got measure.Estimate
		}{{true, c.On}, {false, c.Off}} {
			if exposure[side.on] == 0 {
				if side.got.Value != nil {
					rt.Fatalf("on: %v, of nobody: %+v", side.on, side.got)
				}
			} else if want := float64(tickets[side.on]) / exposure[side.on]; side.got.Value == nil || math.Abs(*side.got.Value-want) > 1e-9 {
				rt.Fatalf("on: %v, %+v, want %v", side.on, side.got, want)
			}
		}
		matched, surer := false, false
		for _, of := range sides {
			if of[true] > 0 && of[false] > 0 {
				matched = true
				surer = surer || of[true] > 1 || of[false] > 1
			}
		}
		if matched != (c.Difference != nil) || matched != (len(c.Segments) > 0) || surer != (c.Interval != nil) {
			rt.Fatalf("%v: %+v", sides, c)
		}
		if c.Interval != nil && (*c.Difference < c.Interval.Low || *c.Difference > c.Interval.High) || c.Clear && (c.Interval == nil || c.Interval.Low <= 0 && c.Interval.High >= 0) {
			rt.Fatalf("%+v", c)
		}
		want := ""
		for _, p := range []struct {
			n    int
			what string
		}{{idle, "a month of a team without a deployment"}, {even, "a month of a team with as many on the path as off it"}, {unused, "a ticket of a team of which nobody was active on a working day of the month"}} {
			if p.n > 0 {
				want += fmt.Sprintf(", %d × %s", p.n, p.what)
			}
		}
		if want != "" {
			want = "left out: " + want[2:]
		}
		if matched && !surer {
			want = strings.TrimPrefix(want+"; too few teams for an interval", "; ")
		}
		if c.Note != want {
			rt.Fatalf("%q, want %q", c.Note, want)
		}
	})
}
