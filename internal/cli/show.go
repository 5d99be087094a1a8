package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
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
		if s.State == client.StepDone || s.State == client.StepFailed {
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
	rel    client.Release
}

func newShow(c *Command, server string, rel client.Release) *show {
	s := &show{c: c, live: c.Live(), server: server}
	s.changed(rel)
	return s
}

// changed takes a newer state of the release.
func (s *show) changed(rel client.Release) {
	s.rel = rel
	s.live.Set(s.lines(rowsOf(rel, s.server)))
	for _, step := range rel.Status.Steps {
		if step.State == client.StepRunning {
			s.live.Say("%s", step.Name)
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
	for _, line := range s.lines(rowsOf(s.rel, s.server)) {
		fmt.Fprintln(s.c.Out, line)
	}
}

// row is one line of the summary: what it is about, what is so, where that was
// found, and what the run has shown of it.
type row struct{ label, text, source, verified string }

// lines lays rows out in columns.
func (s *show) lines(rows []row) []string {
	const most = 44 // one long value does not push all others aside
	p := s.c.Paint()
	text, source := 0, 0
	for _, r := range rows {
		if r.source+r.verified != "" {
			text = max(text, min(most, ansi.StringWidth(r.text)))
		}
		if r.verified != "" {
			source = max(source, min(most, ansi.StringWidth(r.source)))
		}
	}
	lines := make([]string, len(rows))
	for i, r := range rows {
		line := fmt.Sprintf("  %s ", p.Dim(fmt.Sprintf("%-10s", r.label)))
		shown := terminal.OneLine(r.text)
		if r.label == "running" {
			shown = p.Bold(shown)
		}
		line += shown
		if r.source+r.verified != "" {
			line += strings.Repeat(" ", max(0, text-ansi.StringWidth(r.text))+3) + p.Dim(terminal.OneLine(r.source))
		}
		if r.verified != "" {
			line += strings.Repeat(" ", max(0, source-ansi.StringWidth(r.source))+3)
			if strings.HasPrefix(r.verified, "unconfirmed") {
				line += p.Warn(r.verified)
			} else {
				line += p.Good(terminal.OneLine(r.verified))
			}
		}
		lines[i] = strings.TrimRight(line, " ")
	}
	return lines
}

// rowsOf tells what is known of a release.
func rowsOf(rel client.Release, server string) []row {
	var rows []row
	if rel.Spec.Cause == client.CauseDeploy {
		rows = append(rows, detectedRows(rel, server)...)
	} else {
		rows = append(rows, row{label: cmp.Or(rel.Spec.Cause, "release"), text: rel.Metadata.Name + " in " + rel.Spec.Environment, source: "artifact of " + rel.Spec.From})
	}
	rows = append(rows, gatesRows(rel.Status.Gates)...)
	for _, step := range rel.Status.Steps {
		if step.State != client.StepDone {
			continue
		}
		switch step.Name {
		case client.StepBuild:
			rows = append(rows, row{label: "built", text: output.Seconds(step.Millis), source: step.Message})
		case client.StepRoute:
			rows = append(rows, runningRows(rel)...)
		}
	}
	return rows
}

// detectedRows are the workload's settings with their evidence, and the owner.
func detectedRows(rel client.Release, server string) []row {
	if rel.Spec.Workload == nil {
		return nil
	}
	component := *rel.Spec.Workload
	component.Settings, component.Owner = rel.Status.Detected, ""
	var rows []row
	guesses := false
	for _, l := range convert[detect.Component](component).Explain() {
		r := row{text: l.Text, source: l.Source}
		switch {
		case l.Verified != "":
			r.verified = "verified: " + strings.TrimPrefix(l.Verified, "GET "+component.Health+" answered ")
		case l.Unconfirmed:
			r.verified, guesses = "unconfirmed", true
		}
		rows = append(rows, r)
	}
	for _, d := range rel.Status.Detected {
		switch {
		case d.Source == "observed" && d.Field == "port":
			rows = append(rows, row{text: "listens", source: d.Source, verified: "verified: " + d.Verified})
		case d.Source == "observed" && d.Field == "health":
			rows = append(rows, row{text: "answers", source: d.Source, verified: "verified: " + d.Verified})
		}
	}
	rows = append(rows, ownerRow(rel))
	rows[0].label = "detected"
	if n := len(rel.Spec.Answers); n > 0 {
		rows = append(rows, row{label: "asked", text: output.Count(int64(n), "question"), source: "answered by you"})
	}
	if guesses && server != "" {
		rows = append(rows, row{label: "confirm", text: server + "/services/" + rel.Spec.Service})
	}
	return rows
}

func ownerRow(rel client.Release) row {
	r := row{text: "owner team " + rel.Metadata.Owner}
	for _, d := range rel.Spec.Detected {
		if d.Field == "owner" && d.Value == rel.Metadata.Owner {
			r.source = d.Source
			if d.Confidence < 1 {
				r.verified = "unconfirmed: stoa up --team " + rel.Metadata.Owner + " confirms it"
			}
		}
	}
	return r
}

// runningRows tell where the release answers.
func runningRows(rel client.Release) []row {
	r := row{label: "running", text: cmp.Or(rel.Status.URL, rel.Metadata.Name)}
	rows := []row{r}
	if o := rel.Status.Observed; o != nil {
		rows[0].source = "healthy after " + output.Seconds(o.StartMillis)
		for _, n := range o.Notes {
			rows = append(rows, row{label: "note", text: n})
		}
	}
	return append(rows, row{label: "included", text: "logs · traffic metrics · history"})
}

// gatesRows tell what the gates have said: in one line, and then what was not
// simply allowed.
func gatesRows(verdicts []client.Verdict) []row {
	rows := []row{{label: "gates", text: gatesLine(verdicts)}}
	for _, v := range verdicts {
		switch {
		case v.Exception != "":
			rows = append(rows, row{text: "passed by exception " + v.Exception + ": " + v.Message, source: v.Gate})
		case v.Outcome == client.Warn:
			rows = append(rows, row{text: "warning: " + v.Message, source: v.Gate})
		}
	}
	return rows
}

// gatesLine says in one line what the gates have counted and checked.
func gatesLine(verdicts []client.Verdict) string {
	if len(verdicts) == 0 {
		return "none is set"
	}
	var parts []string
	policies := 0
	for _, v := range verdicts {
		switch {
		case v.Used == nil || v.Limit == nil || v.Requested == nil:
			policies++
		case v.Unit == "bytes":
			parts = append(parts, catalog.FormatBytes(int64(*v.Used+*v.Requested))+" of "+catalog.FormatBytes(int64(*v.Limit))+" memory")
		default:
			parts = append(parts, fmt.Sprintf("%.0f of %.0f %s", *v.Used+*v.Requested, *v.Limit, v.Unit))
		}
	}
	if len(parts) > 0 {
		parts[0] = "quota " + parts[0]
	}
	switch {
	case policies == 1:
		parts = append(parts, "1 policy")
	case policies > 1:
		parts = append(parts, fmt.Sprintf("%d policies", policies))
	}
	return strings.Join(slices.Clip(parts), " · ")
}
