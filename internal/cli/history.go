package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/past"
	"github.com/stoa-platform/stoa/internal/cli/ranged"
	"github.com/stoa-platform/stoa/internal/object"
)

type historyOptions struct {
	diff  bool
	limit int
}

func (c *Command) historyCommand() *cobra.Command {
	var o historyOptions
	cmd := &cobra.Command{
		Use:               "history SERVICE | KIND NAME",
		Short:             "Who changed what, and when; of a service its releases too",
		Example:           "  stoa history shop\n  stoa history team payments --diff\n  stoa history policy no-node-16 -o json",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: c.complete(askOf("services")),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 1 && !strings.Contains(args[0], "/") {
				args = []string{"service", args[0]}
			}
			kind, name, err := reference(cmd.Context(), cl, args)
			if err != nil {
				return err
			}
			return c.history(cmd.Context(), cl, kind, name, o)
		},
	}
	cmd.Flags().BoolVar(&o.diff, "diff", false, "show each change as a diff")
	ranged.Var(cmd.Flags(), &o.limit, "limit", 20, 500, "at most so many versions and releases, up to 500")
	return cmd
}

type historyResult struct {
	Items    []past.Version `json:"items"`
	Next     string         `json:"next"`
	Releases []past.Release `json:"releases,omitempty"`
}

func (c *Command) history(ctx context.Context, cl *client.Client, kind client.Kind, name string, o historyOptions) error {
	all, next, err := past.Versions(ctx, cl, kind, name, o.limit)
	if err != nil {
		return err
	}
	out := historyResult{Items: all, Next: next}
	if kind.Name == "Service" {
		if out.Releases, err = past.Releases(ctx, cl, name, o.limit); err != nil {
			return err
		}
	}
	if c.Structured() {
		return c.Print(out)
	}
	if len(out.Releases) > 0 {
		if err := c.Table(past.ReleaseTable(out.Releases)); err != nil {
			return err
		}
		fmt.Fprintln(c.Out)
	}
	if o.diff {
		ref := object.Ref{Kind: kind.Name, Name: name}.String()
		for _, r := range all {
			if len(r.Changes) == 0 {
				continue
			}
			fmt.Fprintf(c.Out, "%s by %s\n", r.At.Local().Format(time.DateTime), r.Actor)
			fmt.Fprint(c.Out, output.Diff(ref, fmt.Sprintf("version %d", r.Version-1), fmt.Sprintf("version %d", r.Version), r.Changes, c.Paint()))
		}
	} else if err := c.Table(past.VersionTable(out.Items)); err != nil {
		return err
	}
	if next != "" {
		c.Note("older versions are left out: --limit")
	}
	return nil
}
