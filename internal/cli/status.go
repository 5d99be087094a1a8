package cli

import (
	"bytes"
	"context"
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
	Server  string `json:"server"`
	Version string `json:"version"`
	client.Survey
}

func (c *Command) platformStatus(ctx context.Context, cl *client.Client, env string) error {
	out := platformResult{Server: cl.Server()}
	var err error
	if out.Version, err = cl.Version(ctx); err != nil {
		return err
	}
	if out.Survey, err = cl.Status(ctx, env); err != nil {
		return err
	}
	if c.Structured() {
		return c.Print(out)
	}
	fmt.Fprintf(c.Out, "  %-10s %s  version %s\n", "platform", out.Server, out.Version)
	fmt.Fprintf(c.Out, "  %-10s %d", "services", out.Services)
	if states := statesText(out.States); states != "" { // a service has a state in each environment
		where := ", in their environments"
		if env != "" {
			where = " in " + env
		}
		fmt.Fprintf(c.Out, "%s: %s", where, states)
	}
	fmt.Fprintln(c.Out)
	for _, why := range out.Summaries {
		fmt.Fprintf(c.Out, "  %-10s %s\n", "numbers", why)
	}
	if len(out.Unwell) == 0 {
		return nil
	}
	fmt.Fprintln(c.Out)
	rows := make([][]string, len(out.Unwell))
	for i, u := range out.Unwell {
		rows[i] = []string{u.Service, u.Owner, u.Environment, u.State, output.Ago(u.Since, time.Now()), u.Why}
	}
	if err := c.Table([]string{"SERVICE", "OWNER", "ENVIRONMENT", "STATE", "SINCE", "WHY"}, rows); err != nil {
		return err
	}
	if unwell := out.States[client.StateDegraded] + out.States[client.StateFailed]; unwell > len(out.Unwell) {
		c.Note("the first %d of %d; --env narrows them", len(out.Unwell), unwell)
	}
	if rest := statesText(out.States, client.StateDegraded, client.StateFailed); rest != "" {
		fmt.Fprintf(c.Out, "\n  %-10s %s; all of them: stoa get services\n", "not listed", rest) // not a note, which --watch would repeat
	}
	return nil
}

// statesText counts deployments by state, but for those that are left out.
func statesText(states map[string]int, but ...string) string {
	var parts []string
	for _, state := range slices.Sorted(maps.Keys(states)) {
		if !slices.Contains(but, state) {
			parts = append(parts, fmt.Sprintf("%d %s", states[state], state))
		}
	}
	return strings.Join(parts, ", ")
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
			return catalog.NotIn(name, only, slices.Collect(maps.Keys(s.Environments)))
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
