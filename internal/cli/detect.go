package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (c *Command) detectCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "detect [DIR]",
		Short:   "Tell what a folder of code is, with the evidence; needs no platform",
		Example: "  stoa detect ./shop\n  stoa detect . -o json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := folder(args)
			if err != nil {
				return err
			}
			origin, err := detect.ReadOrigin(cmd.Context(), dir)
			if err != nil {
				return err
			}
			result, err := detect.Detect(cmd.Context(), os.DirFS(dir), detect.Options{Name: filepath.Base(dir), Origin: origin})
			var told *detect.Error
			if errors.As(err, &told) {
				return problem.New(problem.Invalid, "%s", told.Error()).Because(told.Why...).Do(told.Next...)
			}
			if err != nil {
				return err
			}
			if c.Structured() {
				return c.Print(result)
			}
			cut := false
			for _, l := range result.Explain() {
				cut = cut || strings.HasSuffix(l.Text, "…")
				note := l.Source
				if l.Unconfirmed {
					note += "  (unconfirmed)"
				}
				fmt.Fprintf(c.Out, "  %-44s %s\n", l.Text, c.Paint().Dim(note))
			}
			for _, comp := range result.Components {
				for _, name := range comp.Secrets {
					fmt.Fprintf(c.Out, "  stoa secret set %s %s    after stoa up gives it the value\n", comp.Name, name)
				}
			}
			for _, q := range result.Questions {
				fmt.Fprintf(c.Out, "  ? %s\n", q.Text)
			}
			for _, u := range result.Unsupported {
				fmt.Fprintf(c.Out, "  %s: %s is recognised (%s), but not built yet\n", u.Dir, u.Language, u.Source)
			}
			if cut {
				c.Note("… stands for more of a long text: -o json shows the whole")
			}
			if teams := namedTeams(result); len(teams) > 0 {
				c.Note("no platform was asked whether there is a team %s: where there is none, stoa up by the platform team declares it, by others it goes to their own team", strings.Join(teams, ", "))
			}
			return nil
		},
	}
}

// namedTeams are the teams that the source names as owners.
func namedTeams(r detect.Result) []string {
	var teams []string
	for _, comp := range r.Components {
		s, found := comp.Setting("owner")
		if found && s.Confidence >= detect.Unconfirmed && !slices.Contains(teams, s.Value) {
			teams = append(teams, s.Value)
		}
	}
	return teams
}

// folder gives the absolute path of the folder that a command is about.
func folder(args []string) (string, error) {
	dir := "."
	if len(args) > 0 {
		dir = args[0]
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find folder: %w", err)
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", problem.New(problem.NotFound, "there is no folder %s", abs)
	case err != nil:
		return "", fmt.Errorf("look at folder: %w", err)
	case !info.IsDir():
		return "", problem.New(problem.Invalid, "%s is a file, not a folder of code", abs).Do("stoa up " + filepath.Dir(abs))
	}
	return abs, nil
}
