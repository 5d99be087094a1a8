package adoption_test

import (
	"testing"

	"github.com/stoa-platform/stoa/internal/adoption/friction"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
)

// What stood in the platform team's own way is in no number about its customers,
// and the number says how much that is.
func TestOwnRefusalsAreTold(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.team("red", catalog.TeamSpec{}, nil)
		w.add(fact(friction.TypeGateRefused, noon(2), "platform"), fact(friction.TypeGateRefused, noon(9), "platform"), fact(friction.TypeInputAsked, noon(9), "platform"))
		w.add(deployed(noon(12), "platform", "shop", true), deployed(noon(13), "platform", "shop", true))
		for name, c := range map[string]struct {
			measure string
			scope   measure.Scope
			note    string
		}{
			"all":       {"refusals", measure.Scope{From: day(1), To: day(31)}, "without the platform team's own: 2"},
			"a week":    {"refusals", measure.Scope{From: day(8), To: day(15)}, "without the platform team's own: 1"},
			"none then": {"refusals", measure.Scope{From: day(20), To: day(31)}, ""},
			"a team":    {"refusals", measure.Scope{From: day(1), To: day(31), Only: map[measure.Dimension][]string{measure.ByTeam: {"red"}}}, ""},
			"questions": {"input-friction", measure.Scope{From: day(1), To: day(31)}, "of the teams that the platform is for, none deployed on the golden path in this time; " +
				"the platform's own team did 2 times; without the platform team's own: 1"},
			"nobody": {"input-friction", measure.Scope{From: day(20), To: day(31)}, "nothing was deployed on the golden path in this time"},
		} {
			if got := w.ask(c.measure, c.scope)[0]; got.Note != c.note || got.N != 0 {
				t.Errorf("%s: n %d, noted %q, want %q", name, got.N, got.Note, c.note)
			}
		}
	})
}
