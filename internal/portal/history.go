package portal

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/store"
)

// Bounds of one page of a history: how many changes it shows, and how many
// versions it reads to find them, since what workers observe makes versions too.
const (
	changesShown = 25
	versionsRead = 1000
)

// versions lists the changes of what is declared of an object, newest first, and
// the version before which the next page begins, 0 on the last.
func (p *Portal) versions(ctx context.Context, kind, name string, before int64) ([]page.Version, int64, error) {
	facts, err := p.facts(ctx, kind, name)
	if err != nil {
		return nil, 0, err
	}
	revisions, err := p.Objects.History(ctx, kind, name, before, versionsRead)
	if err != nil {
		return nil, 0, err
	}
	var actors []string
	for _, r := range revisions {
		actors = append(actors, r.Actor)
	}
	known, err := p.people(ctx, actors)
	if err != nil {
		return nil, 0, err
	}
	var all []page.Version
	for i, r := range revisions {
		if i+1 == len(revisions) && len(revisions) == versionsRead {
			return all, r.Version + 1, nil // what it changed shows on the next page
		}
		row := page.Version{Number: r.Version, At: r.At, By: known.person(r.Actor), What: "changed"}
		switch {
		case r.Deleted:
			row.What = "deleted"
		case i+1 == len(revisions) || revisions[i+1].Deleted:
			row.What = "created"
		default:
			row.Changes = changes(revisions[i+1], r)
			if len(row.Changes) == 0 {
				continue // a worker wrote what it observed
			}
		}
		if len(all) == changesShown {
			return all, r.Version + 1, nil
		}
		if fact, ok := facts[r.Version]; ok {
			row.Surface, row.Reason, row.Seq = fact.Surface, fact.Reason, fact.seq
		}
		all = append(all, row)
	}
	return all, 0, nil
}

func changes(before, after store.Revision) []page.Difference {
	var all []page.Difference
	for _, c := range object.Diff(before.Bytes, after.Bytes) {
		all = append(all, page.Difference{Field: c.Path, Old: plainJSON(c.Old), New: plainJSON(c.New)})
	}
	return all
}

// plainJSON shows a text without its quotes.
func plainJSON(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// fact is what the ledger tells of a version of an object.
type fact struct {
	seq     int64
	Surface string `json:"surface"`
	Reason  string `json:"reason"`
	Version int64  `json:"version"`
}

// facts gives what the ledger tells of an object's newest changes, by version.
func (p *Portal) facts(ctx context.Context, kind, name string) (map[int64]fact, error) {
	records, err := p.Ledger.Events(ctx, event.Filter{
		Types: []string{"dev.stoa." + strings.ToLower(kind) + "."}, Subject: object.Ref{Kind: kind, Name: name}.String(), Newest: true, Limit: versionsRead,
	})
	if err != nil {
		return nil, err
	}
	facts := map[int64]fact{}
	for _, r := range records {
		var f fact
		if json.Unmarshal(r.Data, &f) == nil && f.Version > 0 {
			f.seq = r.Seq
			facts[f.Version] = f
		}
	}
	return facts, nil
}
