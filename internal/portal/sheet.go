package portal

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"time"

	"github.com/stoa-platform/stoa/internal/portal/page"
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
			return true, p.write(v, 200, "text/csv; charset=utf-8", sheetCSV(s))
		case "json":
			body, err := sheetJSON(s)
			if err != nil {
				return true, err
			}
			return true, p.write(v, 200, "application/json", body)
		}
		return true, problem.New(problem.Invalid, "there is no format %q", format).Because("formats are json and csv")
	}
	return true, problem.New(problem.NotFound, "this page has no table %q", name)
}

func sheetCSV(s *page.Sheet) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	head := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		head[i] = c.Key
	}
	_ = w.Write(head) // a buffer takes all
	for _, row := range s.Rows {
		line := make([]string, len(row))
		for i, c := range row {
			line[i] = rawText(c.Raw)
		}
		_ = w.Write(line)
	}
	w.Flush()
	return out.Bytes()
}

func rawText(raw any) string {
	switch value := raw.(type) {
	case nil:
		return ""
	case time.Time:
		return value.UTC().Format(time.RFC3339)
	case string:
		return value
	}
	return fmt.Sprint(raw)
}

func sheetJSON(s *page.Sheet) ([]byte, error) {
	items := make([]map[string]any, len(s.Rows))
	for i, row := range s.Rows {
		items[i] = map[string]any{}
		for n, c := range row {
			items[i][s.Columns[n].Key] = c.Raw
		}
	}
	body, err := json.Marshal(map[string]any{"items": items})
	return append(body, '\n'), err
}
