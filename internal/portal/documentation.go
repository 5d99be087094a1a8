package portal

import (
	"net/http"
	"path"
	"strings"

	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/problem"
)

// blank is the form of a decision, which tells a reader nothing.
const blank = "adr/0000-template"

// documentation lists the pages of this version's documentation.
func (p *Portal) documentation(v *visit) error {
	all, err := p.manual()
	if err != nil {
		return err
	}
	show := page.Documentation{Frame: p.frame(v, "Documentation", "docs")}
	for _, shelf := range []struct{ title, folder string }{{"Guides", "."}, {"Reference", "reference"}, {"Decisions", "adr"}} {
		s := page.Shelf{Title: shelf.title}
		for _, d := range all {
			if path.Dir(d.Path) == shelf.folder && d.Path != blank {
				s.Documents = append(s.Documents, page.Hit{Title: d.Title, Href: "/docs/" + d.Path})
			}
		}
		show.Shelves = append(show.Shelves, s)
	}
	return p.render(v, http.StatusOK, page.DocumentationPage(show))
}

// document shows one page.
func (p *Portal) document(v *visit) error {
	all, err := p.manual()
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(v.PathValue("path"), ".md")
	for _, d := range all {
		if d.Path == name {
			return p.render(v, http.StatusOK, page.DocumentPage(page.Document{Frame: p.frame(v, d.Title, "docs"), Body: d.Body}))
		}
	}
	return problem.New(problem.NotFound, "there is no page %q in the documentation", name).Do("open /docs    lists them")
}
