package app

import (
	"flag"
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
)

// Update says that the pages in docs/reference are to be written anew.
var Update = flag.Bool("update", false, "rewrite the pages in docs/reference")

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
