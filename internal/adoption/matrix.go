package adoption

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/stoa-platform/stoa/internal/measure"
)

// MatrixCell is how far one capability has come in one segment.
type MatrixCell struct {
	Capability string `json:"capability"`
	Segment    string `json:"segment"` // measure.Nobody for teams without one
	// Using of Could teams to which it is offered used it in the scope's time.
	Using int `json:"using"`
	Could int `json:"could"`
	// Rate is their share.
	Rate measure.Estimate `json:"rate"`
}

// Matrix gives all pairs of a capability and a segment to one of whose teams it is
// offered, sorted by both.
func Matrix(ctx context.Context, v *measure.View) ([]MatrixCell, error) {
	whole := measure.NewView(v.DB, v.Org, measure.Scope{From: v.From, To: v.To, By: measure.BySegment, Only: v.Only})
	used, err := readUsing(ctx, whole, whole.Buckets())
	if err != nil {
		return nil, fmt.Errorf("capabilities by segment: %w", err)
	}
	type pairOf struct{ capability, segment string }
	cells := map[pairOf]*MatrixCell{}
	for _, team := range whole.Teams() {
		if !team.There(v.From, v.To) {
			continue
		}
		segment, _ := whole.TeamGroup(team)
		for _, c := range whole.Capabilities() {
			if !c.Offered(team, v.To-1) {
				continue
			}
			cell := cells[pairOf{c.Name, segment}]
			if cell == nil {
				cell = &MatrixCell{Capability: c.Name, Segment: segment}
				cells[pairOf{c.Name, segment}] = cell
			}
			cell.Could++
			if used[teamUse{team, c.Name}] != nil {
				cell.Using++
			}
		}
	}
	all := make([]MatrixCell, 0, len(cells))
	for _, cell := range cells {
		cell.Rate = rateEstimate(reach{could: cell.Could, using: cell.Using})
		cell.Rate.Parts = nil
		all = append(all, *cell)
	}
	slices.SortFunc(all, func(a, b MatrixCell) int {
		return cmp.Or(cmp.Compare(a.Capability, b.Capability), cmp.Compare(a.Segment, b.Segment))
	})
	return all, nil
}
