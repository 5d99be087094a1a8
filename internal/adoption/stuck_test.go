package adoption_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
)

// What is usual for a step follows from the teams that got to the step before, and
// from no others, however many set out and went no further.
func TestUsualWaitIsOfTeamsThatGotToTheStepBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		const aDay = 24 * time.Hour
		alerted := []time.Duration{9 * time.Hour, 2 * aDay, 3 * aDay, 3 * aDay, 4 * aDay, 6 * aDay, 8 * aDay} // after the first log query
		var events []event.Event
		team := func(name string) string {
			w.team(name, catalog.TeamSpec{}, nil)
			return name
		}
		for n := range 9 { // all of them looked at their logs, seven were alerted
			name := team(fmt.Sprintf("came-%d", n))
			at := noon(2).Add(time.Duration(n) * time.Hour)
			events = append(events, fact(adoption.TypeAccessAsked, at.Add(-3*time.Hour), name), fact(adoption.TypeAccessGranted, at.Add(-2*time.Hour), name),
				deployed(at.Add(-time.Hour), name, "service-"+name, true), usageEvent(at, "user/ann", name, "logs", 1))
			if n < len(alerted) {
				events = append(events, fact(adoption.TypeAlertReceived, at.Add(alerted[n]), name))
			}
		}
		for n := range 25 {
			events = append(events, fact(adoption.TypeAccessAsked, noon(1), team(fmt.Sprintf("asked-%d", n))))
		}
		w.add(events...)
		until := noon(31).Add(12 * time.Hour)

		// The same by nothing but counting: nobody is lost from sight before the last
		// alert, so three of four are there when seven of nine are.
		slices.Sort(alerted)
		var usual time.Duration
		for n, wait := range alerted {
			if float64(n+1) >= 0.75*9 {
				usual = wait
				break
			}
		}
		stuck, err := adoption.Stuck(w.ctx(), w.view(measure.Scope{From: day(1), To: day(32)}))
		if err != nil {
			t.Fatal(err)
		}
		waits := map[string]adoption.StuckTeam{}
		for _, s := range stuck {
			waits[s.Team] = s
		}
		for n := range 9 {
			got, is := waits[fmt.Sprintf("came-%d", n)]
			if is != (n >= 7) {
				t.Errorf("came-%d is stuck: %v", n, is)
				continue
			}
			wants := until.Sub(noon(2).Add(time.Duration(n) * time.Hour)).Seconds()
			if is && (got.Step != adoption.FirstAlert || got.Usual == nil || *got.Usual != usual.Seconds() || got.Limit != usual.Seconds() || got.Waited != wants) {
				t.Errorf("came-%d: %+v, want usually %v and waited %v", n, got, usual.Seconds(), wants)
			}
		}
		// Of 34 that asked nine were given access: that is not three of four, and no time
		// is usual.
		if got := waits["asked-3"]; got.Step != adoption.AccessGranted || got.Usual != nil || got.Limit != adoption.StuckUnknown || len(stuck) != 27 {
			t.Errorf("asked-3 of %d: %+v", len(stuck), got)
		}
	})
}
