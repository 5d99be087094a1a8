package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/measure"
)

func (c *Command) journeysCommand() *cobra.Command {
	var o scopeOptions
	cmd := &cobra.Command{
		Use:   "journeys",
		Short: "What newcomers come to use, and where they stop, by persona",
		Long: "What newcomers come to use, and where they stop. The persona follows from what people do. Numbers of fewer than 5 people are not shown,\n" +
			"nor those from which such a number follows: where too few stopped after one step, it is told together with those beside it.",
		Example: "  stoa journeys --days 90\n  stoa journeys --segment data --days 365 -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			all, err := cl.Journeys(cmd.Context(), o.query())
			if err != nil {
				return err
			}
			if c.Structured() {
				return c.Print(map[string]any{"items": all})
			}
			var rows [][]string
			for _, j := range all {
				rows = append(rows, []string{j.Persona, fewOr(j.People) + " active", fewOr(j.Newcomers) + " new", "", "", fewOr(j.Left)})
				for _, s := range j.Stops {
					rows = append(rows, []string{"", "", s.Capability, measure.Ratio.Or(s.Share.Value, s.Share.Note), measure.Count.Or(s.Days.Value, s.Days.Note), ""})
				}
				for _, e := range j.Ends {
					after := strings.Join(e.After, ", ")
					if e.Others {
						after = strings.TrimPrefix(after+", others", ", ")
					}
					rows = append(rows, []string{"", "", "stopped after " + after, "", "", fmt.Sprint(e.People)})
				}
			}
			if len(rows) == 0 {
				c.Note("nobody used the platform in this time")
				return nil
			}
			return c.Table([]string{"PERSONA", "PEOPLE", "NEWCOMERS CAME TO", "SHARE", "MEDIAN DAYS", "STOPPED"}, rows)
		},
	}
	o.teamFlags(c, cmd)
	return cmd
}

// fewOr writes a number of people, or that it is too small to be shown.
func fewOr(n *int) string {
	if n == nil {
		return "too few to show"
	}
	return fmt.Sprint(*n)
}

func (c *Command) contrastsCommand() *cobra.Command {
	var o scopeOptions
	cmd := &cobra.Command{
		Use:   "contrasts",
		Short: "Delivery and tickets on the golden path and off it, matched by segment",
		Long: "Delivery and tickets on the golden path and off it, matched by segment: a correlation. Where it says \"may be chance\" nothing may be claimed.\n\n" +
			"A team's tickets count on the path in a month in which most of its deployments to production were on it. Cost waits for cost data.",
		Example: "  stoa contrasts --days 90\n  stoa contrasts --segment web -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			all, err := cl.Contrasts(cmd.Context(), o.query())
			if err != nil {
				return err
			}
			if c.Structured() {
				return c.Print(map[string]any{"items": all})
			}
			units := map[string]string{}
			known, err := cl.Measures(cmd.Context())
			if err != nil {
				return err
			}
			for _, m := range known {
				units[m.Name] = m.Unit
			}
			rows := make([][]string, len(all))
			for i, one := range all {
				unit := units[one.Measure]
				rows[i] = []string{one.Measure, output.Value(one.On.Value, unit), output.Value(one.Off.Value, unit), differenceText(one, unit), measure.Unit(unit).DifferenceBetween((*[2]*float64)(one.Interval)), strings.Join(one.Segments, ", ")}
			}
			for _, one := range all {
				if one.Note != "" && (one.On.Value != nil || one.Off.Value != nil) {
					c.Note("%s: %s", one.Measure, one.Note)
				}
			}
			return c.Table([]string{"MEASURE", "ON THE PATH", "OFF IT", "DIFFERENCE", "95 %", "SEGMENTS"}, rows)
		},
	}
	o.teamFlags(c, cmd)
	o.serviceFlag(c, cmd)
	return cmd
}

func differenceText(of client.Contrast, unit string) string {
	switch {
	case of.On.Value == nil && of.Off.Value == nil && of.Note != "":
		return of.Note
	case of.Difference == nil:
		return "no segment has both"
	}
	text := measure.Unit(unit).Difference(*of.Difference)
	if !of.Clear {
		text += " (may be chance)"
	}
	return text
}
