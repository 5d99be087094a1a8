package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/ranged"
	"github.com/stoa-platform/stoa/internal/measure"
)

// scopeOptions are the time and the cut of a measure, as flags.
type scopeOptions struct {
	from, to                                       string
	days                                           int
	team, segment, wave, service, capability, path string
}

func (o *scopeOptions) flags(c *Command, cmd *cobra.Command) {
	o.teamFlags(c, cmd)
	o.serviceFlag(c, cmd)
	cmd.Flags().StringVar(&o.capability, "capability", "", "only these capabilities")
	cmd.Flags().StringVar(&o.path, "path", "", "only what is on, or off, the golden path")
	_ = cmd.RegisterFlagCompletionFunc("path", cobra.FixedCompletions([]string{"on", "off"}, cobra.ShellCompDirectiveNoFileComp))
}

// teamFlags are those of what can be narrowed to teams only.
func (o *scopeOptions) teamFlags(c *Command, cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "first day, such as 2026-11-01")
	f.StringVar(&o.to, "to", "", "the day after the last (default tomorrow)")
	ranged.Var(f, &o.days, "days", 0, 0, "how many days, from the first or up to the end (default 30)")
	f.StringVar(&o.team, "team", "", "only these teams, separated by commas")
	f.StringVar(&o.segment, "segment", "", "only teams of these segments")
	f.StringVar(&o.wave, "wave", "", "only teams of these waves")
	c.completeFlag(cmd, "team", askOf("teams"))
}

func (o *scopeOptions) serviceFlag(c *Command, cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.service, "service", "", "only these services")
	c.completeFlag(cmd, "service", askOf("services"))
}

func (o *scopeOptions) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"from": o.from, "to": o.to, "team": o.team, "segment": o.segment, "wave": o.wave,
		"service": o.service, "capability": o.capability, "path": o.path,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if o.days != 0 {
		q.Set("days", strconv.Itoa(o.days))
	}
	return q
}

func (c *Command) scorecardCommand() *cobra.Command {
	var o scopeOptions
	cmd := &cobra.Command{
		Use:   "scorecard [NAME]",
		Short: "Is the platform a healthy product: measures against their targets",
		Long: "Measures against their targets, each with what it rests on. The scorecard named balanced comes with the platform;\n" +
			"declare an object of kind Scorecard with that name to change its rows and targets. Times are whole days in UTC and shown with their\n" +
			"last day; in JSON, as in --to, the end is the day after it.",
		Example: "  stoa scorecard\n  stoa scorecard --days 90\n  stoa scorecard --segment mobile -o json\n  stoa scorecard balanced --from 2026-10-01 --days 31",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return c.scorecard(cmd.Context(), cl, name, o.query())
		},
	}
	o.flags(c, cmd)
	return cmd
}

func (c *Command) scorecard(ctx context.Context, cl *client.Client, name string, q url.Values) error {
	card, err := cl.Scorecard(ctx, name, q)
	if err != nil {
		return err
	}
	if c.Structured() {
		return c.Print(card)
	}
	if c.Format == "name" {
		for _, r := range card.Rows {
			fmt.Fprintln(c.Out, r.Measure)
		}
		return nil
	}
	fmt.Fprintf(c.Out, "%s, %s\n\n", card.Title, measure.Span(card.From, card.To))
	rows := make([][]string, len(card.Rows))
	for i, r := range card.Rows {
		rows[i] = []string{r.Title, output.Value(r.Value, r.Unit), output.Interval(r.Interval, r.Unit), output.Target(r.Target, r.Unit), output.Status(r), output.Movement(r), output.Observations(r.N), r.Measure, r.Note}
	}
	if err := c.Table([]string{"MEASURE", "VALUE", "95 %", "TARGET", "STANDS", "CHANGE", "N", "NAME", "NOTE"}, rows); err != nil {
		return err
	}
	c.leftOut(card.Apart, slices.ContainsFunc(card.Rows, func(r client.ScorecardRow) bool { return r.Own > 0 }), "stoa scorecard")
	if !slices.ContainsFunc(card.Rows, func(r client.ScorecardRow) bool { return r.Value != nil }) {
		c.Note("\nnothing is counted in this time yet; what happened before is read by: stoa connect git DIR")
		return nil
	}
	if len(card.Rows) > 0 { // a narrow terminal has no room for the column of names
		c.Note("\nthe events behind a row, by its name or its title: stoa measure %s --evidence", card.Rows[0].Measure)
	}
	return nil
}

// leftOut says how the numbers of the teams that run the platform are seen, where others
// leave some of theirs out.
func (c *Command) leftOut(teams []string, left bool, command string) {
	if left && len(teams) > 0 {
		c.Note("\nthe platform team's own numbers: %s --team %s", command, strings.Join(teams, ","))
	}
}
