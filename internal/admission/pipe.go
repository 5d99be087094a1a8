package admission

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// Pipe admits changes.
type Pipe struct {
	store  *store.Store
	kinds  *object.Registry
	rules  map[string]Rule
	gates  []Gate
	lifter Lifter
	usage  Usage
	clock  func() time.Time
	log    *slog.Logger
}

// Usage counts what was wanted and is not allowed, off the change's path.
type Usage interface {
	Record(u event.Use)
}

// Options are the parts that the composition root plugs in.
type Options struct {
	Store  *store.Store
	Kinds  *object.Registry
	Rules  []Rule
	Gates  []Gate
	Lifter Lifter // nil: no verdict is ever lifted
	Usage  Usage  // nil: what is not allowed is not counted
	Clock  func() time.Time
	Logger *slog.Logger
}

// New returns a pipe. Two rules for one kind are a programming error.
func New(o Options) (*Pipe, error) {
	p := &Pipe{store: o.Store, kinds: o.Kinds, rules: map[string]Rule{}, gates: o.Gates, lifter: o.Lifter, usage: o.Usage, clock: o.Clock, log: o.Logger}
	for _, r := range o.Rules {
		if _, twice := p.rules[r.Kind]; twice {
			return nil, fmt.Errorf("two admission rules for kind %s", r.Kind)
		}
		p.rules[r.Kind] = r
	}
	return p, nil
}

// Kinds gives the registry that the pipe validates by.
func (p *Pipe) Kinds() *object.Registry { return p.kinds }

var errDryRun = errors.New("dry run")

// Apply admits the change: all of it or nothing. Its errors are problems:
// Invalid with every wrong field, Forbidden, Conflict, Refused with every
// verdict.
func (p *Pipe) Apply(ctx context.Context, c *Change) (Result, error) {
	c.Now = p.clock()
	asked := make([]Draft, len(c.Drafts))
	for i, d := range c.Drafts {
		asked[i] = *d
	}
	for attempt := 1; ; attempt++ {
		result, err := p.attempt(ctx, c)
		// What a rule inferred may have been overtaken; what the client itself
		// read, by the version that it names, is the client's to read again.
		if attempt == maxAttempts || len(c.Drafts) == len(asked) || !problem.Is(err, problem.Conflict) {
			if problem.Is(err, problem.Forbidden) {
				p.forbidden(c, err)
			}
			return result, err
		}
		c.Drafts = c.Drafts[:len(asked)]
		c.changed()
		for i := range asked {
			*c.Drafts[i] = asked[i]
		}
	}
}

// maxAttempts bounds how often a change is inferred anew.
const maxAttempts = 5

// attempt is one pass through the steps.
func (p *Pipe) attempt(ctx context.Context, c *Change) (Result, error) {
	if err := p.prepare(c); err != nil {
		return Result{}, err
	}
	if err := mayAnywhere(c); err != nil {
		return Result{}, err
	}
	if err := p.infer(ctx, c); err != nil {
		if problem.Is(err, problem.Refused) && !c.DryRun {
			p.refused(ctx, c, err)
		}
		// What is asked most is what the platform team should abolish next.
		if q := problem.From(err).Question; q != nil && !c.DryRun {
			p.record(ctx, c, "dev.stoa.input.asked", "question", q.ID, map[string]any{"id": q.ID, "field": q.Field, "question": q.Text})
		}
		return Result{}, err
	}
	var result Result
	var refused error
	err := p.store.Write(ctx, c.By.Name, func(ctx context.Context, tx *store.Tx) error {
		result, refused = Result{DryRun: c.DryRun, Items: []Item{}}, nil
		// Admissions take turns, so that what a gate or a rule has counted still
		// holds when the change is written.
		if err := tx.Lock(ctx, store.AdmissionLock); err != nil {
			return err
		}
		if err := p.admit(ctx, tx, c, &result); err != nil {
			if problem.Is(err, problem.Refused) {
				refused = err
			}
			return err
		}
		if c.DryRun {
			return errDryRun
		}
		return nil
	})
	if refused != nil && !c.DryRun {
		p.refused(ctx, c, refused)
	}
	if err != nil && !errors.Is(err, errDryRun) {
		return Result{}, err
	}
	return result, nil
}

// prepare resolves the kinds, so that an unknown one fails before any work.
func (p *Pipe) prepare(c *Change) error {
	unknown := false
	for _, d := range c.Drafts {
		kind, ok := p.kinds.ByName(d.Want.Kind)
		if !ok {
			unknown = true
			continue
		}
		d.Kind = kind
		d.Want.Metadata.Finalizers = nil // the rooms' to set
		d.own()
	}
	if !unknown {
		return nil
	}
	// What else is wrong in the files is told with it, so that they are mended at once.
	var wrong []problem.Field
	for _, d := range c.Drafts {
		if d.Kind.Name == "" || d.Lines != nil && !d.Delete {
			_, fields := p.kinds.Admit(d.Want)
			wrong = append(wrong, d.inOrder(fields)...)
		}
	}
	return invalid(wrong)
}

// own names the owner of an object that is its own: before anybody asks whose
// it is.
func (d *Draft) own() {
	if d.Kind.OwnsItself {
		d.Want.Metadata.Owner = d.Want.Metadata.Name
	}
}

// infer lets the rooms fill in what was not said. Drafts that a rule adds are
// prepared and inferred in their turn.
func (p *Pipe) infer(ctx context.Context, c *Change) error {
	for i := 0; i < len(c.Drafts); i++ {
		d := c.Drafts[i]
		if d.Kind.Name == "" {
			kind, ok := p.kinds.ByName(d.Want.Kind)
			if !ok {
				return fmt.Errorf("a rule added an object of unknown kind %q", d.Want.Kind)
			}
			d.Kind = kind
			d.own()
		}
		rule := p.rules[d.Kind.Name]
		if rule.Infer == nil || d.Delete {
			continue
		}
		if err := rule.Infer(ctx, p.store, c, d); err != nil {
			return d.located(err)
		}
	}
	return nil
}

// admit is what happens inside the transaction.
func (p *Pipe) admit(ctx context.Context, tx *store.Tx, c *Change, result *Result) error {
	if err := p.load(ctx, tx, c); err != nil {
		return err
	}
	if err := authorize(c); err != nil {
		return err
	}
	c.changed()
	for _, d := range c.Drafts {
		if rule := p.rules[d.Kind.Name]; rule.Admit != nil {
			if err := rule.Admit(ctx, tx, c, d); err != nil {
				return d.located(err)
			}
		}
	}
	c.changed() // drafts have their names now
	if err := p.validate(ctx, tx, c); err != nil {
		return err
	}
	judging := p.clock()
	verdicts, err := p.judge(ctx, tx, c)
	c.Judged = p.clock().Sub(judging)
	result.Verdicts = verdicts
	if err != nil {
		return err
	}
	for _, d := range c.Drafts {
		rule := p.rules[d.Kind.Name]
		if rule.Initial == nil || d.Old != nil || d.Delete {
			continue
		}
		status, err := rule.Initial(c, d, verdicts)
		if err != nil {
			return err
		}
		if d.Want.Status, err = json.Marshal(status); err != nil {
			return fmt.Errorf("encode status of %s: %w", d.Want.Ref(), err)
		}
	}
	return p.write(ctx, tx, c, result)
}

// load reads what is stored of each draft's object.
func (p *Pipe) load(ctx context.Context, tx *store.Tx, c *Change) error {
	names := map[string][]string{}
	for _, d := range c.Drafts {
		names[d.Kind.Name] = append(names[d.Kind.Name], d.Want.Metadata.Name)
	}
	stored := map[string]map[string]object.Document{}
	for kind, of := range names {
		found, err := tx.GetAll(ctx, kind, of)
		if err != nil {
			return err
		}
		stored[kind] = found
	}
	for _, d := range c.Drafts {
		d.Old = nil
		doc, exists := stored[d.Kind.Name][d.Want.Metadata.Name]
		if !exists {
			if d.Delete {
				return object.NotFound(d.Kind.Name, d.Want.Metadata.Name)
			}
			continue
		}
		if d.CreateOnly {
			return problem.New(problem.Conflict, "%s exists already", d.Want.Ref())
		}
		old, err := doc.Object()
		if err != nil {
			return err
		}
		if old.Metadata.Deleted != nil && !d.Delete {
			return problem.New(problem.Conflict, "%s is being deleted", d.Want.Ref()).Do("wait until it is gone, then try again")
		}
		d.Old, d.doc = &old, doc
	}
	return nil
}

// mayAnywhere refuses whoever could not make such a change in any team, before
// inference works, and answers, for them. Whose the objects really are is known
// after inference; authorize asks about that.
func mayAnywhere(c *Change) error {
	for _, d := range c.Drafts {
		verb := auth.Update
		if d.Delete {
			verb = auth.Delete
		}
		if err := c.may(verb, d, auth.Anywhere(c.By, verb, d.Kind)); err != nil {
			return err
		}
	}
	return nil
}

// authorize asks the permission table for every object, as it is and as it
// shall be: nobody can give an object to a team, or take it, without a say in both.
func authorize(c *Change) error {
	for _, d := range c.Drafts {
		owner := d.Owner()
		if d.Old == nil && d.Kind.Default != nil {
			// Who owns it may follow from the object itself: a new team owns itself,
			// whatever team its declaration names.
			made := d.Want
			if d.Kind.Default(&made) == nil { // else validation says what is wrong
				owner = made.Metadata.Owner
			}
		}
		if err := c.may(d.Verb(), d, auth.Allowed(c.By, d.Verb(), d.Kind, owner)); err != nil {
			return err
		}
		if d.Old != nil && !d.Delete && d.Want.Metadata.Owner != "" && d.Want.Metadata.Owner != d.Old.Metadata.Owner {
			if err := c.may(auth.Update, d, auth.Allowed(c.By, auth.Update, d.Kind, d.Want.Metadata.Owner)); err != nil {
				return err
			}
		}
	}
	return nil
}

// judge asks every gate, lifts what an exception lifts, and refuses when a
// verdict is left that does.
func (p *Pipe) judge(ctx context.Context, r object.Reader, c *Change) ([]problem.Verdict, error) {
	verdicts := []problem.Verdict{}
	for _, gate := range p.gates {
		said, err := gate.Check(ctx, r, c)
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, said...)
	}
	var refusal *problem.Problem
	for i := range verdicts {
		v := &verdicts[i]
		if !v.Blocks() {
			continue
		}
		if p.lifter != nil {
			name, err := p.lifter.Lift(ctx, r, c, *v)
			if err != nil {
				return nil, err
			}
			if name != "" {
				v.Exception, v.Outcome = name, problem.Allow
				continue
			}
			v.Next = append(slices.Clip(v.Next), fmt.Sprintf("ask %s for an exception from %s    until a date", cmp.Or(v.Decider, "the platform team"), v.Gate))
		}
		if refusal == nil {
			refusal = problem.New(problem.Refused, "%s", v.Message)
			refusal.Why, refusal.Next, refusal.Decider, refusal.Docs = v.Why, v.Next, v.Decider, v.Docs
		}
	}
	if refusal != nil {
		refusal.Verdicts = verdicts
		return verdicts, refusal
	}
	return verdicts, nil
}
