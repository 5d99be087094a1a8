// Package output is how the command line answers: as text for a person, in
// tables that fit their terminal, or as JSON and YAML for a program.
package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/object"
)

// Printer writes answers in the form that was asked.
type Printer struct {
	Out io.Writer // results
	Err io.Writer // progress and problems
	// Format is "" or "table" for a person, "json", "yaml", or "name" for the
	// names of objects alone.
	Format string
	// Quiet leaves progress and notes out.
	Quiet bool
}

// JSON says that Out carries one JSON document and nothing else.
func (p *Printer) JSON() bool { return p.Format == "json" }

// Structured says that the answer is wanted as data.
func (p *Printer) Structured() bool { return p.Format == "json" || p.Format == "yaml" }

// Print writes a value as JSON or YAML, whichever was asked.
func (p *Printer) Print(v any) error {
	var out bytes.Buffer
	encode := json.NewEncoder(&out)
	encode.SetEscapeHTML(false)
	encode.SetIndent("", "  ")
	if err := encode.Encode(v); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	if p.Format != "yaml" {
		_, err := p.Out.Write(out.Bytes())
		return err
	}
	// By way of JSON, so that both formats have the same names.
	text, err := YAML(out.Bytes())
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(p.Out, text)
	return err
}

// PrintObject writes one object as it is stored.
func (p *Printer) PrintObject(raw json.RawMessage) error {
	if p.Format != "yaml" {
		var out bytes.Buffer
		if err := json.Indent(&out, raw, "", "  "); err != nil {
			return fmt.Errorf("decode answer: %w", err)
		}
		out.WriteByte('\n')
		_, err := p.Out.Write(out.Bytes())
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
	_, err = p.Out.Write(text)
	return err
}

// Paint colours for a person who sees stdout and stderr.
func (p *Printer) Paint() terminal.Paint { return terminal.NewPaint(p.Out, p.Err) }

// Live shows progress on stderr until it is closed.
func (p *Printer) Live() *terminal.Live {
	return terminal.NewLive(p.Err, p.Paint(), p.Quiet || p.Structured())
}

// Note tells a person something beside the result.
func (p *Printer) Note(format string, args ...any) {
	if !p.Quiet && !p.Structured() {
		fmt.Fprintln(p.Err, p.Paint().Dim(fmt.Sprintf(format, args...)))
	}
}
