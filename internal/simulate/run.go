package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Result tells what a simulation brought to a platform.
type Result struct {
	Name       string `json:"name"` // of the organisation
	Teams      int    `json:"teams"`
	People     int    `json:"people"`
	Services   int    `json:"services"`
	Events     int64  `json:"events"` // sent
	Accepted   int64  `json:"accepted"`
	Duplicates int64  `json:"duplicates"` // they were there already
	// Others is how many objects there are that nobody simulated: measures mix both.
	Others int `json:"others"`
}

// Run declares an organisation on a platform and posts its events. It may break
// off at any point and be done again: what is there already is no change. It
// returns problem.Conflict, before it changes anything, where another
// organisation was simulated or an object of a name that it needs is real.
func Run(ctx context.Context, c *client.Client, o Options, told func(Progress)) (Result, Truth, error) {
	w, err := newWorld(o, DefaultModel())
	if err != nil {
		return Result{}, Truth{}, err
	}
	result := Result{Name: o.Name(), Teams: len(w.teams), People: len(w.people), Services: len(w.services)}
	found, err := Survey(ctx, c)
	if err != nil {
		return result, Truth{}, err
	}
	result.Others = len(found.Real)
	if err := w.declare(ctx, c, found); err != nil {
		return result, Truth{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p := newPoster(ctx, c, cancel)
	truth, err := w.generator(p.add).live(ctx, told)
	posted, postErr := p.wait()
	result.Events, result.Accepted, result.Duplicates = posted.events, posted.accepted, posted.duplicates
	if postErr != nil {
		return result, truth, postErr
	}
	return result, truth, err
}

// Found is what there is on a platform.
type Found struct {
	Real        []string                     // objects that nobody simulated and the platform did not begin with: "team/payments"
	Simulations []string                     // names of the organisations that were simulated
	all         map[string]map[string]string // labels of all, by reference
}

// Survey looks at all objects of a platform.
func Survey(ctx context.Context, c *client.Client) (Found, error) {
	f := Found{all: map[string]map[string]string{}}
	kinds, err := c.Kinds(ctx)
	if err != nil {
		return f, fmt.Errorf("ask the platform for its kinds: %w", err)
	}
	for _, kind := range kinds {
		for raw, err := range c.All(ctx, kind.Plural) {
			if err != nil {
				return f, fmt.Errorf("look at the %s of the platform: %w", kind.Plural, err)
			}
			if err := f.add(ctx, c, strings.ToLower(kind.Name), kind.Plural, raw); err != nil {
				return f, err
			}
		}
	}
	slices.Sort(f.Simulations)
	f.Simulations = slices.Compact(f.Simulations)
	return f, nil
}

func (f *Found) add(ctx context.Context, c *client.Client, kind, plural string, raw json.RawMessage) error {
	var o struct{ Metadata metadata }
	if err := json.Unmarshal(raw, &o); err != nil {
		return fmt.Errorf("decode a %s: %w", kind, err)
	}
	ref := kind + "/" + o.Metadata.Name
	f.all[ref] = o.Metadata.Labels
	if o.Metadata.Labels[LabelSimulated] == "true" {
		f.Simulations = append(f.Simulations, o.Metadata.Labels[LabelSimulation])
		return nil
	}
	if len(f.Real) >= enough {
		f.Real = append(f.Real, ref)
		return nil
	}
	// What the platform itself declared at its first start is nobody's.
	revisions, _, err := c.History(ctx, plural, o.Metadata.Name, "", 500)
	if err != nil {
		return fmt.Errorf("look at the history of %s: %w", ref, err)
	}
	if n := len(revisions); n > 0 && strings.HasPrefix(revisions[n-1].Actor, "stoa/") {
		return nil
	}
	f.Real = append(f.Real, ref)
	return nil
}

// enough is how many objects that are not simulated are looked at one by one.
const enough = 20

// declare applies the objects of the organisation.
func (w *world) declare(ctx context.Context, c *client.Client, found Found) error {
	name := w.options.Name()
	for _, other := range found.Simulations {
		if other != name {
			return problem.New(problem.Conflict, "another organisation was simulated on this platform already").
				Because("its objects are labelled "+LabelSimulation+"="+other+", those of this one would be "+name, "with the same --teams, --months, --seed, --end and --activity it is the same one again").
				Do("stoa serve --data DIR    starts a platform with an empty folder", "stoa simulate --events-only FILE    writes the events to a file")
		}
	}
	var missing []string
	for _, e := range []string{dev, production} {
		if labels, ok := found.all["environment/"+e]; !ok || labels[LabelSimulated] == "true" {
			missing = append(missing, e)
		}
	}
	objects := w.objects(missing)
	var taken []string
	for _, o := range objects {
		ref := strings.ToLower(o.Kind) + "/" + o.Metadata.Name
		if labels, ok := found.all[ref]; ok && labels[LabelSimulated] != "true" {
			taken = append(taken, ref)
		}
	}
	if len(taken) > 0 {
		shown := taken[:min(len(taken), 5)]
		return problem.New(problem.Conflict, "%d objects of the simulated organisation have names that real ones have", len(taken)).
			Because("such as "+strings.Join(shown, ", "), "a simulation changes nothing that it did not declare").
			Do("stoa serve --data DIR    starts a platform with an empty folder", "stoa simulate --events-only FILE    writes the events to a file")
	}
	text, err := document(objects)
	if err != nil {
		return err
	}
	if _, err := c.Apply(ctx, bytes.NewReader(text), "simulation "+name, "simulated organisation "+name, false); err != nil {
		return fmt.Errorf("declare the organisation: %w", err)
	}
	return nil
}
