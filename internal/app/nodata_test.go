package app

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
)

// Whatever is measured has no value while nothing is known: neither 0 nor a
// grade, over any time and in any cut, and no evidence.
func TestNoDataIsNoValue(t *testing.T) {
	t.Parallel()
	s := emptyStore(t)
	engine, err := measure.NewEngine(s, adoption.NewOrganisation(s, time.Now), measures()...)
	if err != nil {
		t.Fatal(err)
	}
	to := measure.Day(time.Now()) + 1
	for _, d := range engine.Definitions() {
		for _, cut := range append([]measure.Dimension{""}, d.Cuts...) {
			for _, step := range []measure.Step{measure.Whole, measure.Monthly} {
				scope := measure.Scope{From: to - 90, To: to, By: cut, Step: step}
				answer, err := engine.Ask(t.Context(), d.Name, scope)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range answer.Points {
					if p.Value != nil {
						t.Errorf("%s by %q, %q: %+v", d.Name, cut, step, p)
					}
				}
				if proof, err := engine.Evidence(t.Context(), d.Name, scope, 0, 10); err != nil || len(proof) > 0 {
					t.Errorf("%s by %q: evidence %v, %v", d.Name, cut, proof, err)
				}
			}
		}
	}
}

// emptyStore is a store that measures can be computed of.
func emptyStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stoa.db"), store.Options{Fields: func(kind string) []string {
		if kind == "User" {
			return []string{"spec.role"}
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
