// Package component chooses what of a source is released.
package component

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Choose picks the component to release; wanted is its name or folder, "" where nobody
// has said. Where it cannot be told it asks, or says what is in the way (problem.Invalid).
func Choose(result detect.Result, wanted string) (detect.Component, error) {
	var runnable []detect.Component
	var names []string
	for _, c := range result.Components {
		if c.Type == detect.TypeLibrary {
			continue
		}
		if wanted != "" && c.Name != wanted && c.Dir != strings.TrimSuffix(wanted, "/") {
			names = append(names, c.Name)
			continue
		}
		runnable = append(runnable, c)
		names = append(names, c.Name)
	}
	for _, q := range result.Questions {
		for _, c := range runnable {
			if q.Component == c.Name {
				return detect.Component{}, problem.Ask(problem.Question{ID: q.ID, Field: q.Field, Text: q.Text, Options: q.Options}, "stoa up --answer "+q.ID+"=").Because(q.Why...)
			}
		}
	}
	switch {
	case len(runnable) == 1:
		return runnable[0], nil
	case len(runnable) == 0 && wanted != "":
		return detect.Component{}, problem.New(problem.Invalid, "the source has no component %q", wanted).
			Because("it has: " + strings.Join(names, ", "))
	case len(runnable) == 0:
		return detect.Component{}, nothingToRun(result)
	default:
		text := fmt.Sprintf("the source has %d components: which one is this release of?", len(names))
		return detect.Component{}, problem.Ask(problem.Question{ID: "component", Field: "component", Text: text, Options: names}, "stoa up --component ")
	}
}

func nothingToRun(result detect.Result) error {
	p := problem.New(problem.Invalid, "the source holds nothing that can run")
	for _, u := range result.Unsupported {
		p.Because(fmt.Sprintf("%s: %s is recognised (%s) but not built yet", u.Dir, u.Language, u.Source))
		p.Do(u.Next...)
	}
	for i, c := range result.Components {
		lacks, next := c.Lacks()
		p.Because(fmt.Sprintf("%s: %s is a library: it has %s", c.Dir, c.Name, lacks))
		if i == 0 {
			p.Do(next...)
			p.Do(listing(c) + "    lists it without running it")
		}
	}
	return p
}

// listing is the command that puts a library into the catalog.
func listing(c detect.Component) string {
	return fmt.Sprintf(`echo '{apiVersion: %s, kind: Service, metadata: {name: %s, owner: %s}, spec: {type: library}}' | stoa apply -f -`,
		object.APIVersion, c.Name, cmp.Or(c.Owner, "TEAM"))
}
