package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/catalog/backstage"
	"github.com/stoa-platform/stoa/internal/cli/manifest"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (c *Command) importCommand() *cobra.Command {
	return group("import", "Take over what another catalog holds", c.importBackstageCommand())
}

// importOptions are the flags of an import.
type importOptions struct {
	reason       string
	dryRun, keep bool
}

func (c *Command) importBackstageCommand() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "backstage PATH...",
		Short: "Take over the catalog-info.yaml of files and folders, all of it or nothing",
		Long: "Take over the catalog-info.yaml of files and folders, all of it or nothing. What Stoa has no place for is kept\n" +
			"and given back by `stoa export backstage`. Importing again changes what the catalog has changed since; what people\n" +
			"have set on the platform stays, and no object is deleted. Locations are followed within the folder; no address is fetched.",
		Example: "  stoa import backstage .\n  stoa import backstage ./catalog ./org/all.yaml --dry-run",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.importBackstage(cmd.Context(), args, o)
		},
	}
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, kept in the history of events")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "go through every step and change nothing")
	cmd.Flags().BoolVar(&o.keep, "prune-nothing", false, "keep members, labels and other values that the catalog no longer has")
	return cmd
}

// importResult is what `stoa import backstage -o json` prints.
type importResult struct {
	// Read counts the entities that were read, by kind.
	Read  map[string]int   `json:"read"`
	Notes []backstage.Note `json:"notes"`
	appliedResult
}

func (c *Command) importBackstage(ctx context.Context, paths []string, o importOptions) error {
	progress := c.Live()
	defer progress.Close()
	read, err := backstage.Read(ctx, paths, func(files int) { progress.Bar("reading", int64(files), 0, files64) })
	if err != nil {
		return err
	}
	out := importResult{Read: map[string]int{}}
	for _, e := range read.Entities {
		out.Read[e.Kind]++
	}
	cl, err := c.connect(ctx)
	if err != nil {
		return err
	}
	platform, err := objects(ctx, cl, backstage.Kinds(), func(n int) { progress.Bar("comparing", int64(n), 0, objects64) })
	if err != nil {
		return err
	}
	wanted, notes, err := backstage.Merge(platform, read, o.keep)
	if err != nil {
		return err
	}
	if wanted, notes, err = permitted(ctx, cl, wanted, notes); err != nil {
		return err
	}
	out.Notes = append([]backstage.Note{}, notes...)
	progress.Close()
	if len(wanted) == 0 {
		return problem.New(problem.NotFound, "there is no entity in %s", strings.Join(paths, ", ")).Because(noteLines(notes, shownNotes)...)
	}
	docs, err := documentsOf(wanted)
	if err != nil {
		return err
	}
	result, err := c.apply(ctx, docs, o.reason, o.dryRun)
	if err != nil {
		return err
	}
	for i := range result.Items { // its own text is long, and says no more than what was made of it
		result.Items[i].Changes = slices.DeleteFunc(result.Items[i].Changes, func(ch client.Change) bool {
			return strings.Contains(ch.Path, strconv.Quote(backstage.AnnotationEntity))
		})
	}
	if c.Structured() {
		out.appliedResult = appliedOf(result)
		return c.Print(out)
	}
	if c.Format != "name" {
		var counts []string
		for _, kind := range slices.Sorted(maps.Keys(out.Read)) {
			counts = append(counts, fmt.Sprintf("%d %s", out.Read[kind], kind))
		}
		fmt.Fprintf(c.Out, "  %-12s %s: %s\n", "read", output.Count(len(read.Paths), "file"), strings.Join(counts, ", "))
		for _, line := range noteLines(notes, shownNotes) {
			fmt.Fprintln(c.Out, "  "+line)
		}
	}
	return c.applied(result)
}

func files64(n int64) string   { return output.Count(n, "file") }
func objects64(n int64) string { return output.Count(n, "object") }

// shownNotes is how many notes of a sort a person is told one by one.
const shownNotes = 20

// noteLines writes notes, those of a sort together.
func noteLines(notes []backstage.Note, most int) []string {
	var lines []string
	told := map[string]int{}
	for _, n := range slices.SortedStableFunc(slices.Values(notes), func(a, b backstage.Note) int { return strings.Compare(a.What, b.What) }) {
		if told[n.What]++; told[n.What] > most {
			continue
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%-12s %s   %s", n.What, n.Text, n.Source), " "))
	}
	for _, what := range slices.Sorted(maps.Keys(told)) {
		if more := told[what] - most; more > 0 {
			lines = append(lines, fmt.Sprintf("%-12s … and %d more, in -o json", what, more))
		}
	}
	return lines
}

// permitted leaves out what would change of other teams' objects because of
// what the imported ones say of them, for who may not change those.
func permitted(ctx context.Context, cl *client.Client, wanted []backstage.Wanted, notes []backstage.Note) ([]backstage.Wanted, []backstage.Note, error) {
	who, err := cl.WhoAmI(ctx)
	if err != nil {
		return nil, nil, err
	}
	principal, scopes := convert[auth.Principal](who), map[string]object.Kind{}
	for _, k := range catalog.Kinds() {
		scopes[k.Name] = k
	}
	var may []backstage.Wanted
	for _, w := range wanted {
		if w.Entity == nil && w.Object.Metadata.UID != "" {
			if auth.Allowed(principal, auth.Update, scopes[w.Object.Kind], w.Object.Metadata.Owner).Err() != nil {
				notes = append(notes, backstage.Note{What: "not changed", Text: w.Object.Ref().String() + " of team " + w.Object.Metadata.Owner + " is not yours to change", Source: w.File})
				continue
			}
		}
		may = append(may, w)
	}
	return may, notes, nil
}

// documentsOf writes objects as the text of an apply, which knows from which
// line of which file each field comes.
func documentsOf(wanted []backstage.Wanted) (*manifest.Documents, error) {
	d := &manifest.Documents{}
	for _, w := range wanted {
		raw, err := json.Marshal(w.Object)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", w.Object.Ref(), err)
		}
		if err := d.Add(w.File, bytes.NewReader(raw), w.Line); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// objects lists every object of kinds.
func objects(ctx context.Context, cl *client.Client, plurals []string, told func(int)) ([]object.Object, error) {
	var all []object.Object
	for _, plural := range plurals {
		for raw, err := range cl.All(ctx, plural) {
			if err != nil {
				return nil, err
			}
			var o object.Object
			if err := json.Unmarshal(raw, &o); err != nil {
				return nil, fmt.Errorf("decode answer: %w", err)
			}
			all = append(all, o)
			told(len(all))
		}
	}
	return all, nil
}
