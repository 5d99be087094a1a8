package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/past"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// tail is how many events and versions a description ends with.
const tail = 8

func (c *Command) describeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "describe KIND NAME",
		Short:             "All about one object: what is wanted, what is so, what happened",
		Example:           "  stoa describe service shop\n  stoa describe release shop-7\n  stoa describe team payments -o json",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: c.complete(askKinds, askNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			cl, err := c.connect(ctx)
			if err != nil {
				return err
			}
			kind, name, err := reference(ctx, cl, args)
			if err != nil {
				return err
			}
			if name == "" {
				return usage("which of the %s? stoa describe %s NAME", kind.Plural, args[0])
			}
			d, err := gather(ctx, cl, kind, name)
			if err != nil {
				return err
			}
			if c.Structured() {
				return c.Print(d)
			}
			return c.describe(d)
		},
	}
}

// description is what `stoa describe -o json` prints.
type description struct {
	Object  object.Object  `json:"object"`
	Live    *client.Status `json:"live,omitempty"` // of a service: what runs now
	History []past.Version `json:"history"`
	// Events is null when the ledger may not be read.
	Events []client.Event `json:"events"`
}

func gather(ctx context.Context, cl *client.Client, kind client.Kind, name string) (description, error) {
	var d description
	raw, err := cl.Get(ctx, kind.Plural, name)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(raw, &d.Object); err != nil {
		return d, fmt.Errorf("decode answer: %w", err)
	}
	if kind.Name == "Service" {
		live, err := cl.ServiceStatus(ctx, name)
		if err != nil {
			return d, err
		}
		d.Live = &live
	}
	if d.History, _, err = past.Versions(ctx, cl, kind, name, tail); err != nil {
		return d, err
	}
	for i := range d.History {
		d.History[i].Object = nil // it is told once
	}
	q := client.EventQuery{Subject: d.Object.Ref().String(), Team: d.Object.Metadata.Owner, Limit: tail}
	if kind.Name == "Service" { // what happened to its releases and secrets too
		q.Subject, q.Service = "", name
	}
	d.Events, _, err = cl.Events(ctx, q)
	if problem.Is(err, problem.Forbidden) {
		return d, nil
	}
	if err == nil && d.Events == nil {
		d.Events = []client.Event{}
	}
	return d, err
}

func (c *Command) describe(d description) error {
	p, m := c.Paint(), d.Object.Metadata
	say := func(label, value string) {
		if value != "" {
			fmt.Fprintf(c.Out, "  %s %s\n", p.Dim(fmt.Sprintf("%-12s", label)), terminal.OneLine(value))
		}
	}
	fmt.Fprintln(c.Out, p.Bold(d.Object.Ref().String()))
	say("title", m.Title)
	say("description", m.Description)
	say("owner", m.Owner)
	var labels []string
	for _, k := range slices.Sorted(maps.Keys(m.Labels)) {
		labels = append(labels, k+"="+m.Labels[k])
	}
	say("labels", strings.Join(labels, " "))
	if m.Created != nil {
		say("created", m.Created.Local().Format(time.DateTime))
	}
	if m.Deleted != nil {
		say("deleted", fmt.Sprintf("%s; waiting for %s", m.Deleted.Local().Format(time.DateTime), strings.Join(m.Finalizers, ", ")))
	}
	detected, err := output.TakeDetected(&d.Object)
	if err != nil {
		return err
	}
	if err := c.section("spec", d.Object.Spec); err != nil {
		return err
	}
	if len(detected) > 0 {
		fmt.Fprintf(c.Out, "\n%s\n", p.Bold("detected"))
		if err := c.Table(output.Settings(detected)); err != nil {
			return err
		}
	}
	if d.Live != nil {
		if err := c.environments(*d.Live); err != nil {
			return err
		}
	} else if err := c.section("status", d.Object.Status); err != nil {
		return err
	}
	if d.Events == nil {
		fmt.Fprintf(c.Out, "\n%s\n  not shown: reading the ledger takes membership of the owning team\n", p.Bold("events"))
	} else if len(d.Events) > 0 {
		fmt.Fprintf(c.Out, "\n%s\n", p.Bold("events"))
		if err := c.eventTable(d.Events, time.DateTime); err != nil {
			return err
		}
	}
	fmt.Fprintf(c.Out, "\n%s\n", p.Bold("history"))
	return c.Table(past.VersionTable(d.History))
}

// section prints a part of an object as YAML under its name.
func (c *Command) section(name string, raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "{}" {
		return nil
	}
	text, err := output.BriefYAML(raw)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Out, "\n%s\n", c.Paint().Bold(name))
	for line := range strings.Lines(text) {
		fmt.Fprintln(c.Out, "  "+terminal.OneLine(strings.TrimRight(line, "\n")))
	}
	return nil
}

// environments prints how a service runs in each environment, instance by instance.
func (c *Command) environments(s client.Status) error {
	p := c.Paint()
	for _, env := range slices.Sorted(maps.Keys(s.Environments)) {
		at := s.Environments[env]
		fmt.Fprintf(c.Out, "\n%s  %s", p.Bold(s.Service+" in "+env), p.State(at.State))
		if at.State == client.StateUnreleased {
			fmt.Fprintln(c.Out)
			output.OnTheWay(c.Out, at.OnTheWay)
			continue
		}
		if at.Failed != "" { // nothing has ever served here
			fmt.Fprintf(c.Out, "  release %s\n  %s\n", at.Failed, p.Bad(terminal.OneLine(at.Message)))
			fmt.Fprintf(c.Out, "  %s stoa logs %s --release %s    shows what it printed\n", p.Dim("next  "), s.Service, at.Failed)
			fmt.Fprintf(c.Out, "  %s stoa describe release %s    tells of each step\n", p.Dim("      "), at.Failed)
			output.OnTheWay(c.Out, at.OnTheWay)
			continue
		}
		if at.State != client.StateStopped {
			fmt.Fprintf(c.Out, "  %s", output.HowFar(at))
		}
		fmt.Fprintln(c.Out)
		if why := cmp.Or(at.Message, at.Shortfall); why != "" {
			fmt.Fprintln(c.Out, "  "+p.Bad(terminal.OneLine(why)))
		}
		fmt.Fprintf(c.Out, "  %s", at.Release)
		if at.URL != "" && at.State != client.StateStopped {
			fmt.Fprintf(c.Out, "  %s", at.URL)
		}
		fmt.Fprintln(c.Out)
		if m := at.Missed; m != nil {
			fmt.Fprintf(c.Out, "  %s %s\n", p.Bad(fmt.Sprintf("%s failed %s ago:", m.Release, output.Ago(m.At, time.Now()))), terminal.OneLine(m.Message))
			fmt.Fprintf(c.Out, "  %s stoa describe release %s    tells of each step\n", p.Dim("next  "), m.Release)
		}
		output.OnTheWay(c.Out, at.OnTheWay)
		if len(at.Instances) == 0 {
			continue
		}
		if err := c.Table(output.Instances(at.Instances, time.Now())); err != nil {
			return err
		}
	}
	return nil
}
