package admission

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

func (p *Pipe) refused(ctx context.Context, c *Change, refusal error) {
	told := problem.From(refusal)
	var gates []string
	for _, v := range told.Verdicts {
		if v.Outcome == Deny || v.Outcome == NeedsApproval {
			gates = append(gates, v.Gate)
		}
	}
	p.record(ctx, c, "dev.stoa.gate.refused", "gate", strings.Join(gates, ","), map[string]any{"title": told.Title, "verdicts": told.Verdicts})
}

// record keeps what came of a change that was not made: what is refused or
// asked most is what the platform team should look at next. The change itself
// was rolled back, so it takes a transaction of its own.
// The extension says of what, so that counting needs no payload.
func (p *Pipe) record(ctx context.Context, c *Change, kind, extension, of string, fact map[string]any) {
	d := c.Drafts[0]
	ev := event.Event{
		Source: "/stoa/admission", Type: kind, Subject: d.Want.Ref().String(), Time: c.Now,
		Actor: c.By.Name, Team: d.Owner(), Service: serviceOf(d.Want),
	}
	if of != "" {
		ev.Extensions = map[string]string{extension: of}
	}
	if c.Touches("Release") {
		ev.Capability = "deploy"
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
