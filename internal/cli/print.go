package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"
)

// structured says that the answer is wanted as data.
func (c *Command) structured() bool { return c.output == "json" || c.output == "yaml" }

// print writes a value as JSON or YAML, whichever was asked.
func (c *Command) print(v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	if c.output != "yaml" {
		_, err = c.Out.Write(append(raw, '\n'))
		return err
	}
	// By way of JSON, so that both formats have the same names.
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		return err
	}
	encode := yaml.NewEncoder(c.Out)
	encode.SetIndent(2)
	if err := encode.Encode(plain); err != nil {
		return err
	}
	return encode.Close()
}

// table writes rows in aligned columns; the head is dimmed on a terminal.
func (c *Command) table(head []string, rows [][]string) error {
	w := tabwriter.NewWriter(c.Out, 0, 4, 3, ' ', 0)
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, row := range rows {
		for i := range row {
			if row[i] == "" {
				row[i] = "–"
			}
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}
