package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (c *Command) logsCommand() *cobra.Command {
	var q client.LogQuery
	var since string
	var build bool
	cmd := &cobra.Command{
		Use:   "logs SERVICE",
		Short: "What a service prints",
		Example: "  stoa logs shop --follow\n  stoa logs shop --since 1h --grep 'error|panic'\n" +
			"  stoa logs shop --release shop-7 -o json\n  stoa logs shop --build",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.complete(askOf("services")),
		RunE: func(cmd *cobra.Command, args []string) error {
			if q.Tail < 0 {
				return usage("--tail %d: how many lines, 0 for all", q.Tail)
			}
			var err error
			if since != "" {
				if q.Since, err = parseSince(since, time.Now()); err != nil {
					return err
				}
				if !cmd.Flags().Changed("tail") {
					q.Tail = 0 // all since then, unless only the newest of them were asked for
				}
			}
			if q.Grep != "" {
				if _, err := regexp.Compile(q.Grep); err != nil {
					return usage("--grep: %v", err)
				}
			}
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			if q.Release == "" && q.Instance == "" { // they are in one environment, which the platform knows
				if q.Environment, err = c.environment(cmd.Context(), cl, args[0], q.Environment, "--env"); err != nil {
					return err
				}
			}
			if build {
				return c.buildOutput(cmd.Context(), cl, args[0], q)
			}
			lines := 0
			err = cl.Logs(cmd.Context(), args[0], q, func(e client.LogEntry) error { lines++; return c.logLine(e, false) })
			if cmd.Context().Err() != nil {
				return nil
			}
			if err == nil && lines == 0 {
				c.Note("no line of %s is kept that fits; --tail 0 and --since look further back, and what prints nothing has none", args[0])
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&q.Follow, "follow", "f", false, "go on until Ctrl-C")
	flags.StringVar(&since, "since", "", "lines since a duration ago (1h, 3d) or a time (RFC 3339)")
	flags.StringVar(&q.Grep, "grep", "", "only lines that match the regular expression")
	flags.StringVar(&q.Release, "release", "", "only lines of this release")
	flags.StringVar(&q.Instance, "instance", "", "only lines of this instance")
	flags.BoolVar(&build, "build", false, "what the commands printed that built the release that serves, or --release")
	flags.IntVarP(&q.Tail, "tail", "n", 200, "only the newest so many lines, 0 for all; with --since all unless given")
	c.envFlag(cmd, &q.Environment)
	c.completeFlag(cmd, "release", askOf("releases"))
	return cmd
}

// buildOutput prints what built the release that a query names, or that serves.
func (c *Command) buildOutput(ctx context.Context, cl *client.Client, service string, q client.LogQuery) error {
	if q.Release == "" {
		s, err := cl.ServiceStatus(ctx, service)
		if err != nil {
			return err
		}
		if q.Release = s.Environments[q.Environment].Release; q.Release == "" {
			return problem.New(problem.NotFound, "nothing serves %s in %s", service, q.Environment).Do("stoa logs " + service + " --build --release NAME")
		}
	}
	return cl.BuildOutput(ctx, q.Release, c.Out)
}

// logLine prints one line; with JSON one object a line.
func (c *Command) logLine(e client.LogEntry, several bool) error {
	if c.JSON() {
		return json.NewEncoder(c.Out).Encode(e)
	}
	p := c.Paint()
	prefix := p.Dim(output.Clock(e.Time, time.Now()))
	if several {
		prefix += " " + p.Bold(e.Service)
	}
	if e.Process != "" {
		prefix += " " + p.Bold(e.Process)
	}
	if e.Stream == "stoa" {
		prefix += " " + p.Warn("stoa:")
	}
	text := e.Line
	if terminal.Is(c.Out) { // anyone who sends a request may have written it
		text = terminal.Coloured(text)
	}
	_, err := fmt.Fprintf(c.Out, "%s %s\n", prefix, text)
	return err
}

// parseSince reads "90s", "1h", "3d" before now, or a time.
func parseSince(s string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	unit := time.Duration(1)
	text := s
	if n := len(s); n > 1 && s[n-1] == 'd' {
		unit, text = 24, s[:n-1]+"h"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return time.Time{}, usage("--since %q: write 15m, 1h, 3d or a time such as 2026-01-31T12:00:00Z", s)
	}
	return now.Add(-d * unit), nil
}
