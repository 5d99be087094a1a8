package adoption_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
)

// everything is what all measures, and what pages show besides, say of a scope.
func everything(w *world, scope measure.Scope) map[string]string {
	w.t.Helper()
	all := map[string]string{}
	keep := func(name string, said any, err error) {
		raw, encodeErr := json.Marshal(said)
		if err != nil || encodeErr != nil {
			w.t.Fatal(name, err, encodeErr)
		}
		all[name] = string(raw)
	}
	for _, d := range w.engine.Definitions() {
		if _, ok := d.Allows(scope); !ok {
			continue
		}
		answer, err := w.engine.Ask(context.Background(), d.Name, scope)
		keep(d.Name, answer.Points, err)
	}
	v, err := w.engine.View(context.Background(), measure.Scope{From: scope.From, To: scope.To})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx := context.Background()
	stages, err := adoption.TeamStages(ctx, v)
	keep("stages", stages, err)
	funnel, err := adoption.Funnel(ctx, v)
	keep("funnel", funnel, err)
	stuck, err := adoption.Stuck(ctx, v)
	for i := range stuck {
		stuck[i].Evidence = 0 // a sequence
	}
	keep("stuck", stuck, err)
	matrix, err := adoption.Matrix(ctx, v)
	keep("matrix", matrix, err)
	journeys, err := adoption.Journeys(ctx, v)
	keep("journeys", journeys, err)
	retention, err := adoption.Retention(ctx, v)
	keep("retention", retention, err)
	forecast, err := adoption.Forecast(ctx, v)
	keep("forecast", forecast, err)
	return all
}

func same(t tester, what string, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s, %s:\n got %s\nwant %s", what, name, got[name], want[name])
		}
	}
}

// TestOrderChangesNothing: whatever comes late, in another order, twice, or is
// about something else, nothing says anything else.
func TestOrderChangesNothing(t *testing.T) {
	url := filepath.Join(t.TempDir(), "stoa.db")
	declareRoster(enter(t, open(t, url)))
	rapid.Check(t, func(t *rapid.T) {
		events := drawHistory(t)
		scope := measure.Scope{From: measure.Day(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) + rapid.Int64Range(0, 150).Draw(t, "from"),
			By: rapid.SampledFrom([]measure.Dimension{"", measure.BySegment}).Draw(t, "by"), Step: rapid.SampledFrom([]measure.Step{measure.Whole, measure.Monthly}).Draw(t, "step")}
		scope.To = scope.From + rapid.Int64Range(1, 150).Draw(t, "days")
		s := fresh(t, url)
		w := enter(t, s)
		w.add(events...)
		before := everything(w, scope)
		w.add(events...)
		same(t, "twice", everything(w, scope), before)
		w.add(event.Event{Source: "https://example.org/other", Type: "com.example.unrelated", Actor: "user/ann",
			Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 200).Draw(t, "unrelated"))})
		same(t, "with an unrelated event", everything(w, scope), before)
		_ = s.Close()

		s = fresh(t, url)
		defer s.Close()
		w = enter(t, s)
		for rest := rapid.Permutation(events).Draw(t, "order"); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "appended")
			w.add(rest[:n]...)
			rest = rest[n:]
		}
		same(t, "in another order", everything(w, scope), before)
	})
}

// TestSplittingAddsUp: what is counted in two times side by side is what is
// counted in both.
func TestSplittingAddsUp(t *testing.T) {
	url := filepath.Join(t.TempDir(), "stoa.db")
	declareRoster(enter(t, open(t, url)))
	rapid.Check(t, func(t *rapid.T) {
		s := fresh(t, url)
		defer s.Close()
		w := enter(t, s)
		w.add(drawHistory(t)...)
		from := measure.Day(time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)) + rapid.Int64Range(0, 200).Draw(t, "from")
		middle := from + rapid.Int64Range(1, 90).Draw(t, "middle")
		to := middle + rapid.Int64Range(1, 90).Draw(t, "to")
		for name, parts := range map[string][]string{"new-services": {"onPath", "offPath"}, "refusals": {"gate:quota/red", "gate:policy/node"}, "input-friction": {"questions", "runs", "question:team"}} {
			said := func(from, to int64) map[string]float64 {
				p := w.ask(name, measure.Scope{From: from, To: to})[0]
				all := map[string]float64{}
				for _, part := range parts {
					all[part] = p.Parts[part]
				}
				return all
			}
			a, b, whole := said(from, middle), said(middle, to), said(from, to)
			for part, n := range whole {
				if a[part]+b[part] != n {
					t.Errorf("%s of %s: %v and %v are not %v", part, name, a[part], b[part], n)
				}
			}
		}
	})
}

func TestTeamsComeAndGo(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.team("red", catalog.TeamSpec{}, nil)
		w.team("here", catalog.TeamSpec{}, nil)
		w.add(fact("dev.stoa.team.created", noon(1), "red"), fact("dev.stoa.team.created", noon(5), "here"), usageEvent(noon(6), "user/ann", "red", "logs", 1),
			fact("dev.stoa.team.created", noon(2), "gone"), usageEvent(noon(3), "user/bob", "gone", "logs", 1), fact("dev.stoa.team.deleted", noon(10), "gone"))
		w.expect("before here came", w.one("adoption-rate", 1, 5), 1.0/2, 2)
		w.expect("with all three", w.one("adoption-rate", 1, 11), 2.0/3, 3)
		w.expect("the day on which one went", w.one("adoption-rate", 10, 11), 0, 3)
		w.expect("after it went", w.one("adoption-rate", 11, 20), 0, 2)

		// red becomes blue in the middle of the month, and takes over green too.
		w.add(usageEvent(noon(20), "user/ann", "green", "logs", 1), usageEvent(noon(21), "user/ann", "blue", "logs", 1))
		w.remove("Team", "red")
		w.team("blue", catalog.TeamSpec{Formerly: []string{"red", "green"}}, map[string]string{"segment": "web"})
		by := w.ask("adoption-rate", measure.Scope{From: day(1), To: day(31), By: measure.ByTeam, Step: measure.Whole})
		var groups []string
		for _, p := range by {
			groups = append(groups, p.Group)
		}
		if !slices.Equal(groups, []string{"blue", "gone", "here"}) {
			t.Fatalf("groups %v", groups)
		}
		w.expect("under the name of old", w.ask("adoption-rate", measure.Scope{From: day(6), To: day(7), Only: map[measure.Dimension][]string{measure.ByTeam: {"blue"}}})[0], 1, 1)
		w.expect("under all names", by[0], 1, 1)
		w.expect("one person under three names", w.ask("mau", measure.Scope{From: day(1), To: day(31), By: measure.BySegment})[1], 1, 1)
	})
}

func TestLateAndOddEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.team("red", catalog.TeamSpec{}, nil)
		removed := fact("dev.cdevents.service.removed.0.3.0", noon(42), "red")
		removed.Service = "shop"
		w.add(deployed(noon(1), "red", "long-there", true), deployed(noon(40), "red", "shop", false), removed, deployed(noon(50), "red", "shop", true))
		w.expect("a service that came back is not new", w.one("new-services", 45, 61), 0, 0)
		w.expect("it was new off the path", w.one("share-new-services-on-path", 31, 61), 0, 1)
		// A month later it turns out that it was on the path before.
		w.add(deployed(noon(35), "red", "shop", true))
		w.expect("late", w.one("share-new-services-on-path", 31, 61), 1, 1)
		w.expect("and no more new on the 40th", w.one("new-services", 40, 41), 0, 0)
		w.expect("time without data", w.one("share-new-services-on-path", 42, 45), noData, 0)
		// What was there before the record is no news: it is upgraded when it is
		// first heard of, or came with the first month of the record.
		upgraded := deployed(noon(55), "red", "upgraded", false)
		upgraded.Type = "dev.cdevents.service.upgraded.0.3.0"
		w.add(upgraded, deployed(noon(30), "red", "early", true), deployed(noon(31), "red", "just-new", true))
		w.expect("an upgrade is not the beginning", w.one("new-services", 50, 61), 0, 0)
		early := w.one("new-services", 1, 61)
		w.expect("nor is what came in the first 30 days", early, 2, 2)
		if early.Parts["leftOut"] != 3 || !strings.Contains(early.Note, "3 more first seen, but left out") {
			t.Errorf("left out: %v, %q", early.Parts, early.Note)
		}
		if rows, err := w.engine.Evidence(t.Context(), "new-services", measure.Scope{From: day(1), To: day(61)}, 0, 100); err != nil || len(rows) != 2 {
			t.Errorf("evidence of two new services: %v, %v", rows, err)
		}
		// The night in which clocks go forward in Berlin, written in its time.
		w.add(usageEvent(time.Date(2026, 3, 29, 0, 30, 0, 0, time.FixedZone("CET", 3600)), "user/ann", "red", "logs", 1),
			usageEvent(time.Date(2026, 3, 29, 23, 30, 0, 0, time.FixedZone("CEST", 7200)), "user/bob", "red", "logs", 1))
		w.expect("the day before", w.one("dau", 28, 29), 1, 1)
		w.expect("that day", w.one("dau", 29, 30), 1, 1)
		w.expect("the day after", w.one("dau", 30, 31), noData, 0)
		// Ann is in two teams: one person, and one of each team.
		w.team("blue", catalog.TeamSpec{}, nil)
		w.add(fact("dev.stoa.team.created", noon(1), "blue"), usageEvent(noon(29), "user/ann", "blue", "logs", 1), usageEvent(noon(29), "user/ann", "red", "logs", 1))
		w.expect("one person", w.one("mau", 1, 31), 2, 2) // and Bob
		for i, p := range w.ask("mau", measure.Scope{From: day(1), To: day(31), By: measure.ByTeam}) {
			w.expect(p.Group, p, []float64{1, 2}[i], []int64{1, 2}[i])
		}
	})
}

// Somebody who is in two teams is one person, and one of each team.
func TestPersonInTwoTeams(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.user("ann", catalog.UserSpec{})
		web := map[string]string{"segment": "web"}
		w.team("red", catalog.TeamSpec{Members: []string{"ann", "bob"}}, web)
		w.team("blue", catalog.TeamSpec{Owners: []string{"ann"}, Members: []string{"ann"}}, web)
		w.add(usageEvent(noon(3), "user/ann", "red", "logs", 1), usageEvent(noon(3), "user/ann", "blue", "logs", 1), usageEvent(noon(4), "user/bob", "red", "logs", 1))
		w.expect("in all", w.one("mau", 1, 31), 2, 2)
		w.expect("on the day of both", w.one("dau", 3, 4), 1, 1)
		for by, want := range map[measure.Dimension]map[string]float64{measure.ByTeam: {"red": 2, "blue": 1}, measure.BySegment: {"web": 2}} {
			points := w.ask("mau", measure.Scope{From: day(1), To: day(31), By: by})
			if len(points) != len(want) {
				t.Errorf("by %s: %+v", by, points)
			}
			for _, p := range points {
				w.expect(string(by)+" "+p.Group, p, want[p.Group], int64(want[p.Group]))
			}
		}
		org, err := w.org.Org(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, team := range org.Teams {
			if want := map[string]int{"red": 2, "blue": 1, "platform": 1}[team.Name]; team.Members != want {
				t.Errorf("%s has %d members, want %d", team.Name, team.Members, want)
			}
		}
	})
}

// What a source that is connected later tells of first was there before it: it makes no
// month in which much is new. What it tells of afterwards is new, and so is the one
// service of a source of its own.
func TestSourcesThatAreConnectedLater(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.team("red", catalog.TeamSpec{}, nil)
		from := func(source string, at time.Time, service string, onPath bool) event.Event {
			e := deployed(at, "red", service, onPath)
			e.Source = source
			return e
		}
		const hook, own = "https://github.com/acme", "https://ci.example.org/alone"
		w.add(deployed(noon(1), "red", "first", true), from(hook, noon(100), "legacy-a", false), from(hook, noon(110), "legacy-b", false), from(hook, noon(129), "legacy-c", false),
			from(hook, noon(130), "fresh", false), from(own, noon(105), "alone", false), from(hook, noon(112), "at-home", true))
		got := w.one("new-services", 95, 131)
		w.expect("the one of a source of its own, the one on the path, and what came later", got, 3, 3)
		want := "3 more first seen, but left out: there before, or in the first 30 days of the record or of its source; https://github.com/acme is known since " +
			noon(100).Format(time.DateOnly)
		if got.Parts["leftOut"] != 3 || got.Note != want {
			t.Errorf("left out: %v, %q, want %q", got.Parts, got.Note, want)
		}
		if rows, err := w.engine.Evidence(t.Context(), "new-services", measure.Scope{From: day(95), To: day(131)}, 0, 100); err != nil || len(rows) != 3 {
			t.Errorf("evidence of three: %v, %v", rows, err)
		}
	})
}

// A source begins with its first event, of whatever: what another told of first is in its
// record all the same. One that has been known for long tells of what is new.
func TestSourcesThatToldOfWhatWasKnown(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.team("red", catalog.TeamSpec{}, nil)
		from := func(source string, day int, service string) event.Event {
			e := deployed(noon(day), "red", service, false)
			e.Source = source
			return e
		}
		const hook, late = "https://github.com/acme", "https://gitlab.com/acme"
		said := fact("org.example.done", noon(90), "red")
		said.Source = late
		w.add(from("git:1", 1, "legacy-a"), from("git:2", 2, "legacy-b"), from(hook, 3, "legacy-a"), from(hook, 3, "legacy-b"), from(hook, 50, "legacy-a"),
			from(hook, 90, "legacy-b"), from(hook, 100, "fresh-a"), from(hook, 110, "fresh-b"))
		got := w.one("new-services", 95, 131)
		w.expect("what a source that is known since the third day tells of first", got, 2, 2)
		if got.Parts["leftOut"] != 0 || got.Note != "" {
			t.Errorf("left out: %v, %q", got.Parts, got.Note)
		}
		// Two in the first 30 days of another, which begins with what is no deployment: not
		// the one on the 30th day after.
		w.add(said, from(late, 118, "there-a"), from(late, 119, "there-b"), from(late, 120, "fresh-c"))
		got = w.one("new-services", 95, 131)
		w.expect("with one that is known since the 90th day", got, 3, 3)
		if got.Parts["leftOut"] != 2 || !strings.HasSuffix(got.Note, late+" is known since "+noon(90).Format(time.DateOnly)) {
			t.Errorf("left out: %v, %q", got.Parts, got.Note)
		}
		w.expect("of a month that holds one of the two", w.one("new-services", 119, 131), 1, 1)
	})
}
