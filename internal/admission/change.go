// Package admission is the one way in: every change to what is declared, from
// the command line, the portal, the API or a webhook, takes the same steps in
// the same order.
//
//	authenticate → authorize → infer → validate → gates → one transaction
//
// The door has authenticated; Pipe does the rest. Rooms plug into it with a
// Rule for each of their kinds and with gates; the pipe knows none of them.
package admission

import (
	"context"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// Change is one request: some objects, all of which change or none.
type Change struct {
	By     auth.Principal
	Drafts []*Draft
	// DryRun goes through every step and rolls back instead of committing.
	DryRun bool
	// Reason is why, in the words of the person; it is kept in the event.
	Reason string
	// Surface is the door: "cli", "portal", "api".
	Surface string
	// Capability is what the door counts the change as a use of, such as "secrets";
	// "" where it cannot say. One with a release in it is always a use of "deploy".
	Capability string
	// Now is the time of the change, from the pipe's clock.
	Now time.Time
	// Judged is how long the gates took. Set by the pipe.
	Judged time.Duration

	byRef map[object.Ref]*Draft
	kinds map[string]bool
	// wanted is what By may not do, once that is known.
	wanted string
}

// Draft is one object of a change.
type Draft struct {
	// Want is what shall be stored. Its status is ignored.
	Want object.Object
	// Delete asks for removal; only Want's kind and name are read.
	Delete bool
	// CreateOnly refuses when the object exists already.
	CreateOnly bool
	// Label names where it was declared, such as "services.yaml", for problems,
	// and Lines gives the line of a field there; both may be absent.
	Label string
	Lines func(path string) int

	// Old is the stored object, nil when there is none. Set by the pipe.
	Old *object.Object
	// Kind is the registered kind. Set by the pipe.
	Kind object.Kind
	// Inferred is set by a Rule's Infer and travels to its Plan.
	Inferred any

	doc object.Document
}

// Verb is what the draft does to its object.
func (d *Draft) Verb() auth.Verb {
	switch {
	case d.Delete:
		return auth.Delete
	case d.Old == nil:
		return auth.Create
	default:
		return auth.Update
	}
}

// Owner is the team that answers for the object: the stored one, or for a new
// object the one that was declared.
func (d *Draft) Owner() string {
	if d.Old != nil {
		return d.Old.Metadata.Owner
	}
	return d.Want.Metadata.Owner
}

// Add puts a further object into the change, as a release adds its service.
func (c *Change) Add(d *Draft) {
	c.Drafts = append(c.Drafts, d)
	c.changed()
}

// Find returns the draft of the object, or nil.
func (c *Change) Find(ref object.Ref) *Draft {
	c.index()
	return c.byRef[ref]
}

// Exists reports whether there will be such an object once the change is made.
func (c *Change) Exists(ctx context.Context, r object.Reader, ref object.Ref) (bool, error) {
	if d := c.Find(ref); d != nil {
		return !d.Delete, nil
	}
	_, err := r.Get(ctx, ref.Kind, ref.Name)
	if problem.Is(err, problem.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// Touches reports whether the change has a draft of the kind.
func (c *Change) Touches(kind string) bool {
	c.index()
	return c.kinds[kind]
}

// index keeps Find cheap in a change of 10,000 drafts. Rules give names to
// drafts late, so it is made anew for each step of the pipe.
func (c *Change) index() {
	if c.byRef != nil {
		return
	}
	c.byRef, c.kinds = make(map[object.Ref]*Draft, len(c.Drafts)), map[string]bool{}
	for _, d := range c.Drafts {
		c.byRef[d.Want.Ref()], c.kinds[d.Want.Kind] = d, true
	}
}

// changed forgets the index.
func (c *Change) changed() { c.byRef, c.kinds = nil, nil }

// Plan is what else belongs into the transaction of one draft.
type Plan struct {
	Events []event.Event
	Jobs   []store.Job
	// Also writes what lies beside the object, such as a secret's values. May be nil.
	Also func(ctx context.Context, tx *store.Tx) error
}

// Rule is what a room does with one of its kinds on the way in. Every field
// but Kind may be nil.
type Rule struct {
	Kind string
	// Infer fills in what was not said and may add further drafts. It runs
	// before the transaction and may take long. It must not write.
	Infer func(ctx context.Context, r object.Reader, c *Change, d *Draft) error
	// Admit runs inside the transaction, after authorisation and before
	// validation: the place for what must be unique, such as the next number. It
	// is asked about deletions too; Draft.Old is what is to go.
	Admit func(ctx context.Context, r object.Reader, c *Change, d *Draft) error
	// Initial gives the status that a new object starts with, once the gates
	// have spoken: what the room already knows of it.
	Initial func(c *Change, d *Draft, verdicts []problem.Verdict) (any, error)
	// Plan tells the facts and the work that follow from the stored object. An
	// "object changed" event is written in any case.
	Plan func(ctx context.Context, c *Change, d *Draft, stored object.Object) (Plan, error)
}

// Gate judges a change. Gates judge all of it together, inside the
// transaction, so that two changes cannot both take the last of a quota.
type Gate interface {
	// Check returns one verdict for each rule that has something to say.
	Check(ctx context.Context, r object.Reader, c *Change) ([]problem.Verdict, error)
}

// Lifter tells which verdicts an exception lifts.
type Lifter interface {
	// Lift returns the name of the exception in force for the verdict on the
	// change, or "".
	Lift(ctx context.Context, r object.Reader, c *Change, v problem.Verdict) (string, error)
}

// Outcome says what happened to one object of a change.
type Outcome string

// The outcomes of an object.
const (
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Unchanged Outcome = "unchanged"
	Deleted   Outcome = "deleted"
)

// Result is the admitted change.
type Result struct {
	Items    []Item            `json:"items"`
	Verdicts []problem.Verdict `json:"gates"`
	DryRun   bool              `json:"dryRun,omitempty"`
}

// Item is one object of a result.
type Item struct {
	Kind    string          `json:"kind"`
	Name    string          `json:"name"`
	Outcome Outcome         `json:"outcome"`
	Changes []object.Change `json:"changes,omitempty"`
	// Document is the stored form; its Bytes are the object's JSON.
	Document object.Document `json:"-"`
}

// eventType gives "dev.stoa.service.created".
func eventType(kind string, o Outcome) string {
	return "dev.stoa." + strings.ToLower(kind) + "." + string(o)
}
