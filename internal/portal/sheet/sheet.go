// Package sheet writes the tables of pages as files: what a page shows, CSV and
// JSON say too.
package sheet

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"time"

	"github.com/stoa-platform/stoa/internal/portal/page"
)

// CSV has a line for each row, below one of the columns' keys.
func CSV(s *page.Sheet) []byte {
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

// JSON is {"items": [...]} with an object for each row.
func JSON(s *page.Sheet) ([]byte, error) {
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
