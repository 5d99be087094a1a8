package admission

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

func (p *Pipe) refused(ctx context.Context, c *Change, refusal error) {
	told := problem.From(refusal)
	var gates []string
	for _, v := range told.Verdicts {
		if v.Blocks() {
			gates = append(gates, v.Gate)
		}
	}
	p.record(ctx, c, "dev.stoa.gate.refused", "gate", strings.Join(gates, ","), map[string]any{"title": told.Title, "verdicts": told.Verdicts})
}

// record keeps what came of a change that was not made: what is refused or
// asked most is what the platform team should look at next. The change itself
// was rolled back, so it takes a transaction of its own.
// The extensions say of what and through which door, so that counting needs no payload.
func (p *Pipe) record(ctx context.Context, c *Change, kind, extension, of string, fact map[string]any) {
	d := c.Drafts[0]
	ev := event.Event{
		Source: "/stoa/admission", Type: kind, Subject: d.Want.Ref().String(), Time: c.Now,
		Actor: c.By.Name, Team: d.Owner(), Service: serviceOf(d.Want), Capability: c.capability(),
	}
	ev.Extensions = map[string]string{}
	for name, value := range map[string]string{extension: of, event.ExtSurface: c.Surface} {
		if value != "" {
			ev.Extensions[name] = value
		}
	}
	fact["surface"] = c.Surface
	var err error
	if ev.Data, err = json.Marshal(fact); err == nil {
		err = p.store.Write(ctx, c.By.Name, func(_ context.Context, tx *store.Tx) error {
			tx.Append(ev)
			return nil
		})
	}
	if err != nil {
		p.log.Error("not recorded", "event", kind, "object", d.Want.Ref(), "error", err)
	}
}

// capability is what the change is a use of, where that is known.
func (c *Change) capability() string {
	if c.Touches("Release") {
		return event.CapabilityDeploy
	}
	return c.Capability
}

// may gives the decision's error, and notes what it does not allow.
func (c *Change) may(verb auth.Verb, d *Draft, decided auth.Decision) error {
	if !decided.Allowed {
		c.wanted = wanted(verb, d)
	}
	return decided.Err()
}

func wanted(verb auth.Verb, d *Draft) string { return string(verb) + " " + d.Kind.Name }

// forbidden counts a change that whoever asked may not make: like a use, since
// anybody who can sign in may ask as often as they like. It says which verb of which
// kind, and nothing that they wrote: neither the object's name nor its team.
// Who asks for a dry run asks what would be, and is not counted by anybody.
func (p *Pipe) forbidden(c *Change, refusal error) {
	problem.From(refusal).Counted = true
	if p.usage == nil || c.DryRun {
		return
	}
	if c.wanted == "" { // a room decided, not the permission table
		c.wanted = wanted(c.Drafts[0].Verb(), c.Drafts[0])
	}
	p.usage.Record(event.Use{
		Actor: c.By.Name, Team: c.By.Using(c.Drafts[0].Owner()), Capability: c.capability(), Surface: c.Surface, Bot: c.By.Bot, Refused: c.wanted,
	})
}
