package adoption_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
)

var noData = math.NaN()

func TestAdoptionRate(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		if got := w.one("adoption-rate", 1, 31); got.Value != nil {
			t.Errorf("without any team: %v", *got.Value)
		}
		w.team("red", catalog.TeamSpec{}, map[string]string{"segment": "web"})
		w.team("blue", catalog.TeamSpec{}, map[string]string{"segment": "data", "wave": "pilot"})
		w.team("green", catalog.TeamSpec{}, nil)
		if got := w.one("adoption-rate", 1, 31); got.Value != nil {
			t.Errorf("before anything is recorded: %v", *got.Value)
		}
		w.add(fact("dev.stoa.team.created", noon(1), "red"), fact("dev.stoa.team.created", noon(1), "blue"), fact("dev.stoa.team.created", noon(2), "green"),
			fact(adoption.TypeAccessGranted, noon(1), "red"), fact(adoption.TypeAccessGranted, noon(1), "blue"), fact(adoption.TypeAccessGranted, noon(2), "green"),
			usageEvent(noon(5), "user/ann", "red", "logs", 3), deployed(noon(6), "blue", "etl", true), deployed(noon(7), "green", "old", false),
			usageEvent(noon(8), "user/root", "platform", "logs", 1), usageEvent(noon(8), "user/ann", "nobody-knows", "logs", 1), usageEvent(noon(8), "user/ann", "", "logs", 1),
			usageEvent(noon(9), "user/bob", "green", "kafka", 1))
		all := w.one("adoption-rate", 1, 31)
		w.expect("all", all, 2.0/3, 3)
		if all.Parts["using"] != 2 || all.Parts["could"] != 3 || all.Parts["registered"] != 3 || all.Interval == nil || all.Interval.Low > 0.67 {
			t.Errorf("parts %v, interval %v", all.Parts, all.Interval)
		}
		w.expect("a window without use", w.one("adoption-rate", 10, 31), 0, 3)
		w.expect("before the first use", w.one("adoption-rate", 1, 5), noData, 0)

		w.capability("kafka", catalog.CapabilitySpec{Segments: []string{"data"}})
		by := w.ask("adoption-rate", measure.Scope{From: day(1), To: day(31), By: measure.ByCapability})
		for i, want := range []struct {
			group string
			value float64
			n     int64
		}{{"deploy", 1.0 / 3, 3}, {"kafka", 0, 1}, {"logs", 1.0 / 3, 3}} { // green used kafka, which is not meant for it
			if by[i].Group != want.group {
				t.Fatalf("groups %v", by)
			}
			w.expect(want.group, by[i], want.value, want.n)
		}
		segments := w.ask("adoption-rate", measure.Scope{From: day(1), To: day(31), By: measure.BySegment, Only: map[measure.Dimension][]string{measure.ByCapability: {"logs"}}})
		for i, want := range []struct {
			group string
			value float64
		}{{"data", 0}, {measure.Nobody, 0}, {"web", 1}} {
			if segments[i].Group != want.group {
				t.Fatalf("groups %v", segments)
			}
			w.expect("segment "+want.group, segments[i], want.value, 1)
		}
		weeks := w.ask("adoption-rate", measure.Scope{From: day(2), To: day(16), Step: measure.Weekly}) // from Monday the 2nd
		w.expect("first week", weeks[0], 2.0/3, 3)
		w.expect("second week", weeks[1], 0, 3)

		// An organisation that is declared long after: of March no more is known than before.
		if all.Note != "" {
			t.Errorf("note %q", all.Note)
		}
		for i := range 4 {
			w.team(fmt.Sprint("later-", i), catalog.TeamSpec{}, nil)
		}
		all = w.one("adoption-rate", 1, 31)
		w.expect("beside teams that are known only since", all, 2.0/3, 3)
		if !strings.HasPrefix(all.Note, "4 more teams are known only since") {
			t.Errorf("note %q", all.Note)
		}

		seqs, err := w.engine.Evidence(t.Context(), "adoption-rate", measure.Scope{From: day(1), To: day(31)}, 0, 100)
		if err != nil || !slices.Equal(seqs, []int64{7, 8}) { // not what no team of the organisation did, or one that it is not meant for
			t.Errorf("evidence %v, %v", seqs, err)
		}
	})
}

func TestActivePeople(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.team("red", catalog.TeamSpec{}, nil)
		w.team("blue", catalog.TeamSpec{}, nil)
		if got := w.one("mau", 1, 31); got.Value != nil {
			t.Errorf("without data: %v", *got.Value)
		}
		bot := usageEvent(noon(10), "token/ci", "red", "logs", 1)
		bot.Extensions["bot"] = "true"
		w.add(usageEvent(noon(3), "user/ann", "red", "logs", 1), usageEvent(noon(3).Add(time.Hour), "user/ann", "blue", "logs", 5), usageEvent(noon(4), "user/ann", "red", "deploy", 1),
			usageEvent(noon(4), "user/bob", "red", "deploy", 1), usageEvent(noon(7), "user/bob", "red", "deploy", 1), // a Saturday
			usageEvent(noon(4), "user/root", "red", "logs", 1), usageEvent(noon(4), "user/cid", "red", "kafka", 1), bot)
		w.expect("mau", w.one("mau", 1, 31), 2, 2)
		w.expect("mau of 30 days before the 3rd of April", w.one("mau", 30, 34), 2, 2)
		w.expect("mau of 30 days before the 6th of April", w.one("mau", 35, 37), 1, 1)
		w.expect("wau", w.one("wau", 1, 9), 2, 2)
		w.expect("dau", w.one("dau", 2, 9), 3.0/4, 2) // Tuesday, when the record begins, to Sunday: 1 2 0 0
		for _, c := range []struct{ from, to, want int }{{2, 9, 3}, {4, 5, 2}, {7, 8, 0}, {-90, 40, 3}} {
			v, err := w.engine.View(t.Context(), measure.Scope{From: day(c.from), To: day(c.to)})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := new(adoption.People).DaysOfUse(t.Context(), v); err != nil || got[measure.Key{}] != c.want {
				t.Errorf("days of use from the %dth to the %dth: %v, %v, want %d", c.from, c.to, got, err, c.want)
			}
		}
		w.expect("dau of a Saturday", w.one("dau", 7, 8), 1, 1)
		w.expect("stickiness", w.one("stickiness", 2, 32), 3.0/21/2, 2)
		by := w.ask("mau", measure.Scope{From: day(1), To: day(31), By: measure.ByTeam})
		if len(by) != 2 || by[0].Group != "blue" || by[1].Group != "red" {
			t.Fatalf("groups %v", by)
		}
		w.expect("blue", by[0], 1, 1)
		w.expect("red", by[1], 2, 2)
		seqs, err := w.engine.Evidence(t.Context(), "mau", measure.Scope{From: day(1), To: day(31), Only: map[measure.Dimension][]string{measure.ByTeam: {"red"}}}, 1, 2)
		if err != nil || !slices.Equal(seqs, []int64{3, 4}) {
			t.Errorf("evidence %v, %v", seqs, err)
		}
	})
}

func TestTimeToFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			w.team(name, catalog.TeamSpec{}, nil)
		}
		w.expect("without data", w.one("time-to-first-deployment", 1, 31), noData, 0)
		w.add(fact(adoption.TypeAccessAsked, noon(2), "a"), fact(adoption.TypeAccessGranted, noon(3), "a"), deployed(noon(4), "a", "shop", true),
			fact(adoption.TypeAccessGranted, noon(5), "b"), deployed(noon(5).Add(12*time.Hour), "b", "etl", true),
			fact(adoption.TypeAccessAsked, noon(6), "c"),
			fact(adoption.TypeAccessAsked, noon(20), "d"), deployed(noon(1), "d", "old", true),
			fact(adoption.TypeAccessAsked, noon(7), "e"), deployed(noon(8), "e", "old", false))
		got := w.one("time-to-first-deployment", 1, 31)
		// a after 2 days, b after half a day from the grant, c and e still wait; d was there before: a quarter
		// after half a day, half after two days.
		w.expect("time to first deployment", got, 2*86400, 4)
		if got.Parts["arrived"] != 2 || got.Parts["waiting"] != 2 || got.Note == "" {
			t.Errorf("parts %v, note %q", got.Parts, got.Note)
		}
		late := w.one("time-to-first-deployment", 6, 31)
		w.expect("nobody of two is there", late, noData, 2)
		if late.Interval == nil || !math.IsInf(late.Interval.High, 1) {
			t.Errorf("interval %v", late.Interval)
		}
		seqs, err := w.engine.Evidence(t.Context(), "time-to-first-deployment", measure.Scope{From: day(1), To: day(6)}, 1, 10)
		if err != nil || !slices.Equal(seqs, []int64{3, 4}) {
			t.Errorf("evidence %v, %v", seqs, err)
		}
		w.add(usageEvent(noon(6), "user/ann", "a", "logs", 1), fact(adoption.TypeAlertReceived, noon(5), "a"))
		w.expect("onboarded", w.one("time-to-onboard", 2, 5), noData, 1)  // not yet by the 5th
		w.expect("onboarded", w.one("time-to-onboard", 2, 7), 4*86400, 3) // the others were watched for less
		only := measure.Scope{From: day(1), To: day(31), Only: map[measure.Dimension][]string{measure.ByTeam: {"a"}}}
		w.expect("onboarded a", w.ask("time-to-onboard", only)[0], 4*86400, 1)
	})
}

// While a projection lags, nobody waits for what it has not taken in.
func TestKnownUntilTheProjectionsEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		ended := func() int64 {
			known, err := measure.KnownUntil(t.Context(), s, adoption.Milestones{}.Name())
			if err != nil {
				t.Fatal(err)
			}
			return known
		}
		if ended() != 0 {
			t.Errorf("of no event it is known until %d", ended())
		}
		w.add(fact(adoption.TypeAccessAsked, noon(2), "a"))
		before := ended()
		add(t, s, fact(adoption.TypeAccessAsked, noon(3), "b"))
		err := s.Write(t.Context(), "user/root", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE events SET received = received + 1000000 WHERE seq = (SELECT seq FROM ledger_head)") // a second later
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if before == 0 || ended() != before {
			t.Errorf("it was known until %d, and is until %d before the next event is projected", before, ended())
		}
		project(t, s, 1000)
		if ended() <= before {
			t.Errorf("it is known until %d, as before the next event", ended())
		}
	})
}
