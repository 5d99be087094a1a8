package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/problem"
)

// upResult is what `stoa up -o json` prints, one object for each component.
type upResult struct {
	Service     string            `json:"service"`
	Environment string            `json:"environment"`
	Release     string            `json:"release"`
	URL         string            `json:"url"`
	Healthy     bool              `json:"healthy"`
	Owner       string            `json:"owner"`
	Detected    []detect.Setting  `json:"detected"`
	Gates       []problem.Verdict `json:"gates"`
	// Asked counts the questions that a person had to answer.
	Asked   int              `json:"asked"`
	Steps   []upStep         `json:"steps"`
	Problem *problem.Problem `json:"problem,omitempty"`

	started time.Time
}

type upStep struct {
	Name string `json:"name"`
	MS   int64  `json:"ms"`
}

func resultOf(rel client.Release) upResult {
	u := upResult{
		Service: rel.Spec.Service, Environment: rel.Spec.Environment, Release: rel.Metadata.Name, URL: rel.Status.URL,
		Healthy: rel.Status.Healthy, Owner: rel.Metadata.Owner, Problem: rel.Status.Problem,
		Detected: append([]detect.Setting{}, rel.Status.Detected...), Gates: append([]problem.Verdict{}, rel.Status.Gates...),
		Steps: []upStep{},
	}
	for _, s := range rel.Status.Steps {
		if s.State == delivery.StepDone || s.State == delivery.StepFailed {
			u.Steps = append(u.Steps, upStep{Name: s.Name, MS: s.Millis})
		}
	}
	if rel.Status.Started != nil {
		u.started = *rel.Status.Started
	}
	return u
}

// printUps prints one object, or a list for several components.
func (c *Command) printUps(all []upResult) error {
	if len(all) == 1 {
		return c.print(all[0])
	}
	return c.print(all)
}

// show tells of a release as it goes: what is known goes to stdout, line by
// line, what is under way to stderr.
type show struct {
	c     *Command
	out   io.Writer
	told  map[string]bool
	rel   client.Release
	under string // the progress that stands in the last line of a terminal
}

func newShow(c *Command, rel client.Release) *show {
	s := &show{c: c, out: c.Out, told: map[string]bool{}, rel: rel}
	if c.structured() {
		s.out = io.Discard
	}
	return s
}

// row prints one line of the summary.
func (s *show) row(label, text, note string) {
	s.end()
	p := s.c.paint()
	if note == "" {
		fmt.Fprintf(s.out, "  %s %s\n", p.dim(fmt.Sprintf("%-10s", label)), text)
		return
	}
	fmt.Fprintf(s.out, "  %s %-42s %s\n", p.dim(fmt.Sprintf("%-10s", label)), text, p.dim(note))
}

// progress shows what is under way: in place on a terminal, else as a line.
func (s *show) progress(text string) {
	if s.c.quiet || s.c.structured() {
		return
	}
	if !terminal(s.c.Err) {
		fmt.Fprintf(s.c.Err, "  … %s\n", text)
		return
	}
	s.end()
	if len(text) > 100 {
		text = text[:100]
	}
	fmt.Fprint(s.c.Err, s.c.paint().dim("  … "+strings.TrimSpace(text)))
	s.under = text
}

// end clears the progress line.
func (s *show) end() {
	if s.under != "" {
		fmt.Fprint(s.c.Err, "\r\x1b[K")
		s.under = ""
	}
}

// admitted tells what was found out and what the gates said.
func (s *show) admitted() {
	if w := s.rel.Spec.Workload; w != nil && s.rel.Spec.Cause == delivery.CauseDeploy {
		label := "detected"
		component := *w
		component.Settings = s.rel.Spec.Detected
		component.Owner = ""
		for _, l := range component.Explain() {
			note := l.Source
			if l.Unconfirmed {
				note += "  unconfirmed"
			}
			s.row(label, l.Text, note)
			label = ""
		}
	}
	owner, note := "team "+s.rel.Metadata.Owner, ""
	for _, d := range s.rel.Spec.Detected {
		if d.Field == "owner" && d.Value == s.rel.Metadata.Owner {
			note = d.Source
			if d.Confidence < 1 {
				note += "  unconfirmed"
			}
		}
	}
	s.row("owner", owner, note)
	s.row("gates", gatesLine(s.rel.Status.Gates), "")
	for _, v := range s.rel.Status.Gates {
		if v.Outcome == admission.Warn {
			s.row("", s.c.paint().warn("warning: ")+v.Message, v.Gate)
		}
	}
}

func gatesLine(verdicts []problem.Verdict) string {
	if len(verdicts) == 0 {
		return "none is set"
	}
	var parts []string
	policies := 0
	for _, v := range verdicts {
		if v.Used == nil || v.Limit == nil || v.Requested == nil {
			policies++
			continue
		}
		if v.Unit != "bytes" {
			parts = append(parts, fmt.Sprintf("quota %.0f of %.0f %s", *v.Used+*v.Requested, *v.Limit, v.Unit))
		} else {
			parts = append(parts, strings.TrimSpace(v.Message[strings.LastIndex(v.Message, ":")+1:])+" memory")
		}
	}
	if policies == 1 {
		parts = append(parts, "1 policy")
	} else if policies > 1 {
		parts = append(parts, fmt.Sprintf("%d policies", policies))
	}
	return strings.Join(parts, " · ")
}

// changed tells what a new status adds.
func (s *show) changed(rel client.Release) {
	s.rel = rel
	for _, step := range rel.Status.Steps {
		switch {
		case step.State == delivery.StepRunning && !s.told[step.Name+"?"]:
			s.told[step.Name+"?"] = true
			s.progress(step.Name)
		case step.State == delivery.StepDone && !s.told[step.Name]:
			s.told[step.Name] = true
			s.step(step)
		}
	}
}

func (s *show) step(step delivery.Step) {
	switch step.Name {
	case delivery.StepBuild:
		s.row("built", seconds(step.Millis), step.Message)
	case delivery.StepRoute:
		s.running(step)
	}
}

// running tells where the release answers and what was verified.
func (s *show) running(delivery.Step) {
	o := s.rel.Status.Observed
	took := ""
	if o != nil {
		took = "healthy after " + seconds(o.StartMillis)
	}
	for _, d := range s.rel.Status.Detected {
		if d.Verified != "" {
			s.row("verified", cmp.Or(labels()[d.Field], d.Field), d.Verified)
		}
	}
	if s.rel.Status.URL == "" {
		s.row("running", s.rel.Metadata.Name, took)
	} else {
		s.row("running", s.c.paint().bold(s.rel.Status.URL), took)
	}
	if o != nil {
		for _, n := range o.Notes {
			s.row("note", n, "")
		}
	}
	s.row("included", "logs · traffic metrics · history", "")
}

func labels() map[string]string {
	return map[string]string{"port": "port", "portVariable": "port", "health": "health"}
}

// line shows a line of a step's output while it goes.
func (s *show) line(l client.Line) {
	if strings.TrimSpace(l.Line) != "" {
		s.progress(l.Step + ": " + l.Line)
	}
}

func (s *show) finished(rel client.Release) {
	s.changed(rel)
	s.end()
}

func seconds(ms int64) string {
	if ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", float64(ms)/1000)
}
