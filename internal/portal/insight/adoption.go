package insight

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// Adoption answers: who uses it, who is stuck, what will be?
func (i Insight) Adoption(ctx context.Context, s measure.Scope, now time.Time) (page.Adoption, error) {
	s.By, s.Step = "", measure.Whole
	show := page.Adoption{Ranges: ranges("/adoption", s, now),
		Same: page.Command{Text: "stoa measure adoption-rate --step month " + flags(s), Says: "The curve on the command line"}}
	view, err := i.Measures.View(ctx, s)
	if err != nil {
		return show, err
	}
	show.Chips = chips("/adoption", s, view.Org)
	whole, err := i.Measures.Ask(ctx, "adoption-rate", s)
	if err != nil {
		return show, err
	}
	rate := whole.Points[0].Estimate
	show.Sentence = adoptionSentence(rate)
	show.First = rate.Value == nil
	if show.Matrix, err = i.matrix(ctx, s, view.Org); err != nil {
		return show, err
	}
	if show.Path, err = i.pathSheet(ctx, s); err != nil {
		return show, err
	}
	for _, name := range []string{"mau", "wau", "dau", "stickiness"} {
		now, err := i.Measures.Ask(ctx, name, s)
		if err != nil {
			return show, err
		}
		p, err := i.panel(ctx, name, s, now.Points[0].Estimate, nil)
		if err != nil {
			return show, err
		}
		show.People = append(show.People, p)
	}
	return show, nil
}

func adoptionSentence(rate measure.Estimate) string {
	if rate.Value == nil {
		return "No team has used the platform in this time."
	}
	parts := []string{fmt.Sprintf("%s of %s use Stoa", measure.Ratio.Format(*rate.Value), page.Plural(rate.N, "team"))}
	return strings.Join(parts, "; ") + "."
}
