package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/cli/manifest"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
)

func (c *Command) applyCommand() *cobra.Command {
	var files []string
	var reason string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Create or update what files declare, all of it or nothing",
		Long: "Create or update what files declare, all of it or nothing. The platform validates every document before it\n" +
			"changes any; what differs is shown. A folder stands for all YAML and JSON below it.",
		Example: "  stoa apply -f shop.yaml\n  stoa apply -f ./catalog -f teams.json --dry-run\n  generate | stoa apply -f - --reason \"import of the old catalog\"",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			docs, err := c.manifests(files)
			if err != nil {
				return err
			}
			result, err := c.apply(cmd.Context(), docs, reason, dryRun)
			if err != nil {
				return err
			}
			return c.applied(result)
		},
	}
	cmd.Flags().StringArrayVarP(&files, "filename", "f", nil, "file or folder, - for standard input; may be repeated")
	cmd.Flags().StringVar(&reason, "reason", "", "why, kept in the history of events")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "go through every step and change nothing")
	return cmd
}

func (c *Command) apply(ctx context.Context, docs *manifest.Documents, reason string, dryRun bool) (client.Applied, error) {
	cl, err := c.connect(ctx)
	if err != nil {
		return client.Applied{}, err
	}
	progress := c.Live()
	defer progress.Close()
	size := int64(len(docs.Text()))
	var body io.Reader = bytes.NewReader(docs.Text())
	body = io.TeeReader(body, &terminal.Counting{To: io.Discard, Each: func(n int64) { progress.Bar("sending", n, size, catalog.FormatBytes) }})
	result, err := cl.Apply(ctx, body, docs.Source(), reason, dryRun)
	progress.Close()
	if err != nil {
		return result, docs.Locate(err)
	}
	return result, nil
}

// appliedItem is one object of `stoa apply -o json`.
type appliedItem struct {
	Kind    string          `json:"kind"`
	Name    string          `json:"name"`
	Outcome string          `json:"outcome"`
	Changes []output.Change `json:"changes,omitempty"`
}

type appliedResult struct {
	Items  []appliedItem    `json:"items"`
	Gates  []client.Verdict `json:"gates"`
	DryRun bool             `json:"dryRun"`
}

// shownObjects is how many objects a terminal is told of one by one.
const shownObjects = 50

func appliedOf(result client.Applied) appliedResult {
	out := appliedResult{Items: []appliedItem{}, Gates: append([]client.Verdict{}, result.Verdicts...), DryRun: result.DryRun}
	for _, i := range result.Items {
		out.Items = append(out.Items, appliedItem{i.Kind, i.Name, i.Outcome, output.Changes(i.Changes)})
	}
	return out
}

// applied tells what became of each object, what differs, and the sum.
func (c *Command) applied(result client.Applied) error {
	if c.Structured() {
		return c.Print(appliedOf(result))
	}
	would, p := "", c.Paint()
	if result.DryRun {
		would = "would be "
	}
	counts := map[string]int{}
	told := 0
	for _, i := range result.Items {
		counts[i.Outcome]++
		ref := strings.ToLower(i.Kind) + "/" + i.Name
		if c.Format == "name" {
			fmt.Fprintln(c.Out, ref)
			continue
		}
		if i.Outcome == client.Unchanged || (terminal.Is(c.Out) && told == shownObjects) {
			continue
		}
		told++
		if len(i.Changes) > 0 {
			fmt.Fprint(c.Out, output.Diff(ref, "as it is", would+"applied", output.Changes(i.Changes), p))
		}
		fmt.Fprintf(c.Out, "%s %s%s\n", ref, would, i.Outcome)
	}
	if c.Format == "name" {
		return nil
	}
	if more := len(result.Items) - counts[client.Unchanged] - told; more > 0 {
		fmt.Fprintf(c.Out, "… and %d more\n", more)
	}
	for _, v := range result.Verdicts {
		if v.Outcome == client.Warn {
			fmt.Fprintf(c.Err, "%s %s\n", p.Warn("warning:"), v.Message)
		}
	}
	sum := fmt.Sprintf("%d created, %d updated, %d unchanged", counts[client.Created], counts[client.Updated], counts[client.Unchanged])
	if result.DryRun {
		sum += "; nothing was changed: this was a dry run"
	}
	fmt.Fprintln(c.Out, sum)
	return nil
}
