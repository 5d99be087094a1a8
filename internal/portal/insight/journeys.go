package insight

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// personas in the order in which the page shows them, as people read them.
var personas = []struct {
	persona adoption.Persona
	title   string
}{
	{adoption.Developer, "Developers"}, {adoption.Data, "Data"}, {adoption.QA, "QA"}, {adoption.Operations, "Operations"}, {adoption.Visitor, "Visitors"},
}

// Journeys answers: where do newcomers stop?
func (i Insight) Journeys(ctx context.Context, s measure.Scope, now time.Time) (page.Journeys, error) {
	s.By, s.Step = "", measure.Whole
	show := page.Journeys{Ranges: ranges("/journeys", s, now), Fewest: adoption.Fewest,
		Same: page.Command{Text: "stoa journeys " + flags(s), Says: "The same on the command line"}}
	view, err := i.Measures.View(ctx, s)
	if err != nil {
		return show, err
	}
	show.Chips = chips("/journeys", s, view.Org)
	journeys, err := adoption.Journeys(ctx, view)
	if err != nil {
		return show, err
	}
	by := map[adoption.Persona]adoption.Journey{}
	for _, j := range journeys {
		by[j.Persona] = j
	}
	for _, p := range personas {
		show.Personas = append(show.Personas, journey(string(p.persona), p.title, by[p.persona], s))
	}
	for _, r := range adoption.PersonaRules() {
		show.Rules = append(show.Rules, page.Part{Name: personaTitle(r.Persona), Value: strings.Join(r.Words, ", ")})
	}
	show.First = len(journeys) == 0
	show.Sentence = journeySentence(journeys)
	return show, nil
}

func personaTitle(p adoption.Persona) string {
	for _, known := range personas {
		if known.persona == p {
			return known.title
		}
	}
	return string(p)
}

// journey is the table of one persona.
func journey(name, title string, j adoption.Journey, s measure.Scope) page.Persona {
	show := page.Persona{Stops: page.Sheet{Name: name, Title: title, Empty: "Too few newcomers to show where they go.",
		Columns: []page.Column{{Key: "capability", Title: "They come to"}, {Key: "reached", Title: "Newcomers who did"}, {Key: "share", Title: "Share"},
			{Key: "days", Title: "Days until then"}, {Key: "ended", Title: "Stopped there"}}}}
	switch {
	case j.Persona == "":
		show.Says = "Nobody in this time."
	case j.People == nil:
		show.Says = "Too few people to show."
	case j.Newcomers == nil:
		show.Says = fmt.Sprintf("%s active, too few newcomers to show.", people(*j.People))
	case j.Left == nil:
		show.Says = fmt.Sprintf("%s active, %d of them new; how many of these were not seen for 30 days is not shown: fewer than %d, or all but so few.", people(*j.People), *j.Newcomers, adoption.Fewest)
	default:
		show.Says = fmt.Sprintf("%s active, %d of them new; %d of the newcomers were not seen for 30 days.", people(*j.People), *j.Newcomers, *j.Left)
	}
	for _, stop := range j.Stops {
		share := estimated(measure.Ratio, stop.Share, "")
		if stop.Share.Value != nil {
			share.Bar = page.Drawn(*stop.Share.Value)
		}
		reached := page.Cell{Text: stop.Share.Note, None: true}
		if stop.Reached != nil {
			reached = page.Cell{Text: page.Count(int64(*stop.Reached)), Raw: *stop.Reached}
		} else {
			share = page.Cell{None: true}
		}
		days := page.Cell{Text: stop.Days.Note, None: true}
		if stop.Days.Value != nil {
			days = estimated(measure.Count, stop.Days, "")
		}
		ended := page.Cell{Text: "not shown", None: true}
		if stop.Ended != nil {
			ended = page.Cell{Text: page.Count(int64(*stop.Ended)), Raw: *stop.Ended}
		}
		show.Stops.Rows = append(show.Stops.Rows, page.Cells{{Text: stop.Capability, Href: address("/measures/mau", only(s, measure.ByCapability, stop.Capability)), Raw: stop.Capability},
			reached, share, days, ended})
	}
	return show
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return page.Count(int64(n)) + " people"
}

func journeySentence(all []adoption.Journey) string {
	if len(all) == 0 {
		return "Nobody used the platform in this time."
	}
	newcomers, where, worst := 0, "", 0
	for _, j := range all {
		if j.Newcomers != nil {
			newcomers += *j.Newcomers
		}
		for _, stop := range j.Stops {
			if stop.Ended != nil && *stop.Ended > worst {
				worst, where = *stop.Ended, fmt.Sprintf("most who stop do so after %s (%s, %s)", stop.Capability, people(*stop.Ended), personaTitle(j.Persona))
			}
		}
	}
	switch {
	case newcomers == 0:
		return "Too few people are new in this time to show where they go."
	case where == "":
		return fmt.Sprintf("%s are new in this time; how many stopped is of no step enough to be shown.", people(newcomers))
	}
	return fmt.Sprintf("%s are new in this time; %s.", people(newcomers), where)
}
