package app

import (
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
)

// OnStepEdge lets f hear of the edges of steps, after the timer has. Call it
// before Serve.
func (p *Platform) OnStepEdge(f func(release, step string, done bool)) { p.steps.then = f }

// Kinds are all registered kinds.
func Kinds(t *testing.T) []object.Kind {
	t.Helper()
	registry, _, err := kinds()
	if err != nil {
		t.Fatal(err)
	}
	return registry.All()
}
