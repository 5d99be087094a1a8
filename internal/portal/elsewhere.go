package portal

import (
	"strings"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/catalog/backstage"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// elsewhere gives what is known of a service that is not deployed here, and the
// command that would deploy it.
func (p *Portal) elsewhere(s catalog.Service) (facts []page.Fact, bring string) {
	add := func(name, text, href string) {
		if text != "" {
			facts = append(facts, page.Fact{Name: name, Text: text, Href: href})
		}
	}
	source := ""
	if strings.HasPrefix(s.Spec.Repository, "https://") {
		source = s.Spec.Repository
	}
	add("What", s.Metadata.Description, "")
	add("Lifecycle", s.Spec.Lifecycle, "")
	add("System", s.Spec.System, "")
	add("Source", s.Spec.Repository, source)
	if file := s.Metadata.Annotations[backstage.AnnotationFile]; file != "" {
		add("Declared in", file+", a catalog of Backstage", "")
	}
	if s.Spec.Type == "library" {
		return facts, ""
	}
	from := "DIR"
	if source != "" {
		from = source
	}
	return facts, "stoa up " + from + " --name " + s.Metadata.Name
}
