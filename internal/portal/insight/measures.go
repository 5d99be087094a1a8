package insight

import (
	"fmt"
	"strings"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// List answers: what is measured here at all? The numbers themselves are one click
// away; to compute all of them would be a page that nobody waits for.
func (i Insight) List() page.Measures {
	all := i.Measures.Definitions()
	table := page.Sheet{Name: "measures", Title: "All measures", Columns: []page.Column{
		{Key: "title", Title: "Measure"}, {Key: "question", Title: "Question"}, {Key: "cuts", Title: "Cut by"}, {Key: "version", Title: "Definition"},
	}}
	waiting := 0
	for _, d := range all {
		title := page.Cell{Text: d.Title, Sub: d.Name, Href: "/measures/" + d.Name, Raw: d.Title}
		question := page.Cell{Sub: d.Question, Raw: d.Question} // a sentence, which wraps
		if d.Waits != "" {
			waiting++
			question.Sub += " It waits for " + d.Waits + "."
		}
		table.Rows = append(table.Rows, page.Cells{title, question, cuts(d), {Text: fmt.Sprint("version ", d.Version), Raw: d.Version}})
	}
	return page.Measures{
		Table: table, Sentence: fmt.Sprintf("%d measures; %d of them wait for data that nobody has sent yet.", len(all), waiting),
		Same: page.Command{Text: "stoa measure", Says: "The same on the command line"},
	}
}

func cuts(d measure.Definition) page.Cell {
	var names []string
	cell := page.Cell{}
	for _, by := range d.Cuts {
		names = append(names, string(by))
		cell.Links = append(cell.Links, page.Choice{Label: string(by), Href: page.Link("/measures/"+d.Name, "by", string(by))})
	}
	if cell.Raw = strings.Join(names, " "); len(names) == 0 {
		cell.Text, cell.None = "nothing", true
	}
	return cell
}
