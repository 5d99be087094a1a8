package delivery

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery/ownership"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// inferOwner gives a new service its owner, and declares the team that the source
// names where nobody has.
func (d *Delivery) inferOwner(ctx context.Context, r object.Reader, c *admission.Change, rel *Release, s *catalog.Service, note *inferred) error {
	found, err := d.owners.Find(ctx, r, c.By, ownership.Asked{
		Service: rel.Spec.Service, Said: rel.Metadata.Owner, Answer: rel.Spec.Answers["team"], Detected: rel.Spec.Detected, Origin: rel.Spec.Origin,
	})
	if err != nil {
		return err
	}
	if found.Declares != nil {
		raw, err := found.Declares.Object()
		if err != nil {
			return err
		}
		c.Add(&admission.Draft{Want: raw})
	}
	s.Metadata.Owner, note.ownerNote = found.Value, found.Source
	if rel.Metadata.Owner == "" { // else somebody has said it
		s.Spec.OwnerSource = found.Source
	}
	rel.Spec.Detected = ownership.With(rel.Spec.Detected, found.Setting)
	return nil
}

// firstEnvironment is where a release goes when nothing is said: the
// environment with the lowest order.
func (d *Delivery) firstEnvironment(ctx context.Context, r object.Reader) string {
	found, err := object.All[catalog.Environment](ctx, r, object.Query{})
	if err != nil || len(found) == 0 {
		return "dev"
	}
	order := func(e catalog.Environment) int { return cmp.Or(e.Spec.Order, math.MaxInt) } // not said is last
	first := slices.MinFunc(found, func(a, b catalog.Environment) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(a.Metadata.Name, b.Metadata.Name))
	})
	return first.Metadata.Name
}

// known refuses the name of a team or an environment that there is not; "" is
// still to be inferred.
func known[O any, P object.Loader[O]](ctx context.Context, r object.Reader, what, name string) error {
	if name == "" {
		return nil
	}
	_, err := object.Get[O, P](ctx, r, name)
	if !problem.Is(err, problem.NotFound) {
		return err
	}
	page, err := r.List(ctx, object.Query{Kind: P(new(O)).KindName(), Limit: 1000})
	if err != nil {
		return err
	}
	var names []string
	for _, doc := range page.Items {
		names = append(names, doc.Name)
	}
	return problem.New(problem.NotFound, "there is no %s %s", what, name).Because(object.Suggest(name, names)).Do("stoa get " + what + "s")
}
