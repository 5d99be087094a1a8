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

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

type deleteOptions struct {
	files          []string
	reason         string
	dryRun, detach bool
}

func (c *Command) deleteCommand() *cobra.Command {
	var o deleteOptions
	cmd := &cobra.Command{
		Use:   "delete KIND NAME | -f FILE",
		Short: "Delete objects; what runs of them is stopped first",
		Long: "Delete objects; what runs of them is stopped first, and the command waits for it. What was, stays in the\n" +
			"history and the ledger.",
		Example:           "  stoa delete service shop\n  stoa delete -f old.yaml --dry-run\n  stoa delete team payments --reason \"merged into checkout\"",
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: c.complete(askKinds, askNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 0) == (len(o.files) == 0) {
				return usage("say what to delete: KIND NAME, or -f FILE")
			}
			return c.delete(cmd.Context(), args, o)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&o.files, "filename", "f", nil, "file or folder that declares what to delete, - for standard input; may be repeated")
	flags.StringVar(&o.reason, "reason", "", "why, kept in the history of events")
	flags.BoolVar(&o.dryRun, "dry-run", false, "say what would be deleted and delete nothing")
	flags.BoolVarP(&o.detach, "detach", "d", false, "do not wait until all of it has stopped")
	return cmd
}

// doomed is one object to delete.
type doomed struct {
	kind client.Kind
	name string
}

func (c *Command) delete(ctx context.Context, args []string, o deleteOptions) error {
	cl, err := c.connect(ctx)
	if err != nil {
		return err
	}
	all, err := c.doomed(ctx, cl, args, o.files)
	if err != nil {
		return err
	}
	result := appliedResult{Items: []appliedItem{}, Gates: []client.Verdict{}, DryRun: o.dryRun}
	for _, d := range all {
		item, err := c.deleteOne(ctx, cl, d, o)
		if err != nil {
			return err
		}
		result.Items = append(result.Items, item)
	}
	if c.Structured() {
		return c.Print(result)
	}
	return nil
}

// doomed lists what to delete, in the reverse order of its declaration: what
// refers to something goes before it.
func (c *Command) doomed(ctx context.Context, cl *client.Client, args, files []string) ([]doomed, error) {
	if len(args) > 0 {
		kind, name, err := reference(ctx, cl, args)
		if err == nil && name == "" {
			err = usage("which of the %s? stoa delete %s NAME", kind.Plural, args[0])
		}
		return []doomed{{kind, name}}, err
	}
	docs, err := c.manifests(files)
	if err != nil {
		return nil, err
	}
	parsed, err := object.Decode(bytes.NewReader(docs.Text()), docs.Source())
	if err != nil {
		return nil, docs.Locate(err)
	}
	kinds := map[string]client.Kind{}
	var all []doomed
	for _, p := range slices.Backward(parsed) {
		kind, known := kinds[p.Kind]
		if !known {
			if kind, err = cl.Kind(ctx, p.Kind); err != nil {
				return nil, err
			}
			kinds[p.Kind] = kind
		}
		all = append(all, doomed{kind, p.Metadata.Name})
	}
	return all, nil
}

// deletionTime bounds the wait for what runs to stop.
const deletionTime = 2 * time.Minute

func (c *Command) deleteOne(ctx context.Context, cl *client.Client, d doomed, o deleteOptions) (appliedItem, error) {
	ref := object.Ref{Kind: d.kind.Name, Name: d.name}.String()
	item := appliedItem{Kind: d.kind.Name, Name: d.name, Outcome: "deleted"}
	stops := runningIn(ctx, cl, d)
	if _, err := cl.Delete(ctx, d.kind.Plural, d.name, o.reason, o.dryRun); err != nil {
		return item, err
	}
	if stops != "" {
		verb := "stops"
		if o.dryRun {
			verb = "would stop"
		}
		c.Note("this %s service %s in %s; its releases and history stay, its logs and secrets do not", verb, d.name, stops)
	}
	if o.dryRun {
		if !c.Structured() {
			fmt.Fprintf(c.Out, "%s would be deleted\n", ref)
		}
		return item, nil
	}
	if !o.detach {
		if err := c.gone(ctx, cl, d); err != nil {
			return item, err
		}
	}
	if c.Format == "name" {
		fmt.Fprintln(c.Out, ref)
	} else if !c.Structured() {
		fmt.Fprintf(c.Out, "%s deleted\n", ref)
	}
	return item, nil
}

// runningIn lists where a service runs, "" for nowhere and what else is deleted.
func runningIn(ctx context.Context, cl *client.Client, d doomed) string {
	if d.kind.Name != "Service" {
		return ""
	}
	s, err := cl.Service(ctx, d.name)
	if err != nil {
		return "" // the deletion itself tells what is wrong
	}
	var running []string
	for _, env := range slices.Sorted(maps.Keys(s.Status.Environments)) {
		if at := s.Status.Environments[env]; at.Release != "" && at.State != client.StateStopped {
			running = append(running, env)
		}
	}
	return strings.Join(running, ", ")
}

// gone waits until an object is no more.
func (c *Command) gone(ctx context.Context, cl *client.Client, d doomed) error {
	progress := c.Live()
	defer progress.Close()
	limit := time.Now().Add(deletionTime)
	for {
		raw, err := cl.Get(ctx, d.kind.Plural, d.name)
		if problem.Is(err, problem.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		var o object.Object
		if err := json.Unmarshal(raw, &o); err != nil {
			return fmt.Errorf("decode answer: %w", err)
		}
		if o.Metadata.Deleted == nil {
			return nil // made anew in the meantime
		}
		progress.Say("waiting for %s to clean up", strings.Join(o.Metadata.Finalizers, ", "))
		if time.Now().After(limit) {
			return problem.New(problem.Failed, "%s is marked as deleted, but %s has not cleaned up after %s", o.Ref(), strings.Join(o.Metadata.Finalizers, ", "), deletionTime).
				Do("stoa describe " + strings.ToLower(o.Kind) + " " + d.name)
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// pause waits a moment between two looks at something that changes.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}
