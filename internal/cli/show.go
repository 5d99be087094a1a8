package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/again"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/detect"
)

// upResult is what `stoa up -o json` prints, one object for each component.
type upResult struct {
	Service     string           `json:"service"`
	Environment string           `json:"environment"`
	Release     string           `json:"release"`
	URL         string           `json:"url"`
	Healthy     bool             `json:"healthy"`
	Owner       string           `json:"owner"`
	Detected    []client.Setting `json:"detected"`
	Gates       []client.Verdict `json:"gates"`
	// Asked counts the questions that a person has answered.
	Asked   int             `json:"asked"`
	Steps   []upStep        `json:"steps"`
	Problem *client.Problem `json:"problem,omitempty"`

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
		Detected: append([]client.Setting{}, rel.Status.Detected...), Gates: append([]client.Verdict{}, rel.Status.Gates...),
		Asked: len(rel.Spec.Answers), Steps: []upStep{},
	}
	for _, s := range rel.Status.Steps {
		if s.State == client.StepDone || s.State == client.StepFailed || s.State == client.StepCancelled {
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
		return c.Print(all[0])
	}
	return c.Print(all)
}

// show tells of a release: its rows fill in place on a terminal while it goes
// and are printed to stdout, complete, when it has come to an end.
type show struct {
	c      *Command
	live   *terminal.Live
	server string
	cmd    again.Line // that released it
	rel    client.Release
	said   map[string]bool // of the steps: that one runs, or has ended, and what it waits for
}

func newShow(c *Command, server string, rel client.Release, line again.Line) *show {
	s := &show{c: c, live: c.Live(), server: server, cmd: line, said: map[string]bool{}}
	s.changed(rel)
	return s
}

// changed takes a newer state of the release.
func (s *show) changed(rel client.Release) {
	s.rel = rel
	s.live.Set(s.lines())
	for _, step := range rel.Status.Steps {
		text := ""
		switch {
		case step.State == client.StepRunning:
			text = step.Name
		case step.State == client.StepWaiting && step.Message != "":
			text = fmt.Sprintf("%s %s: stoa status %s", step.Name, step.Message, rel.Spec.Service)
		case step.State == client.StepDone && step.Millis > 0:
			text = fmt.Sprintf("%s took %s", step.Name, output.Seconds(step.Millis))
		}
		if text != "" && !s.said[text] {
			s.said[text] = true
			s.live.Say("%s", text)
		}
	}
}

// line takes a line of a step's output.
func (s *show) line(l client.Line) {
	if strings.TrimSpace(l.Line) != "" {
		s.live.Say("%s: %s", l.Step, l.Line)
	}
}

// close prints what has become of it.
func (s *show) close() {
	s.live.Close()
	if s.c.Structured() {
		return
	}
	for _, line := range s.lines() {
		fmt.Fprintln(s.c.Out, line)
	}
}

func (s *show) lines() []string {
	confirm := s.cmd.With(" --team "+s.rel.Metadata.Owner, "team")
	return output.Lines(output.Release(s.rel, explain(s.rel), s.server, confirm), s.c.Paint())
}

// explain tells what the workload of a release was taken for.
func explain(rel client.Release) []detect.Line {
	if rel.Spec.Workload == nil {
		return nil
	}
	component := *rel.Spec.Workload
	component.Settings, component.Owner = rel.Status.Detected, ""
	return convert[detect.Component](component).Explain()
}
