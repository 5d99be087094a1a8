package adoption_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/store"
)

func (w *world) segment(name string, spec adoption.SegmentSpec) {
	o := object.New[adoption.SegmentSpec, struct{}](name, "", spec)
	w.declare(&o)
}

func (w *world) organisation() *measure.Org {
	w.t.Helper()
	org, err := w.org.Org(w.ctx())
	if err != nil {
		w.t.Fatal(err)
	}
	return org
}

// teams writes an organisation's teams in a line each.
func teams(org *measure.Org) []string {
	var all []string
	for _, t := range org.Teams {
		all = append(all, fmt.Sprintf("%s %q %q platform=%v ids=%d members=%d", t.Name, t.Segment, t.Wave, t.Platform, len(t.IDs), t.Members))
	}
	return all
}

func TestOrganisation(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.team("red", catalog.TeamSpec{Owners: []string{"ann"}, Members: []string{"bob", "ann"}}, map[string]string{"segment": "labelled", "wave": "two", "size": "9"})
		w.team("blue", catalog.TeamSpec{Contact: "#data"}, map[string]string{"segment": "labelled"})
		w.team("green", catalog.TeamSpec{Formerly: []string{"lime", "unheard"}}, nil)
		w.segment("a-broken", adoption.SegmentSpec{Match: `team.spec.nothing == "x"`})
		w.segment("by-contact", adoption.SegmentSpec{Match: `has(team.spec.contact) && team.spec.contact.startsWith("#data")`})
		w.segment("by-size", adoption.SegmentSpec{Match: `team.metadata.labels.size == "9"`, Teams: []string{"green"}})
		pilot := object.New[adoption.CohortSpec, struct{}]("pilot", "", adoption.CohortSpec{Teams: []string{"red"}, Start: "2026-03-01"})
		w.declare(&pilot)
		w.add(fact("com.example.seen", noon(3), "lime"), fact("com.example.seen", noon(2), "green"), fact("com.example.seen", noon(4), "unknown"),
			usageEvent(noon(4), "user/root", "red", "logs", 1), usageEvent(noon(4), "user/ann", "red", "logs", 1))
		org := w.organisation()
		want := []string{`blue "by-contact" "" platform=false ids=0 members=0`, `green "by-size" "" platform=false ids=2 members=0`,
			`platform "" "" platform=true ids=0 members=1`, `red "by-size" "pilot" platform=false ids=1 members=2`}
		if got := teams(org); !slices.Equal(got, want) {
			t.Errorf("teams\n got %q\nwant %q", got, want)
		}
		if org.Teams[1].Since != day(2) || org.Teams[1].Until != 0 {
			t.Errorf("green since %v until %v", measure.Date(org.Teams[1].Since), org.Teams[1].Until)
		}
		if len(org.Insiders) != 1 {
			t.Errorf("%d insiders", len(org.Insiders))
		}
		for _, c := range []struct {
			by    measure.Dimension
			names []string
		}{
			{measure.ByTeam, []string{"green", "lime", "unheard", "unknown"}}, {measure.BySegment, []string{"a-broken", "by-size"}}, {measure.ByWave, []string{"pilot"}},
		} {
			for _, name := range c.names { // had before, only heard of, or without a team
				if !slices.Contains(org.Names[c.by], name) {
					t.Errorf("there is no %s %s among %q", c.by, name, org.Names[c.by])
				}
			}
		}
		if again := w.organisation(); again != org {
			t.Error("nothing changed, and it was made anew")
		}

		// Each change is seen, and what was handed out stays as it was.
		changes := map[string]func(){
			"an object":           func() { w.team("blue", catalog.TeamSpec{}, nil) },
			"a deletion":          func() { w.remove("Segment", "by-size") },
			"a name":              func() { w.add(fact("com.example.seen", noon(5), "blue")) },
			"an earlier event":    func() { w.add(fact("com.example.seen", noon(1), "blue")) },
			"a kind of use":       func() { w.add(usageEvent(noon(5), "user/ann", "red", "deploy", 1)) },
			"a person's new role": func() { w.user("bob", catalog.UserSpec{Role: "platform-member"}) },
		}
		for _, what := range []string{"an object", "a deletion", "a name", "an earlier event", "a kind of use", "a person's new role"} {
			before := w.organisation()
			had := teams(before)
			changes[what]()
			if after := w.organisation(); after == before {
				t.Errorf("%s was not seen", what)
			}
			if !slices.Equal(teams(before), had) {
				t.Errorf("%s changed what was handed out", what)
			}
		}
		if got := teams(w.organisation())[1]; !strings.HasPrefix(got, `green "" ""`) {
			t.Errorf("without its segment: %s", got)
		}
	})
}

func TestProduction(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		for name, counts := range map[string]bool{"main": true, "live": false} {
			e := object.New[catalog.EnvironmentSpec, struct{}](name, "", catalog.EnvironmentSpec{Production: counts})
			w.declare(&e)
		}
		for _, name := range []string{"main", "live", "prod", "prd", "production", "dev"} {
			e := fact("com.example.seen", noon(1), "red")
			e.Environment = name
			w.add(e)
		}
		var counting []string
		org := w.organisation()
		for _, row := range rows(t, s, "SELECT id, name FROM dim WHERE kind = 6") {
			var id int64
			var name string
			if _, err := fmt.Sscan(row, &id, &name); err != nil {
				t.Fatal(err)
			}
			if org.Production[id] {
				counting = append(counting, name)
			}
		}
		slices.Sort(counting)
		if !slices.Equal(counting, []string{"main", "prd", "prod", "production"}) {
			t.Errorf("production is %q", counting)
		}
	})
}

func TestOffers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.team("red", catalog.TeamSpec{}, map[string]string{"segment": "web", "wave": "pilot"})
		w.team("blue", catalog.TeamSpec{}, map[string]string{"segment": "data"})
		w.capability("planned", catalog.CapabilitySpec{Lifecycle: catalog.Concept})
		w.capability("gone", catalog.CapabilitySpec{Lifecycle: catalog.Retired})
		w.capability("old", catalog.CapabilitySpec{Lifecycle: catalog.Deprecated})
		w.capability("new", catalog.CapabilitySpec{Lifecycle: catalog.Alpha, AvailableTo: []string{"pilot"}})
		w.capability("narrow", catalog.CapabilitySpec{Segments: []string{"data"}, AvailableTo: []string{"red", "blue"}})
		w.now = noon(20)
		w.exception("capability/old", "team/blue", noon(5), noon(31).Add(time.Hour))
		offers := func(at time.Time) string {
			var all []string
			org := w.organisation()
			for _, c := range org.Capabilities {
				var to []string
				for _, team := range org.Teams {
					if c.Offered(team, measure.Day(at)) && !team.Platform {
						to = append(to, team.Name)
					}
				}
				all = append(all, c.Name+":"+strings.Join(to, "+"))
			}
			return strings.Join(all, " ")
		}
		if got := offers(noon(20)); got != "deploy:blue+red gone: logs:blue+red narrow:blue new:red old:red planned:" {
			t.Errorf("offered %s", got)
		}
		w.now = noon(31).Add(time.Hour) // the exception ends, and nothing else happens
		for on, want := range map[int]string{
			4: "old:blue+red", 5: "old:red ", 30: "old:red ", 31: "old:blue+red",
			50: "old:blue+red", // to come, judged as now
		} {
			if got := offers(noon(on)); !strings.Contains(got, want) {
				t.Errorf("at the end of day %d: %s, want %s", on, got, want)
			}
		}
	})
}

func TestQualifyingUse(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.capability("broken", catalog.CapabilitySpec{QualifyingUse: `use.nothing == "x"`})
		w.capability("picky", catalog.CapabilitySpec{QualifyingUse: `use.surface == "cli" && use.capability == "picky"`})
		cli := usageEvent(noon(1), "user/ann", "red", "picky", 1)
		cli.Extensions["surface"] = "cli"
		failed := deployed(noon(1), "red", "shop", true)
		failed.Type = "dev.cdevents.pipelinerun.finished.0.3.0"
		w.add(cli, failed, usageEvent(noon(1), "user/ann", "red", "picky", 1), usageEvent(noon(1), "user/ann", "red", "broken", 1),
			usageEvent(noon(1), "user/ann", "red", "undeclared", 1), usageEvent(noon(1), "user/ann", "red", "logs", 1))
		var counts []string
		for _, k := range w.organisation().Kinds {
			if k.Qualifies {
				counts = append(counts, k.Capability+"/"+k.Surface)
			}
		}
		slices.Sort(counts)
		if !slices.Equal(counts, []string{"logs/", "picky/cli"}) {
			t.Errorf("%q count", counts)
		}
	})
}

// BenchmarkOrganisation reads an organisation of 200 teams and 2,000 people: anew
// each time, and when nothing has changed.
func BenchmarkOrganisation(b *testing.B) {
	onBothBench(b, func(b *testing.B, s *store.Store) {
		w := newWorld(b, s)
		for i := range 2000 {
			w.user(fmt.Sprintf("user-%d", i), catalog.UserSpec{})
		}
		for i := range 200 {
			w.team(fmt.Sprintf("team-%d", i), catalog.TeamSpec{Owners: []string{fmt.Sprintf("user-%d", i)}}, map[string]string{"segment": "web"})
			add(b, s, usageEvent(noon(1), "user/ann", fmt.Sprintf("team-%d", i), "logs", 1), deployed(noon(1), fmt.Sprintf("team-%d", i), fmt.Sprintf("service-%d", i), true))
		}
		project(b, s, 1000)
		b.Run("unchanged", func(b *testing.B) {
			for b.Loop() {
				w.organisation()
			}
		})
		b.Run("anew", func(b *testing.B) {
			n := 0
			for b.Loop() {
				n++
				w.now = w.now.Add(time.Microsecond)
				w.exception("capability/logs", "team/team-1", w.now, w.now.Add(time.Hour+time.Duration(n)*time.Second))
				w.organisation()
			}
		})
	})
}
