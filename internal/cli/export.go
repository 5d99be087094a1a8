package cli

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/internal/catalog/backstage"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (c *Command) exportCommand() *cobra.Command {
	return group("export", "Write what the platform holds in the format of another catalog", c.exportBackstageCommand())
}

func (c *Command) exportBackstageCommand() *cobra.Command {
	var dir string
	var force bool
	cmd := &cobra.Command{
		Use:   "backstage",
		Short: "Write the catalog as catalog-info.yaml",
		Long: "Write teams, people, systems, services and APIs as catalog-info.yaml. What was imported is given back as it was\n" +
			"written, with what has changed on the platform since. Without --dir everything goes to standard output.",
		Example: "  stoa export backstage > catalog-info.yaml\n  stoa export backstage --dir ./catalog",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.exportBackstage(cmd.Context(), dir, force)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "write files below this folder: each entity where it came from, others in folders of their own")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite files that are there")
	return cmd
}

func (c *Command) exportBackstage(ctx context.Context, dir string, force bool) error {
	cl, err := c.connect(ctx)
	if err != nil {
		return err
	}
	progress := c.Live()
	defer progress.Close()
	platform, err := objects(ctx, cl, append(backstage.Kinds(), "environments"), func(n int) { progress.Bar("reading", int64(n), 0, objects64) })
	if err != nil {
		return err
	}
	docs, lost, err := backstage.Export(platform)
	if err != nil {
		return err
	}
	progress.Close()
	for _, ref := range lost {
		fmt.Fprintf(c.Err, "%s %s has lost the annotation %s, and cannot be exported\n", c.Paint().Warn("warning:"), ref, backstage.AnnotationEntity)
	}
	if dir != "" {
		return c.exportFiles(docs, dir, force)
	}
	switch c.Format {
	case "json":
		items := []any{}
		for _, doc := range docs {
			item, err := backstage.Values(doc.Text)
			if err != nil {
				return fmt.Errorf("encode %s: %w", doc.Ref, err)
			}
			items = append(items, item)
		}
		return c.Print(map[string]any{"items": items})
	case "name":
		for _, doc := range docs {
			fmt.Fprintln(c.Out, doc.Ref)
		}
	default:
		_, err = fmt.Fprint(c.Out, joined(docs))
	}
	return err
}

// joined writes documents one after another.
func joined(docs []backstage.Document) string {
	var out strings.Builder
	for i, doc := range docs {
		if i > 0 {
			out.WriteString("---\n")
		}
		out.WriteString(doc.Text)
	}
	return out.String()
}

// exportFiles writes each document to its file below dir: all of them, or none
// when one is there already.
func (c *Command) exportFiles(docs []backstage.Document, dir string, force bool) error {
	files := map[string][]backstage.Document{}
	for _, doc := range docs {
		files[doc.File] = append(files[doc.File], doc)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	defer func() { _ = root.Close() }()
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if _, err := root.Lstat(filepath.FromSlash(name)); err == nil && !force {
			return problem.New(problem.Conflict, "%s is there already; nothing was written", filepath.Join(dir, filepath.FromSlash(name))).
				Do("stoa export backstage --dir OTHER", "stoa export backstage --dir "+dir+" --force    overwrites it")
		}
	}
	for _, name := range names {
		local := filepath.FromSlash(name)
		if err := root.MkdirAll(filepath.Dir(local), 0o755); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		if err := root.WriteFile(local, []byte(joined(files[name])), fs.FileMode(0o644)); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	if c.Structured() {
		return c.Print(map[string]any{"dir": dir, "files": names, "entities": len(docs)})
	}
	fmt.Fprintf(c.Out, "%s in %s below %s\n", entities(len(docs)), output.Count(len(names), "file"), dir)
	return nil
}

func entities(n int) string {
	if n == 1 {
		return "1 entity"
	}
	return fmt.Sprintf("%d entities", n)
}
