package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"go.yaml.in/yaml/v3"
	"golang.org/x/term"

	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/object"
)

// structured says that the answer is wanted as data.
func (c *Command) structured() bool { return c.output == "json" || c.output == "yaml" }

// print writes a value as JSON or YAML, whichever was asked.
func (c *Command) print(v any) error {
	var out bytes.Buffer
	encode := json.NewEncoder(&out)
	encode.SetEscapeHTML(false)
	encode.SetIndent("", "  ")
	if err := encode.Encode(v); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	if c.output != "yaml" {
		_, err := c.Out.Write(out.Bytes())
		return err
	}
	// By way of JSON, so that both formats have the same names.
	text, err := yamlOf(out.Bytes())
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(c.Out, text)
	return err
}

// yamlOf writes JSON as YAML.
func yamlOf(raw []byte) (string, error) {
	var plain any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&plain); err != nil {
		return "", fmt.Errorf("decode answer: %w", err)
	}
	var out strings.Builder
	encode := yaml.NewEncoder(&out)
	encode.SetIndent(2)
	if err := encode.Encode(numbers(plain)); err != nil {
		return "", fmt.Errorf("encode answer: %w", err)
	}
	return out.String(), encode.Close()
}

// numbers turns JSON's numbers into what YAML writes without quotes.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // JSON has checked that it is a number
		return f
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	}
	return v
}

// printObject writes one object as it is stored.
func (c *Command) printObject(raw json.RawMessage) error {
	if c.output != "yaml" {
		var out bytes.Buffer
		if err := json.Indent(&out, raw, "", "  "); err != nil {
			return fmt.Errorf("decode answer: %w", err)
		}
		out.WriteByte('\n')
		_, err := c.Out.Write(out.Bytes())
		return err
	}
	var o object.Object
	if err := json.Unmarshal(raw, &o); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	text, err := object.EncodeYAML(o)
	if err != nil {
		return err
	}
	_, err = c.Out.Write(text)
	return err
}

// table writes rows in aligned columns. On a terminal what does not fit its
// width is cut; into a pipe everything is written.
func (c *Command) table(head []string, rows [][]string) error {
	widths := make([]int, len(head))
	for _, row := range append([][]string{head}, rows...) {
		for i := range row {
			if row[i] = terminal.OneLine(row[i]); row[i] == "" {
				row[i] = "–"
			}
			widths[i] = max(widths[i], ansi.StringWidth(row[i]))
		}
	}
	limit, p := c.width(), c.paint()
	var out strings.Builder
	write := func(row []string, style func(column int, s string) string) {
		line, left := "", limit
		for i, cell := range row {
			gap := widths[i] - ansi.StringWidth(cell) + 3
			if i == len(row)-1 {
				gap = 0
			}
			if left <= 0 {
				break
			}
			shown := ansi.Truncate(cell, left, "…")
			left -= ansi.StringWidth(shown) + gap
			line += style(i, shown) + strings.Repeat(" ", gap)
		}
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	write(head, func(_ int, s string) string { return p.Dim(s) })
	for _, row := range rows {
		write(row, func(i int, s string) string {
			if head[i] == "STATE" || head[i] == "PHASE" {
				return p.State(s)
			}
			return s
		})
	}
	_, err := fmt.Fprint(c.Out, out.String())
	return err
}

// paint colours for a person who sees stdout and stderr.
func (c *Command) paint() terminal.Paint { return terminal.NewPaint(c.Out, c.Err) }

// live shows progress on stderr until it is closed.
func (c *Command) live() *terminal.Live {
	return terminal.NewLive(c.Err, c.paint(), c.quiet || c.structured())
}

// unlimited is the width of what is no terminal.
const unlimited = 1 << 20

// width is how many columns stdout has.
func (c *Command) width() int {
	if f, ok := c.Out.(*os.File); ok && terminal.Is(c.Out) {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return unlimited
}

// note tells a person something beside the result.
func (c *Command) note(format string, args ...any) {
	if !c.quiet && !c.structured() {
		fmt.Fprintln(c.Err, c.paint().Dim(fmt.Sprintf(format, args...)))
	}
}

// ago gives the time since t as "5s", "3m", "2h" or "9d".
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return ""
	case d < 0:
		return t.Local().Format("2006-01-02 15:04")
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + "h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + "d"
}

// count gives "1 event" and "3 events".
func count[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func seconds(ms int64) string {
	if ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", float64(ms)/1000)
}
