package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/ranged"
	"github.com/stoa-platform/stoa/internal/measure"
)

type measureOptions struct {
	scopeOptions
	by, step, after   string
	compare, evidence bool
	limit             int
}

func (c *Command) measureCommand() *cobra.Command {
	var o measureOptions
	cmd := &cobra.Command{
		Use:   "measure [NAME]",
		Short: "List what is measured, or ask for one measure and the events behind it",
		Long: "List what is measured, or ask for one measure by its name or title: as a whole, cut into groups (--by), as a series (--step), with the same\n" +
			"time before (--compare), or the events behind it (--evidence). Times are whole days in UTC and shown\n" +
			"with their last day; in JSON, as in --to, the end is the day after it.",
		Example: "  stoa measure\n  stoa measure lead-time --by team --days 90\n  stoa measure adoption-rate --step month --from 2026-01-01\n" +
			"  stoa measure change-failure-rate --path off --compare -o json\n  stoa measure lead-time --team payments --evidence",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.complete(askMeasures),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return c.measures(cmd.Context(), cl)
			}
			name, err := cl.MeasureNamed(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if o.evidence {
				return c.evidence(cmd.Context(), cl, name, o)
			}
			return c.measure(cmd.Context(), cl, name, o)
		},
	}
	o.flags(c, cmd)
	f := cmd.Flags()
	f.StringVar(&o.by, "by", "", "cut into groups: team, segment, wave, service, capability or path")
	f.StringVar(&o.step, "step", "", "a series by day, week or month")
	f.BoolVar(&o.compare, "compare", false, "the same time before, too")
	f.BoolVar(&o.evidence, "evidence", false, "the events behind the value")
	ranged.Var(f, &o.limit, "limit", 100, 1000, "with --evidence: at most so many events, up to 1000")
	f.StringVar(&o.after, "after", "", "with --evidence: the next of the page before")
	_ = cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions([]string{"team", "segment", "wave", "service", "capability", "path"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("step", cobra.FixedCompletions([]string{"day", "week", "month"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// askMeasures completes measures, with what they answer.
func askMeasures(ctx context.Context, cl *client.Client, _ []string, _ string) ([]string, error) {
	measures, err := cl.Measures(ctx)
	words := make([]string, len(measures))
	for i, m := range measures {
		words[i] = m.Name + "\t" + m.Question
	}
	return words, err
}

func (c *Command) measures(ctx context.Context, cl *client.Client) error {
	all, err := cl.Measures(ctx)
	if err != nil {
		return err
	}
	if c.Structured() {
		return c.Print(map[string]any{"items": all, "next": ""})
	}
	rows := make([][]string, len(all))
	for i, m := range all {
		if c.Format == "name" {
			fmt.Fprintln(c.Out, m.Name)
			continue
		}
		waits := ""
		if m.Waits != "" {
			waits = "waits for " + m.Waits
		}
		rows[i] = []string{m.Name, m.Title, m.Unit, m.Better, m.Question, waits}
	}
	if c.Format == "name" {
		return nil
	}
	return c.Table([]string{"NAME", "TITLE", "UNIT", "BETTER", "ANSWERS", "NOTE"}, rows)
}

func (c *Command) measure(ctx context.Context, cl *client.Client, name string, o measureOptions) error {
	q := o.query()
	for key, value := range map[string]string{"by": o.by, "step": o.step} {
		if value != "" {
			q.Set(key, value)
		}
	}
	if o.compare {
		q.Set("compare", "true")
	}
	answer, err := cl.Measure(ctx, name, q)
	if err != nil {
		return err
	}
	if c.Structured() {
		return c.Print(answer)
	}
	fmt.Fprintf(c.Out, "%s\n%s\n", answer.Title, answer.Formula)
	if answer.Target != nil {
		fmt.Fprintf(c.Out, "Target %s, of the balanced scorecard.\n", output.Target(answer.Target, answer.Unit))
	}
	fmt.Fprintln(c.Out)
	var rows [][]string
	for i, p := range answer.Points {
		group := p.Group
		if group == "" {
			group = "all"
		}
		row := []string{group, measure.Span(p.From, p.To), output.Value(p.Value, answer.Unit), output.Interval(p.Interval, answer.Unit), output.Observations(p.N), partsText(p.Parts), p.Note}
		if o.compare {
			at := i
			if o.by != "" {
				at = slices.IndexFunc(answer.Before, func(b client.Point) bool { return b.Group == p.Group && o.step == "" })
			}
			var before client.Point
			if at >= 0 && at < len(answer.Before) {
				before = answer.Before[at]
			}
			if before.Value == nil && before.Note != "" {
				row[len(row)-1] = strings.TrimPrefix(p.Note+"; before: "+before.Note, "; ")
			}
			row = slices.Insert(row, 3, output.Value(before.Value, answer.Unit))
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		c.Note("no data")
		c.leftOut(answer.Apart, true, "stoa measure "+name)
		return nil
	}
	head := []string{"GROUP", "DAYS", "VALUE", "95 %", "N", "PARTS", "NOTE"}
	if o.compare {
		head = slices.Insert(head, 3, "BEFORE")
	}
	defer c.leftOut(answer.Apart, slices.ContainsFunc(answer.Points, func(p client.Point) bool { return p.Own > 0 }), "stoa measure "+name)
	return c.Table(head, rows)
}

func partsText(parts map[string]float64) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		words = append(words, measure.PartTitle(name)+" "+measure.Digits(parts[name]))
	}
	return strings.Join(words, " · ")
}

func (c *Command) evidence(ctx context.Context, cl *client.Client, name string, o measureOptions) error {
	events, next, err := cl.Evidence(ctx, name, o.query(), o.after, o.limit)
	if err != nil {
		return err
	}
	if c.Structured() {
		if events == nil {
			events = []client.Event{}
		}
		return c.Print(map[string]any{"items": events, "next": next})
	}
	if len(events) == 0 {
		c.Note("no events")
		return nil
	}
	rows := make([][]string, len(events))
	for i, e := range events {
		rows[i] = []string{fmt.Sprint(e.Seq), e.Time.UTC().Format(time.DateTime), e.Type, e.Team, e.Service, e.Environment, e.Subject}
	}
	if err := c.Table([]string{"SEQ", "TIME (UTC)", "TYPE", "TEAM", "SERVICE", "ENVIRONMENT", "SUBJECT"}, rows); err != nil {
		return err
	}
	if next != "" {
		c.Note("more: --after %s", next)
	}
	return nil
}
