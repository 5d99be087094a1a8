package insight

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/adoption/journey"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// personas in the order in which the page shows them, as people read them.
var personas = []struct {
	persona journey.Persona
	title   string
}{
	{journey.Everybody, "Everybody"},
	{journey.Developer, "Developers"}, {journey.Data, "Data"}, {journey.QA, "QA"}, {journey.Operations, "Operations"}, {journey.Visitor, "Visitors"},
}

// Journeys answers: where do newcomers stop?
func (i Insight) Journeys(ctx context.Context, s measure.Scope, now time.Time) (page.Journeys, error) {
	s.By, s.Step = "", measure.Whole
	show := page.Journeys{Ranges: ranges("/journeys", s, now), Fewest: journey.Fewest,
		Same: page.Command{Text: "stoa journeys " + flags(s), Says: "The same on the command line"}}
	view, err := i.Measures.View(ctx, s)
	if err != nil {
		return show, err
	}
	show.Chips = chips("/journeys", s, view.Org)
	if show.Ranges.Apart, err = apart(ctx, "/journeys", view, counted{use: true}); err != nil {
		return show, err
	}
	journeys, err := adoption.Journeys(ctx, view)
	if err != nil {
		return show, err
	}
	by := map[journey.Persona]journey.Journey{}
	for _, j := range journeys {
		by[j.Persona] = j
	}
	for _, p := range personas {
		show.Personas = append(show.Personas, personaCard(string(p.persona), p.title, by[p.persona]))
	}
	for _, r := range journey.PersonaRules() {
		show.Rules = append(show.Rules, page.Part{Name: personaTitle(r.Persona), Value: strings.Join(r.Words, ", ")})
	}
	show.First = len(journeys) == 0
	show.Sentence = journeySentence(journeys)
	return show, nil
}

func personaTitle(p journey.Persona) string {
	for _, known := range personas {
		if known.persona == p {
			return known.title
		}
	}
	return string(p)
}

// personaCard is what the page shows of one persona.
func personaCard(name, title string, j journey.Journey) page.Persona {
	show := page.Persona{
		Stops: page.Sheet{Name: name, Title: title, Empty: "Too few newcomers to show where they go.",
			Columns: []page.Column{{Key: "capability", Title: "They come to"}, {Key: "reached", Title: "Newcomers who did"}, {Key: "share", Title: "Share"}, {Key: "days", Title: "Days until then"}}},
		Ends: page.Sheet{Name: name + "-ends", Title: title + ": where they stopped", Compact: true,
			Columns: []page.Column{{Key: "after", Title: "They stopped after"}, {Key: "people", Title: "Newcomers"}, {Key: "share", Title: "Of those who stopped"}}},
	}
	switch {
	case j.Persona == "":
		show.Says = "Nobody in this time."
	case j.People == nil:
		show.Says = "Too few people to show."
	case j.Newcomers == nil:
		show.Says = fmt.Sprintf("%s active, too few newcomers to show.", people(*j.People))
	case j.Left == nil:
		show.Says = fmt.Sprintf("%s active, %d of them new; how many of these were not seen for 30 days is not shown: it would tell of fewer than %d.", people(*j.People), *j.Newcomers, journey.Fewest)
	default:
		show.Says = fmt.Sprintf("%s active, %d of them new; %s.", people(*j.People), *j.Newcomers, leftWords(j))
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
		show.Stops.Rows = append(show.Stops.Rows, page.Cells{{Text: stop.Capability, Raw: stop.Capability}, reached, share, days})
	}
	for _, end := range j.Ends {
		share := page.Cell{Text: "–", None: true}
		if *j.Left > 0 {
			of := float64(end.People) / float64(*j.Left)
			share = page.Cell{Text: measure.Ratio.Format(of), Bar: page.Drawn(of), Raw: of}
		}
		after := afterWords(end)
		show.Ends.Rows = append(show.Ends.Rows, page.Cells{{Text: after, Raw: after}, {Text: page.Count(int64(end.People)), Raw: end.People}, share})
	}
	return show
}

// leftWords say how many newcomers stopped, and after what the most.
func leftWords(j journey.Journey) string {
	if *j.Left == 0 {
		return "none of the newcomers stopped"
	}
	text := fmt.Sprintf("%d stopped: they were not seen for 30 days", *j.Left)
	most := journey.End{}
	for _, end := range j.Ends {
		if end.People > most.People {
			most = end
		}
	}
	switch most.People {
	case 0:
		return text + "; after each step too few did for it to be shown"
	case *j.Left:
		return text + ", all of them after " + afterWords(most)
	}
	return fmt.Sprintf("%s, %d of them after %s", text, most.People, afterWords(most))
}

// afterWords name the part of the way that somebody stopped after.
func afterWords(e journey.End) string {
	names := e.After
	if e.Others {
		names = append(slices.Clone(names), "something that few come to")
	}
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " or " + names[last]
	}
	return strings.Join(names, "")
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return page.Count(int64(n)) + " people"
}

func journeySentence(all []journey.Journey) string {
	if len(all) == 0 {
		return "Nobody used the platform in this time."
	}
	switch everybody := all[0]; {
	case everybody.Newcomers == nil:
		return "Too few people are new in this time to show where they go."
	case everybody.Left == nil:
		return fmt.Sprintf("%s are new in this time; how many of them stopped is not shown, since it would tell of fewer than %d.", people(*everybody.Newcomers), journey.Fewest)
	default:
		return fmt.Sprintf("%s are new in this time; %s.", people(*everybody.Newcomers), leftWords(everybody))
	}
}
