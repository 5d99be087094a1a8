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
)

// watchEvery is the time between two looks of --watch.
const watchEvery = 2 * time.Second

func (c *Command) statusCommand() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:               "status [SERVICE]",
		Short:             "How the platform and its services are, or how one service runs",
		Example:           "  stoa status\n  stoa status shop\n  stoa status shop --watch",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.complete(askOf("services")),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			look := func(ctx context.Context) error { return c.platformStatus(ctx, cl) }
			if len(args) > 0 {
				look = func(ctx context.Context) error { return c.serviceStatus(ctx, cl, args[0]) }
			}
			if !watch {
				return look(cmd.Context())
			}
			return c.watch(cmd.Context(), look)
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "look again every two seconds, until Ctrl-C")
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

func (c *Command) platformStatus(ctx context.Context, cl *client.Client) error {
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
		out.add(s)
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

func (r *platformResult) add(s client.Service) {
	r.Services++
	for _, env := range slices.Sorted(maps.Keys(s.Status.Environments)) {
		d := s.Status.Environments[env]
		r.States[d.State]++
		if d.State != client.StateRunning && d.State != client.StateStopped {
			r.Unwell = append(r.Unwell, unwell{s.Metadata.Name, s.Metadata.Owner, env, d.State, d.Message, d.Since})
		}
	}
}

func (c *Command) serviceStatus(ctx context.Context, cl *client.Client, name string) error {
	s, err := cl.ServiceStatus(ctx, name)
	if err != nil {
		return err
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
