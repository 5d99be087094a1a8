package adoption_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/adoption/journey"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
	"github.com/stoa-platform/stoa/internal/store"
)

func (w *world) view(s measure.Scope) *measure.View {
	w.t.Helper()
	v, err := w.engine.View(w.ctx(), s)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// onItsWay are teams at every stage on the 31st of March.
func onItsWay(w *world) {
	for _, name := range []string{"asked", "granted", "deployed", "observed", "onboarded", "active", "lapsed", "nobody"} {
		w.team(name, catalog.TeamSpec{}, nil)
		w.add(fact("dev.stoa.service.updated", noon(1), name)) // it is there
	}
	ask, grant, alert := adoption.TypeAccessAsked, adoption.TypeAccessGranted, adoption.TypeAlertReceived
	w.add(fact(ask, noon(10), "asked"), fact(ask, noon(1), "granted"), fact(grant, noon(2), "granted"),
		fact(grant, noon(3), "deployed"), deployed(noon(4), "deployed", "a", true),
		fact(ask, noon(3), "observed"), fact(grant, noon(4), "observed"), deployed(noon(6), "observed", "b", true), usageEvent(noon(7), "user/ann", "observed", "logs", 1),
		fact(ask, noon(5), "active"), fact(grant, noon(5), "active"), deployed(noon(6), "active", "c", true), usageEvent(noon(8), "user/bob", "active", "logs", 1), fact(alert, noon(9), "active"),
		fact(ask, noon(1).AddDate(0, -2, 0), "lapsed"), fact(grant, noon(1).AddDate(0, -2, 0), "lapsed"), deployed(noon(2).AddDate(0, -2, 0), "lapsed", "d", true),
		fact(grant, noon(1).AddDate(0, -2, 0), "onboarded"), deployed(noon(30), "onboarded", "e", true), usageEvent(noon(30), "user/cid", "onboarded", "logs", 1), fact(alert, noon(30), "onboarded"))
}

func TestStagesFunnelAndStuck(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		empty, err := adoption.Funnel(w.ctx(), w.view(measure.Scope{From: day(1), To: day(32)}))
		if err != nil || empty.Teams != 0 || len(empty.Steps) != 6 || empty.Steps[0].Share.Value != nil {
			t.Errorf("without teams: %+v, %v", empty, err)
		}
		onItsWay(w)
		v := w.view(measure.Scope{From: day(1), To: day(32)})
		stages, err := adoption.TeamStages(w.ctx(), v)
		if err != nil {
			t.Fatal(err)
		}
		var at []string
		for _, stage := range stages {
			at = append(at, string(stage.Stage)+": "+strings.Join(stage.Teams, " "))
		}
		want := []string{"not-started: nobody", "asked: asked", "granted: granted", "deployed: deployed", "observed: observed", "onboarded: ", "active: active onboarded", "lapsed: lapsed"}
		if !slices.Equal(at, want) {
			t.Errorf("stages\n got %q\nwant %q", at, want)
		}
		// A month earlier most had not set out.
		early, err := adoption.TeamStages(w.ctx(), w.view(measure.Scope{From: day(-30), To: day(-20)}))
		if err != nil || len(early[0].Teams) != 0 || !slices.Equal(early[7].Teams, []string{"lapsed"}) || !slices.Equal(early[2].Teams, []string{"onboarded"}) {
			t.Errorf("earlier: %+v, %v", early, err) // the others were not heard of
		}

		path, err := adoption.Funnel(w.ctx(), v)
		if err != nil || path.Teams != 8 {
			t.Fatal(path, err)
		}
		var steps []string
		for _, step := range path.Steps {
			value := func(e measure.Estimate) string {
				if e.Value == nil {
					return "-"
				}
				return fmt.Sprintf("%.2f", *e.Value/86400)
			}
			steps = append(steps, fmt.Sprintf("%s %d %.3f %s %s", step.Name, step.Teams, *step.Share.Value, value(step.FromStart), value(step.FromBefore)))
		}
		want = []string{
			"access-asked 5 0.625 0.00 0.00", // two were granted access without a request
			"access-granted 6 0.750 0.00 1.00",
			"first-deployment 5 0.625 3.00 1.00",
			"first-log-query 3 0.375 88.00 2.00", // of seven two were watched for so long
			"first-alert 2 0.250 88.00 1.00",
			"onboarded 2 0.250 88.00 0.00",
		}
		if !slices.Equal(steps, want) {
			t.Errorf("funnel\n got %q\nwant %q", steps, want)
		}

		stuck, err := adoption.Stuck(w.ctx(), v)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range stuck {
			names = append(names, fmt.Sprintf("%s before %s since %s", s.Team, s.Step, s.Since.Format(time.DateOnly)))
		}
		// One of six needed 88 days for its first deployment: it cannot be said yet
		// that granted, which waits for 29, is stuck.
		want = []string{"lapsed before first-log-query since 2026-01-02", "deployed before first-log-query since 2026-03-04",
			"observed before first-alert since 2026-03-07", "asked before access-granted since 2026-03-10"}
		if !slices.Equal(names, want) || stuck[0].Usual != nil || stuck[3].Usual == nil || *stuck[3].Usual != 86400 || stuck[3].Waited != 21.5*86400 {
			t.Errorf("stuck\n got %q\nwant %q: %+v", names, want, stuck)
		}
	})
}

func TestMatrix(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := enter(t, s)
		declareRoster(w)
		w.add(usageEvent(noon(2), "user/ann", "red", "logs", 1), usageEvent(noon(2), "user/ann", "old", "deploy", 1), usageEvent(noon(2), "user/ann", "blue", "kafka", 1),
			usageEvent(noon(2), "user/ann", "green", "logs", 1), usageEvent(noon(2), "user/root", "platform", "logs", 1), usageEvent(noon(20), "user/ann", "blue", "deploy", 1))
		cells, err := adoption.Matrix(w.ctx(), w.view(measure.Scope{From: day(1), To: day(15), Step: measure.Daily}))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range cells {
			got = append(got, fmt.Sprintf("%s/%s %d of %d %.2f", c.Capability, c.Segment, c.Using, c.Could, *c.Rate.Value))
		}
		want := []string{"deploy/data 0 of 1 0.00", "deploy/none 0 of 1 0.00", "deploy/web 1 of 2 0.50", "kafka/data 1 of 1 1.00", "logs/data 0 of 1 0.00", "logs/web 1 of 2 0.50"}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestJourneys(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.team("red", catalog.TeamSpec{}, nil)
		w.capability("portal", catalog.CapabilitySpec{})
		w.capability("kafka", catalog.CapabilitySpec{})
		var events []event.Event
		use := func(person string, at int, capability string) {
			events = append(events, usageEvent(noon(at), "user/"+person, "red", capability, 1))
		}
		for i := range 8 { // developers: portal on the 2nd, deploy two days later, six of them logs after ten
			name := fmt.Sprintf("dev%d", i)
			use(name, 2, "portal")
			use(name, 4, "deploy")
			use(name, 5, "deploy")
			if i < 6 {
				use(name, 12, "logs")
			}
			if i < 2 {
				use(name, 60, "deploy")
			}
		}
		for i := range 5 { // they were here in January
			use(fmt.Sprintf("old%d", i), -40, "deploy")
			use(fmt.Sprintf("old%d", i), 10, "deploy")
		}
		for i := range 4 {
			use(fmt.Sprintf("data%d", i), 3, "kafka")
		}
		bot := usageEvent(noon(3), "token/ci", "red", "deploy", 1)
		bot.Extensions[event.ExtBot] = "true"
		w.add(append(events, bot, usageEvent(noon(3), "user/root", "red", "deploy", 1))...)
		journeys, err := adoption.Journeys(w.ctx(), w.view(measure.Scope{From: day(1), To: day(62)}))
		if err != nil || len(journeys) != 3 {
			t.Fatal(journeys, err)
		}
		everybody, data, developers := journeys[0], journeys[1], journeys[2]
		if everybody.Persona != journey.Everybody || *everybody.People != 13 || *everybody.Newcomers != 8 { // 17 would tell of four
			t.Errorf("everybody %+v", everybody)
		}
		if data.Persona != journey.Data || data.People != nil || data.Newcomers != nil || len(data.Stops) != 0 || data.Left != nil {
			t.Errorf("four people are told: %+v", data)
		}
		if developers.Persona != journey.Developer || *developers.People != 13 || *developers.Newcomers != 8 || developers.Left != nil { // six left: two did not
			t.Errorf("developers %+v", developers)
		}
		var stops []string
		for _, s := range developers.Stops {
			share := "-"
			if s.Reached != nil {
				share = fmt.Sprintf("%d %.2f", *s.Reached, *s.Share.Value)
			} else if s.Share.Value != nil || s.Share.Interval != nil {
				t.Errorf("the share of %s gives it away", s.Capability)
			}
			stops = append(stops, fmt.Sprintf("%s %s after %.0f", s.Capability, share, *s.Days.Value))
		}
		want := []string{"deploy 8 1.00 after 2", "portal 8 1.00 after 0", "logs - after 10"} // all but two came to logs
		if !slices.Equal(stops, want) {
			t.Errorf("stops\n got %q\nwant %q", stops, want)
		}
		for i := range 5 {
			use(fmt.Sprintf("dev%d", 8+i), 3, "portal")
			use(fmt.Sprintf("dev%d", 8+i), 4, "deploy")
			use(fmt.Sprintf("dev%d", 8+i), 61, "deploy")
		}
		w.add(events[len(events)-15:]...)
		journeys, err = adoption.Journeys(w.ctx(), w.view(measure.Scope{From: day(1), To: day(62)}))
		if err != nil || len(journeys) != 3 || *journeys[2].Newcomers != 13 || *journeys[2].Left != 6 || *journeys[0].Left != 6 || len(journeys[2].Ends) != 0 { // four ended with logs, two with deploy
			t.Errorf("with some who stayed: %+v, %v", journeys, err)
		}
		for i := range 3 {
			use(fmt.Sprintf("dev%d", 13+i), 3, "deploy")
			use(fmt.Sprintf("dev%d", 16+i), 3, "deploy")
			use(fmt.Sprintf("dev%d", 16+i), 5, "logs")
		}
		w.add(events[len(events)-9:]...) // of nine that came to logs two went on: that is not told
		journeys, err = adoption.Journeys(w.ctx(), w.view(measure.Scope{From: day(1), To: day(62)}))
		if err != nil || *journeys[2].Left != 12 || !reflect.DeepEqual(journeys[2].Ends, []journey.End{{After: []string{"deploy"}, People: 5}, {After: []string{"portal", "logs"}, People: 7}}) {
			t.Errorf("where they stopped: %+v, %v", journeys[2], err)
		}
		if none, err := adoption.Journeys(w.ctx(), w.view(measure.Scope{From: day(200), To: day(210)})); err != nil || len(none) != 0 {
			t.Errorf("without anybody: %+v, %v", none, err)
		}
	})
}

func TestPersonasFollowFromRules(t *testing.T) {
	known := map[journey.Persona]bool{}
	for _, rule := range journey.PersonaRules() {
		if len(rule.Words) == 0 || known[rule.Persona] || !slices.Contains(journey.Personas(), rule.Persona) || !slices.IsSorted(rule.Words) {
			t.Errorf("rule %+v", rule)
		}
		known[rule.Persona] = true
	}
	if len(known) != len(journey.Personas())-1 || known[journey.Visitor] {
		t.Errorf("personas with rules: %v", known)
	}
}

func TestRetentionAndForecast(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		at := func(month time.Month, day int) time.Time { return time.Date(2026, month, day, 12, 0, 0, 0, time.UTC) }
		var events []event.Event
		// One team starts in January, two in February, and so on up to June; the first
		// of each month stays until August, the others only one month longer.
		for month := time.January; month <= time.June; month++ {
			for n := range int(month) {
				name := fmt.Sprintf("team-%d-%d", month, n)
				w.team(name, catalog.TeamSpec{}, nil)
				events = append(events, usageEvent(at(month, 3+n), "user/ann", name, "logs", 1), usageEvent(at(month+1, 3), "user/ann", name, "logs", 1))
				for later := month + 2; n == 0 && later <= time.August; later++ {
					events = append(events, usageEvent(at(later, 3), "user/ann", name, "logs", 1))
				}
			}
		}
		w.add(events...)
		scope := measure.Scope{From: measure.Day(at(1, 1)), To: measure.Day(at(8, 1))}
		r, err := adoption.Retention(w.ctx(), w.view(scope))
		if err != nil || len(r.Cohorts) != 6 || len(r.Months) != 7 {
			t.Fatal(r, err)
		}
		if c := r.Cohorts[1]; c.Month != "2026-02" || c.Teams != 2 || !slices.Equal(c.Active, []int{2, 2, 1, 1, 1, 1}) {
			t.Errorf("February: %+v", c)
		}
		if m := r.Months[1]; *m.Value != 1 || m.N != 21 {
			t.Errorf("month 1: %+v", m)
		}
		if m := r.Months[3]; *m.Value != 4.0/10 || m.N != 10 { // of January to April one each
			t.Errorf("month 3: %+v", m)
		}
		if !strings.Contains("flat falling", string(r.Trend)) {
			t.Errorf("trend %s", r.Trend)
		}
		w.expect("after three months", w.ask("retention-3-months", scope)[0], 4.0/10, 10)
		w.expect("of those of March", w.ask("retention-3-months", measure.Scope{From: measure.Day(at(6, 1)), To: measure.Day(at(7, 1))})[0], 1.0/3, 3)
		// What they are the evidence of: that three teams began in March, and what the one
		// that stayed did in June.
		seqs, err := w.engine.Evidence(t.Context(), "retention-3-months", measure.Scope{From: measure.Day(at(6, 1)), To: measure.Day(at(7, 1))}, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, seq := range seqs {
			var team string
			var when int64
			if err := s.QueryRow(t.Context(), "SELECT d.name, e.time FROM events e JOIN dim d ON d.id = e.team WHERE e.seq = $1", seq).Scan(&team, &when); err != nil {
				t.Fatal(err)
			}
			told = append(told, team+" "+time.UnixMicro(when).UTC().Format("January"))
		}
		if want := []string{"team-3-0 March", "team-3-0 June", "team-3-1 March", "team-3-2 March"}; !slices.Equal(told, want) {
			t.Errorf("evidence %v, want %v", told, want)
		}

		f, err := adoption.Forecast(w.ctx(), w.view(measure.Scope{From: scope.From, To: measure.Day(at(5, 20))}))
		if err != nil || len(f.Counted) != 4 || f.Counted[3].Teams != 10 || len(f.Coming) != 0 || !strings.Contains(f.Note, "a forecast needs 6") {
			t.Errorf("too few months: %+v, %v", f, err)
		}
		f, err = adoption.Forecast(w.ctx(), w.view(scope))
		if err != nil || f.Market != 21 || len(f.Counted) != 7 || f.Counted[6].Teams != 21 {
			t.Errorf("all months: %+v, %v", f, err)
		}
		for i := range 20 {
			w.team(fmt.Sprintf("not-yet-%d", i), catalog.TeamSpec{}, nil)
			w.add(fact("dev.stoa.team.created", at(1, 1), fmt.Sprintf("not-yet-%d", i)))
		}
		f, err = adoption.Forecast(w.ctx(), w.view(scope))
		if err != nil || f.Market != 41 || len(f.Coming) != 12 || f.Coming[0].Month != "2026-08" || f.P <= 0 {
			t.Fatalf("with teams that have not started: %+v, %v", f, err)
		}
		last := 21.0
		for _, m := range f.Coming {
			if m.Teams < last || m.Teams > 41 || m.Interval.Low > m.Teams || m.Interval.High < m.Teams || m.Interval.High > 41 {
				t.Errorf("forecast %+v after %v", m, last)
			}
			last = m.Teams
		}
		got := w.ask("adoption-forecast-3-months", scope)[0]
		w.expect("in three months", got, f.Coming[2].Teams/41, 7)
	})
}

// Teams that try the platform and leave are told to its owner, by the page and by the
// measure; so are those that leave one capability and stay with another.
func TestLeaking(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		at := func(month time.Month, day int) time.Time { return time.Date(2026, month, day, 12, 0, 0, 0, time.UTC) }
		w.now = at(6, 1)
		var events []event.Event
		for n := range 30 {
			name := fmt.Sprintf("team-%d", n)
			w.team(name, catalog.TeamSpec{}, nil)
			for month := time.January; month <= time.June; month++ {
				if month <= time.February || n < 10 {
					events = append(events, usageEvent(at(month, 1), "user/ann", name, "logs", 1))
				}
				if n < 6 {
					events = append(events, usageEvent(at(month, 1), "user/ann", name, "deploy", 1))
				}
			}
		}
		w.add(events...)
		r, err := adoption.Retention(w.ctx(), w.view(measure.Scope{From: measure.Day(at(1, 1)), To: measure.Day(at(6, 1))}))
		if err != nil || !r.Leaking || r.Trend != stat.Falling || len(r.Months) != 5 {
			t.Errorf("%+v, %v", r, err)
		}
		april := measure.Scope{From: measure.Day(at(4, 1)), To: measure.Day(at(5, 1))}
		all := w.ask("retention-3-months", april)[0]
		w.expect("after three months", all, 10.0/30, 30)
		if all.Note != adoption.LeakingWords {
			t.Errorf("the measure notes %q", all.Note)
		}
		april.By = measure.ByCapability
		by := w.ask("retention-3-months", april)
		if len(by) != 2 || by[0].Group != "deploy" || by[1].Group != "logs" {
			t.Fatalf("by capability: %+v", by)
		}
		w.expect("of those that deploy", by[0], 1, 6)
		w.expect("of those that read logs", by[1], 10.0/30, 30)
		if by[0].Note != "" || by[1].Note != adoption.LeakingWords {
			t.Errorf("by capability it notes %q and %q", by[0].Note, by[1].Note)
		}
		april.By, april.Only = "", map[measure.Dimension][]string{measure.ByCapability: {"deploy"}}
		w.expect("narrowed to deployments", w.ask("retention-3-months", april)[0], 1, 6)
	})
}
