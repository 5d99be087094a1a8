package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/problem"
)

// watchEvery is the time between two looks of --watch.
const watchEvery = 2 * time.Second

func (c *Command) statusCommand() *cobra.Command {
	var watch bool
	var env string
	cmd := &cobra.Command{
		Use:               "status [SERVICE]",
		Short:             "How the platform and its services are, or how one service runs",
		Example:           "  stoa status\n  stoa status shop\n  stoa status shop --watch\n  stoa status --env production",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.complete(askOf("services")),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			look := func(ctx context.Context) error { return c.platformStatus(ctx, cl, env) }
			if len(args) > 0 {
				look = func(ctx context.Context) error { return c.serviceStatus(ctx, cl, args[0], env) }
			}
			if !watch {
				return look(cmd.Context())
			}
			return c.watch(cmd.Context(), look)
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "look again every two seconds, until Ctrl-C")
	cmd.Flags().StringVar(&env, "env", "", "only this environment (default: all)")
	c.completeFlag(cmd, "env", askOf("environments"))
	return cmd
}

// watch shows what a look prints anew whenever it changes: in place on a
// terminal, else one after another.
func (c *Command) watch(ctx context.Context, look func(context.Context) error) error {
	out, last, drawn := c.Out, "", 0
	inPlace := terminal.Is(c.Out) && !c.Structured()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		var b bytes.Buffer
		c.Out = &b
		err := look(ctx)
		c.Out = out
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		shown := b.String()
		if inPlace { // a line that wraps would take two
			lines := strings.SplitAfter(shown, "\n")
			for i, line := range lines {
				if strings.HasSuffix(line, "\n") {
					lines[i] = ansi.Truncate(strings.TrimSuffix(line, "\n"), c.Width()-1, "…") + "\n"
				}
			}
			shown = strings.Join(lines, "")
		}
		if shown != last {
			if inPlace && drawn > 0 {
				fmt.Fprintf(out, "\x1b[%dA\r\x1b[J", drawn)
			}
			fmt.Fprint(out, shown)
			last, drawn = shown, strings.Count(shown, "\n")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// platformResult is what `stoa status -o json` prints.
type platformResult struct {
	Server   string         `json:"server"`
	Version  string         `json:"version"`
	Services int            `json:"services"`
	States   map[string]int `json:"states"` // deployments by state
	// Unwell lists the deployments that should run and do not.
	Unwell []unwell `json:"unwell"`
}

type unwell struct {
	Service     string    `json:"service"`
	Owner       string    `json:"owner"`
	Environment string    `json:"environment"`
	State       string    `json:"state"`
	Message     string    `json:"message,omitempty"`
	Since       time.Time `json:"since,omitzero"`
}

func (c *Command) platformStatus(ctx context.Context, cl *client.Client, only string) error {
	if only != "" {
		if _, err := cl.Get(ctx, "environments", only); err != nil {
			return err
		}
	}
	out := platformResult{Server: cl.Server(), States: map[string]int{}, Unwell: []unwell{}}
	var err error
	if out.Version, err = cl.Version(ctx); err != nil {
		return err
	}
	for raw, err := range cl.All(ctx, "services") {
		if err != nil {
			return err
		}
		var s client.Service
		if err := json.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("decode answer: %w", err)
		}
		out.add(s, only)
	}
	if c.Structured() {
		return c.Print(out)
	}
	fmt.Fprintf(c.Out, "  %-10s %s  version %s\n", "platform", out.Server, out.Version)
	var parts []string
	for _, state := range slices.Sorted(maps.Keys(out.States)) {
		parts = append(parts, fmt.Sprintf("%d %s", out.States[state], state))
	}
	fmt.Fprintf(c.Out, "  %-10s %d", "services", out.Services)
	if len(parts) > 0 {
		fmt.Fprintf(c.Out, ": %s", strings.Join(parts, ", "))
	}
	fmt.Fprintln(c.Out)
	if len(out.Unwell) == 0 {
		return nil
	}
	fmt.Fprintln(c.Out)
	rows := make([][]string, len(out.Unwell))
	for i, u := range out.Unwell {
		rows[i] = []string{u.Service, u.Owner, u.Environment, u.State, output.Ago(u.Since, time.Now()), u.Message}
	}
	return c.Table([]string{"SERVICE", "OWNER", "ENVIRONMENT", "STATE", "SINCE", "WHY"}, rows)
}

// add counts a service with its deployments, or with that in the only
// environment that is asked about, where it is in that one.
func (r *platformResult) add(s client.Service, only string) {
	if _, there := s.Status.Environments[only]; only == "" || there {
		r.Services++
	}
	for _, env := range slices.Sorted(maps.Keys(s.Status.Environments)) {
		if only != "" && env != only {
			continue
		}
		d := s.Status.Environments[env]
		r.States[d.State]++
		if d.State != client.StateRunning && d.State != client.StateStopped {
			r.Unwell = append(r.Unwell, unwell{s.Metadata.Name, s.Metadata.Owner, env, d.State, d.Message, d.Since})
		}
	}
}

// serviceStatus tells how a service runs, in one environment or, for "", in all.
func (c *Command) serviceStatus(ctx context.Context, cl *client.Client, name, only string) error {
	s, err := cl.ServiceStatus(ctx, name)
	if err != nil {
		return err
	}
	if only != "" {
		at, there := s.Environments[only]
		if !there {
			return problem.New(problem.NotFound, "service %s is not in environment %s", name, only).Do("stoa status " + name)
		}
		s.Environments = map[string]client.EnvironmentStatus{only: at}
	}
	if c.Structured() {
		return c.Print(s)
	}
	fmt.Fprintf(c.Out, "  %-10s %s, owned by team %s\n", "service", s.Service, s.Owner)
	if len(s.Environments) == 0 {
		fmt.Fprintf(c.Out, "  %-10s %s: stoa up DIR --name %s\n", "state", catalog.StateElsewhere, s.Service)
	}
	return c.environments(s)
}
