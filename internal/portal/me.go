package portal

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/store"
)

// Kept tells what is kept about a person.
type Kept interface {
	// Pseudonym gives the name of a principal in history and ledger, "" when it
	// never acted.
	Pseudonym(ctx context.Context, principal string) (string, error)
	Deeds(ctx context.Context, principal string) ([]store.Deed, error)
	// Naming gives the newest thousand events whose payloads name a pseudonym.
	Naming(ctx context.Context, pseudonym string) ([]store.Named, error)
}

const latestShown = 20

// me shows visitors to themselves, and nobody else.
func (p *Portal) me(v *visit) error {
	ctx, name := v.Context(), v.principal.Name
	tokens, err := p.Tokens(ctx, v.principal, name)
	if err != nil {
		return err
	}
	show := page.Me{Frame: p.frame(v, "What is kept about me", "me"), Name: name, Tokens: len(tokens),
		Erase: "stoa person erase " + strings.TrimPrefix(name, "user/"), Same: page.Command{Text: "stoa me", Says: "The same on the command line"},
		Deeds: page.Sheet{Name: "deeds", Title: "What you did, counted", Empty: "Nothing: the ledger has no event of yours.",
			Columns: []page.Column{{Key: "type", Title: "What"}, {Key: "times", Title: "Times"}, {Key: "first", Title: "First"}, {Key: "last", Title: "Last"}}},
		Named: page.Sheet{Name: "named", Title: "Where you are named", Says: "The payloads of these events name you. They go when you are erased.",
			Empty:   "Nowhere: no payload names you.",
			Columns: []page.Column{{Key: "seq", Title: "Event"}, {Key: "type", Title: "What"}}},
		Latest: page.Sheet{Name: "latest", Title: "Your latest events", Empty: "None.",
			Columns: []page.Column{{Key: "seq", Title: "Event"}, {Key: "at", Title: "When"}, {Key: "type", Title: "What"}, {Key: "subject", Title: "About"}}}}
	if show.Pseudonym, err = p.Kept.Pseudonym(ctx, name); err != nil {
		return err
	}
	sheets := []*page.Sheet{&show.Deeds, &show.Named, &show.Latest}
	if show.Pseudonym != "" {
		if err := p.remember(v, &show); err != nil {
			return err
		}
	}
	var n int64
	for _, row := range show.Deeds.Rows {
		n += row[1].Raw.(int64)
	}
	show.Sentence = fmt.Sprintf("%s in the ledger, under a pseudonym; %s.", page.Plural(n, "event"), namedWords(len(show.Named.Rows)))
	files(v, sheets...)
	if done, err := p.file(v, sheets...); done {
		return err
	}
	return p.render(v, 200, page.MePage(show))
}

func namedWords(n int) string {
	if n == 0 {
		return "no payload names you"
	}
	return page.Plural(int64(n), "payload") + " that name you go when you are erased"
}

// remember fills the tables of who has done something.
func (p *Portal) remember(v *visit, show *page.Me) error {
	ctx := v.Context()
	deeds, err := p.Kept.Deeds(ctx, show.Name)
	if err != nil {
		return err
	}
	for _, d := range deeds {
		show.Deeds.Rows = append(show.Deeds.Rows, page.Cells{{Text: what(d.Type), Sub: d.Type, Raw: d.Type}, {Text: page.Count(d.N), Raw: d.N},
			{At: d.First, Raw: d.First}, {At: d.Last, Raw: d.Last}})
	}
	named, err := p.Kept.Naming(ctx, show.Pseudonym)
	if err != nil {
		return err
	}
	for _, n := range named {
		show.Named.Rows = append(show.Named.Rows, page.Cells{p.eventCell(v, n.Seq, ""), {Text: what(n.Type), Sub: n.Type, Raw: n.Type}})
	}
	latest, err := p.Ledger.Events(ctx, event.Filter{Actor: show.Name, Newest: true, Limit: latestShown})
	if err != nil {
		return err
	}
	for _, r := range latest {
		show.Latest.Rows = append(show.Latest.Rows, page.Cells{p.eventCell(v, r.Seq, r.Team), {At: r.Time, Raw: r.Time},
			{Text: what(r.Type), Sub: r.Type, Raw: r.Type}, {Text: aboutOf(r), Raw: aboutOf(r)}})
	}
	return nil
}

// eventCell names an event, and leads to it whoever may read it.
func (p *Portal) eventCell(v *visit, seq int64, team string) page.Cell {
	c := page.Cell{Text: page.Count(seq), Raw: seq}
	if p.mayAudit(v, team) == nil {
		c.Href = "/audit/" + page.Decimal(seq)
	}
	return c
}

// simulation remembers whether the platform holds simulated data, so that no page
// has to ask for it.
type simulation struct {
	mu      sync.Mutex
	checked time.Time
	found   bool
}

// simulationAge is how old the answer may be.
const simulationAge = time.Minute

// simulated reports whether any team is a simulated one. Of what cannot be found
// out just now the last answer holds.
func (p *Portal) simulated(ctx context.Context) bool {
	s := &p.simulation
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := p.Clock(); now.Sub(s.checked) > simulationAge {
		n, err := p.Objects.Count(ctx, object.Query{Kind: "Team", Labels: map[string]string{catalog.LabelSimulated: "true"}})
		if err == nil {
			s.checked, s.found = now, n > 0
		}
	}
	return s.found
}
