package adoption_test

import (
	"testing"

	"github.com/stoa-platform/stoa/internal/adoption/friction"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
)

// What a gate refused is about a service and a capability, and so are the events behind
// the number. Who asks for a service asks for whomever's it is.
func TestRefusalsAreAboutSomething(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.team("red", catalog.TeamSpec{}, nil)
		refused := func(at int, team, service, capability, gates string) event.Event {
			e := fact(friction.TypeGateRefused, noon(at), team)
			e.Service, e.Capability, e.Extensions = service, capability, map[string]string{friction.ExtGate: gates}
			return e
		}
		w.add(refused(2, "red", "shop", "deploy", "quota/red,policy/node"), refused(2, "red", "mail", "deploy", "quota/red"), refused(3, "red", "shop", "secrets", "quota/red"),
			refused(3, "red", "", "", "policy/owner"), refused(4, "platform", "stoa", "deploy", "quota/platform"))
		only := func(d measure.Dimension, name string) measure.Scope {
			return measure.Scope{From: day(1), To: day(31), Only: map[measure.Dimension][]string{d: {name}}}
		}
		for name, c := range map[string]struct {
			scope measure.Scope
			want  map[string]float64
			proof int
		}{
			"by service":      {measure.Scope{From: day(1), To: day(31), By: measure.ByService}, map[string]float64{"shop": 3, "mail": 1, "none": 1}, 4},
			"by capability":   {measure.Scope{From: day(1), To: day(31), By: measure.ByCapability}, map[string]float64{"deploy": 3, "secrets": 1, "none": 1}, 4},
			"of a service":    {only(measure.ByService, "shop"), map[string]float64{"": 3}, 2},
			"of the platform": {only(measure.ByService, "stoa"), map[string]float64{"": 1}, 1},
			"of a capability": {only(measure.ByCapability, "secrets"), map[string]float64{"": 1}, 1},
		} {
			points := w.ask("refusals", c.scope)
			for _, p := range points {
				w.expect(name+" "+p.Group, p, c.want[p.Group], int64(c.want[p.Group]))
			}
			if len(points) != len(c.want) {
				t.Errorf("%s: %+v, want %v", name, points, c.want)
			}
			if proof, err := w.engine.Evidence(t.Context(), "refusals", c.scope, 0, 100); err != nil || len(proof) != c.proof {
				t.Errorf("%s: evidence %v, %v, want %d", name, proof, err, c.proof)
			}
		}
	})
}

// Questions about a service are held against its own deployments on the path.
func TestQuestionsOfServices(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.team("red", catalog.TeamSpec{}, nil)
		asked := func(at int, team, service, capability string) event.Event {
			e := fact(friction.TypeInputAsked, noon(at), team)
			e.Service, e.Capability = service, capability
			return e
		}
		back := deployed(noon(4), "red", "shop", true)
		back.Type = "dev.cdevents.service.rolledback.0.3.0"
		w.add(asked(2, "red", "shop", "deploy"), asked(2, "red", "shop", "secrets"), asked(3, "red", "mail", "deploy"), asked(3, "platform", "stoa", ""),
			deployed(noon(2), "red", "shop", true), deployed(noon(3), "red", "shop", true), deployed(noon(4), "red", "shop", false), back,
			deployed(noon(3), "red", "quiet", true), deployed(noon(3), "platform", "stoa", true))
		points := w.ask("input-friction", measure.Scope{From: day(1), To: day(31), By: measure.ByService})
		if len(points) != 3 {
			t.Errorf("by service: %+v", points)
		}
		for i, want := range []float64{noData, 0, 0.5} { // of mail nothing was deployed
			w.expect(points[i].Group, points[i], want, []int64{0, 1, 2}[i])
		}
		for name, c := range map[string]struct {
			scope measure.Scope
			value float64
			n     int64
			proof int
		}{
			"of a service":                    {measure.Scope{Only: map[measure.Dimension][]string{measure.ByService: {"shop"}}}, 0.5, 2, 1},
			"of the platform":                 {measure.Scope{Only: map[measure.Dimension][]string{measure.ByService: {"stoa"}}}, 1, 1, 1},
			"of services of a team, together": {measure.Scope{Only: map[measure.Dimension][]string{measure.ByService: {"shop", "mail", "quiet"}, measure.ByTeam: {"red"}}}, 2.0 / 3, 3, 2},
			"of all":                          {measure.Scope{}, 2.0 / 3, 3, 2},
		} {
			c.scope.From, c.scope.To = day(1), day(31)
			w.expect(name, w.ask("input-friction", c.scope)[0], c.value, c.n)
			if proof, err := w.engine.Evidence(t.Context(), "input-friction", c.scope, 0, 100); err != nil || len(proof) != c.proof {
				t.Errorf("%s: evidence %v, %v, want %d", name, proof, err, c.proof)
			}
		}
	})
}

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
