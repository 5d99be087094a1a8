package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/ranged"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
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

// version is one version of an object in `stoa history -o json`.
type version struct {
	Version int64           `json:"version"`
	Actor   string          `json:"actor"`
	At      time.Time       `json:"at"`
	Deleted bool            `json:"deleted,omitempty"`
	Changes []output.Change `json:"changes"`
	Object  *client.Object  `json:"object,omitempty"`
}

// released is one release in the history of a service.
type released struct {
	Release     string    `json:"release"`
	Environment string    `json:"environment"`
	Cause       string    `json:"cause"`
	Phase       string    `json:"phase"`
	Actor       string    `json:"actor,omitempty"` // absent when the ledger may not be read
	Reason      string    `json:"reason,omitempty"`
	Commit      string    `json:"commit,omitempty"`
	At          time.Time `json:"at,omitzero"`
}

type historyResult struct {
	Items    []version  `json:"items"`
	Next     string     `json:"next"`
	Releases []released `json:"releases,omitempty"`
}

func (c *Command) history(ctx context.Context, cl *client.Client, kind client.Kind, name string, o historyOptions) error {
	revisions, next, err := cl.History(ctx, kind.Plural, name, "", o.limit)
	if err != nil {
		return err
	}
	out := historyResult{Items: []version{}, Next: next}
	for _, r := range revisions {
		out.Items = append(out.Items, version{r.Version, r.Actor, r.At, r.Deleted, output.Changes(r.Changes), &r.Object})
	}
	if kind.Name == "Service" {
		if out.Releases, err = releases(ctx, cl, name, o.limit); err != nil {
			return err
		}
	}
	if c.Structured() {
		return c.Print(out)
	}
	if len(out.Releases) > 0 {
		if err := c.releaseTable(out.Releases); err != nil {
			return err
		}
		fmt.Fprintln(c.Out)
	}
	if o.diff {
		ref := object.Ref{Kind: kind.Name, Name: name}.String()
		for _, r := range revisions {
			if len(r.Changes) == 0 {
				continue
			}
			fmt.Fprintf(c.Out, "%s by %s\n", r.At.Local().Format(time.DateTime), r.Actor)
			fmt.Fprint(c.Out, output.Diff(ref, fmt.Sprintf("version %d", r.Version-1), fmt.Sprintf("version %d", r.Version), r.Changes, c.Paint()))
		}
	} else if err := c.versionTable(out.Items); err != nil {
		return err
	}
	if next != "" {
		c.Note("older versions are left out: --limit")
	}
	return nil
}

// versionTable shows what people changed; that a worker wrote what it saw is
// left to -o json.
func (c *Command) versionTable(items []version) error {
	var rows [][]string
	for _, v := range items {
		if what := v.what(); what != "" {
			rows = append(rows, []string{fmt.Sprint(v.Version), v.At.Local().Format(time.DateTime), v.Actor, what})
		}
	}
	return c.Table([]string{"VERSION", "WHEN", "WHO", "WHAT"}, rows)
}

// what says in a few words what a version changed, "" if only its status.
func (v version) what() string {
	const most = 4
	var paths []string
	for _, ch := range v.Changes {
		paths = append(paths, ch.Path)
	}
	switch {
	case v.Deleted:
		return "deleted"
	case v.Version == 1:
		return "created"
	case len(paths) > most:
		return strings.Join(paths[:most], ", ") + fmt.Sprintf(" and %d more", len(paths)-most)
	}
	return strings.Join(paths, ", ")
}

func (c *Command) releaseTable(items []released) error {
	rows := make([][]string, len(items))
	for i, r := range items {
		when := ""
		if !r.At.IsZero() {
			when = r.At.Local().Format(time.DateTime)
		}
		rows[i] = []string{r.Release, r.Environment, r.Cause, r.Phase, when, r.Actor, r.Commit[:min(12, len(r.Commit))], r.Reason}
	}
	return c.Table([]string{"RELEASE", "ENVIRONMENT", "CAUSE", "PHASE", "WHEN", "WHO", "COMMIT", "WHY"}, rows)
}

// releases lists a service's releases, newest first, with who made each and why.
func releases(ctx context.Context, cl *client.Client, service string, limit int) ([]released, error) {
	page, err := cl.List(ctx, "releases", client.Query{Fields: map[string]string{"spec.service": service}, Newest: true, Limit: limit})
	if err != nil {
		return nil, err
	}
	facts, _, err := cl.Events(ctx, client.EventQuery{Service: service, Types: []string{"dev.stoa.release.created"}, Limit: min(1000, 2*limit)})
	if err != nil && !problem.Is(err, problem.Forbidden) {
		return nil, err
	}
	who := map[string]client.Event{}
	for _, e := range facts {
		who[e.Subject] = e
	}
	all := make([]released, 0, len(page.Items))
	for _, raw := range page.Items {
		var rel client.Release
		if err := json.Unmarshal(raw, &rel); err != nil {
			return nil, fmt.Errorf("decode answer: %w", err)
		}
		e := who["release/"+rel.Metadata.Name]
		r := released{
			Release: rel.Metadata.Name, Environment: rel.Spec.Environment, Cause: rel.Spec.Cause, Phase: string(rel.Status.Phase),
			Commit: rel.Status.Commit, Actor: e.Actor, Reason: reasonOf(e),
		}
		if at := cmp.Or(rel.Status.Started, rel.Metadata.Created); at != nil {
			r.At = *at
		}
		all = append(all, r)
	}
	return all, nil
}

// reasonOf gives why, as the person who did it said.
func reasonOf(e client.Event) string {
	var fact struct {
		Reason string `json:"reason"`
	}
	_ = json.Unmarshal(e.Data, &fact) // an erased payload says nothing
	return fact.Reason
}
