package portal

import (
	"fmt"

	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/portal/sheet"
	"github.com/stoa-platform/stoa/internal/problem"
)

// files gives the tables of a page the addresses at which they are had as files.
func files(v *visit, sheets ...*page.Sheet) {
	here := v.URL.RequestURI()
	for _, s := range sheets {
		s.CSV = with(with(here, "table", s.Name), "format", "csv")
		s.JSON = with(with(here, "table", s.Name), "format", "json")
	}
}

// file sends the table that the address asks for; done is false when it asks for
// none.
func (p *Portal) file(v *visit, sheets ...*page.Sheet) (done bool, err error) {
	name, format := v.URL.Query().Get("table"), v.URL.Query().Get("format")
	if name == "" && format == "" {
		return false, nil
	}
	for _, s := range sheets {
		if s.Name != name {
			continue
		}
		switch format {
		case "csv":
			v.w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name+".csv"))
			return true, p.write(v, 200, "text/csv; charset=utf-8", sheet.CSV(s))
		case "json":
			body, err := sheet.JSON(s)
			if err != nil {
				return true, err
			}
			return true, p.write(v, 200, "application/json", body)
		}
		return true, problem.New(problem.Invalid, "there is no format %q", format).Because("formats are json and csv")
	}
	return true, problem.New(problem.NotFound, "this page has no table %q", name)
}
