package admission

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// validate checks every draft and reports all that is wrong at once.
func (p *Pipe) validate(ctx context.Context, tx *store.Tx, c *Change) error {
	var wrong []problem.Field
	known := map[object.Ref]bool{}
	for _, d := range c.Drafts {
		known[d.Want.Ref()] = !d.Delete
	}
	if err := owners(ctx, tx, known, c); err != nil {
		return err
	}
	for _, d := range c.Drafts {
		if d.Delete {
			continue
		}
		d.merge()
		admitted, fields := p.kinds.Admit(d.Want)
		if len(fields) > 0 {
			wrong = append(wrong, d.inOrder(fields)...)
			continue
		}
		d.Want = admitted
		if d.Kind.Owned && d.Want.Metadata.Owner == "" {
			wrong = append(wrong, d.field("metadata.owner", "must name the team that answers for it"))
		}
		missing, err := p.missing(ctx, tx, known, d)
		if err != nil {
			return err
		}
		wrong = append(wrong, missing...)
	}
	return invalid(wrong)
}

// owners finds out at once which teams there are of those that a change names.
func owners(ctx context.Context, tx *store.Tx, known map[object.Ref]bool, c *Change) error {
	team := func(name string) object.Ref { return object.Ref{Kind: "Team", Name: name} }
	var names []string
	for _, d := range c.Drafts {
		owner := team(d.Want.Metadata.Owner)
		if _, seen := known[owner]; !seen && object.ValidName(owner.Name) {
			names = append(names, owner.Name)
			known[owner] = false
		}
	}
	found, err := tx.GetAll(ctx, "Team", names)
	for name := range found {
		known[team(name)] = true
	}
	return err
}

// inOrder gives the fields their places, in the order in which a person reads
// them: the schema finds them in none.
func (d *Draft) inOrder(fields []problem.Field) []problem.Field {
	for i, f := range fields {
		fields[i] = d.field(f.Path, f.Message)
	}
	slices.SortStableFunc(fields, func(a, b problem.Field) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path))
	})
	return fields
}

// merge keeps what the client does not own: status is the workers', finalizers
// too, and an owner that was not said stays.
func (d *Draft) merge() {
	d.Want.Status = nil
	if d.Old == nil {
		return
	}
	d.Want.Status = d.Old.Status
	d.Want.Metadata.Finalizers = d.Old.Metadata.Finalizers
	if d.Want.Metadata.Owner == "" {
		d.Want.Metadata.Owner = d.Old.Metadata.Owner
	}
}

// missing lists the references to objects that neither exist nor are created
// in the same change.
func (p *Pipe) missing(ctx context.Context, r object.Reader, known map[object.Ref]bool, d *Draft) ([]problem.Field, error) {
	var refs []object.Reference
	if d.Want.Metadata.Owner != "" {
		refs = append(refs, object.Reference{Path: "metadata.owner", Ref: object.Ref{Kind: "Team", Name: d.Want.Metadata.Owner}})
	}
	if d.Kind.References != nil {
		refs = append(refs, d.Kind.References(d.Want)...)
	}
	var wrong []problem.Field
	for _, ref := range refs {
		there, seen := known[ref.Ref]
		if !seen {
			_, err := r.Get(ctx, ref.Ref.Kind, ref.Ref.Name)
			if err != nil && !problem.Is(err, problem.NotFound) {
				return nil, err
			}
			there = err == nil
			known[ref.Ref] = there
		}
		if !there {
			wrong = append(wrong, d.field(ref.Path, fmt.Sprintf("there is no %s", ref.Ref)))
		}
	}
	return wrong, nil
}

// write stores the drafts with their events and jobs.
func (p *Pipe) write(ctx context.Context, tx *store.Tx, c *Change, result *Result) error {
	var puts []object.Object
	for _, d := range c.Drafts {
		if !d.Delete {
			puts = append(puts, d.Want)
		}
	}
	stored, err := tx.PutAll(ctx, puts)
	if err != nil {
		return err
	}
	result.Items = make([]Item, 0, len(c.Drafts))
	next := 0
	for _, d := range c.Drafts {
		item := Item{Kind: d.Kind.Name, Name: d.Want.Metadata.Name}
		var after object.Object
		switch {
		case d.Delete:
			if err := tx.Delete(ctx, d.Kind.Name, d.Want.Metadata.Name); err != nil {
				return err
			}
			item.Outcome, item.Document, after = Deleted, d.doc, *d.Old
			if d.Old.Metadata.Deleted != nil {
				item.Outcome = Unchanged // asked before, and under way
			}
		default:
			doc, changed := stored[next].Document, stored[next].Changed
			after = stored[next].Object
			next++
			item.Document = doc
			switch {
			case d.Old == nil:
				item.Outcome = Created
			case changed:
				item.Outcome = Updated
				item.Changes = object.Diff(d.doc.Bytes, doc.Bytes)
			default:
				item.Outcome = Unchanged
			}
		}
		result.Items = append(result.Items, item)
		if err := p.follow(ctx, tx, c, d, item, after); err != nil {
			return err
		}
	}
	return nil
}

// follow appends the facts of one stored draft and the jobs it calls for.
func (p *Pipe) follow(ctx context.Context, tx *store.Tx, c *Change, d *Draft, item Item, after object.Object) error {
	if item.Outcome != Unchanged {
		fact := map[string]any{"version": after.Metadata.Version}
		if c.Reason != "" {
			fact["reason"] = c.Reason
		}
		if c.Surface != "" {
			fact["surface"] = c.Surface
		}
		if paths := changedPaths(item.Changes); len(paths) > 0 {
			fact["changed"] = paths
		}
		data, err := json.Marshal(fact)
		if err != nil {
			return fmt.Errorf("encode event of %s: %w", after.Ref(), err)
		}
		tx.Append(event.Event{
			Source: "/stoa/admission", Type: eventType(d.Kind.Name, item.Outcome), Subject: after.Ref().String(), Time: c.Now,
			Actor: c.By.Name, Team: after.Metadata.Owner, Service: serviceOf(after), Data: data,
		})
	}
	rule := p.rules[d.Kind.Name]
	if rule.Plan == nil {
		return nil
	}
	plan, err := rule.Plan(ctx, c, d, after)
	if err != nil {
		return err
	}
	for i := range plan.Events {
		if plan.Events[i].Time.IsZero() {
			plan.Events[i].Time = c.Now
		}
	}
	tx.Append(plan.Events...)
	if plan.Also != nil {
		if err := plan.Also(ctx, tx); err != nil {
			return err
		}
	}
	if len(plan.Jobs) > 0 {
		return tx.Enqueue(ctx, plan.Jobs...)
	}
	return nil
}

// changedPaths names the changed fields; their values stay in the history.
func changedPaths(changes []object.Change) []string {
	paths := make([]string, 0, len(changes))
	for _, ch := range changes {
		paths = append(paths, ch.Path)
	}
	if len(paths) > maxFields {
		paths = paths[:maxFields]
	}
	return paths
}

// serviceOf gives the service that an object is about, for the event's dimension.
func serviceOf(o object.Object) string {
	if o.Kind == "Service" {
		return o.Metadata.Name
	}
	var spec struct {
		Service string `json:"service"`
	}
	if json.Unmarshal(o.Spec, &spec) != nil {
		return ""
	}
	return spec.Service
}
