package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/internal/cli/file"
	"github.com/stoa-platform/stoa/internal/cli/misuse"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/simulate"
)

func (c *Command) simulateCommand() *cobra.Command {
	var o simulate.Options
	var end, truth, only string
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Let a simulated organisation live on the platform",
		Long: "Let a simulated organisation live on the platform: teams come along an adoption curve, release, fail, mend, look at\n" +
			"logs and ask for help. The same flags give the same events, so that what broke off is done again whole. Every\n" +
			"event and object says that it is simulated. --truth writes what each measure should say of it.",
		Example: "  stoa simulate --teams 12 --months 6\n  stoa simulate --teams 48 --months 12 --seed 7 --truth truth.json\n  stoa simulate --teams 320 --months 12 --activity 8 --events-only year.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if end != "" {
				if o.End, err = time.Parse(time.DateOnly, end); err != nil {
					return usage("--end %q is no date: write one like 2026-11-01", end)
				}
			}
			if o, err = o.WithDefaults(time.Now()); err != nil {
				return misuse.New("%w", err)
			}
			if only != "" {
				return c.simulateOnly(cmd.Context(), o, only, truth)
			}
			return c.simulate(cmd.Context(), o, truth)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.Teams, "teams", 12, "how many teams the organisation has")
	flags.IntVar(&o.Months, "months", 6, "for how many months it lives")
	flags.Uint64Var(&o.Seed, "seed", 1, "another number gives another organisation")
	flags.StringVar(&end, "end", "", "the day at whose midnight, UTC, the time ends (default: the first of this month)")
	flags.Float64Var(&o.Activity, "activity", 1, "multiplies how much each person uses the platform")
	flags.StringVar(&truth, "truth", "", "file for what each measure should say")
	flags.StringVar(&only, "events-only", "", "write the events to a file, - for standard output, and talk to no platform")
	return cmd
}

func (c *Command) simulate(ctx context.Context, o simulate.Options, truth string) error {
	cl, err := c.connect(ctx)
	if err != nil {
		return err
	}
	progress := c.Live()
	defer progress.Close()
	result, told, err := simulate.Run(ctx, cl, o, c.simulating(progress))
	progress.Close()
	if err != nil {
		return err
	}
	if result.Others > 0 {
		c.Note("%s on this platform are not simulated: measures mix both", output.Count(result.Others, "object"))
	}
	if err := writeTruth(truth, told); err != nil {
		return err
	}
	err = c.done(result, "%s, %d people, %s; %s: %d taken, %d there already", output.Count(result.Teams, "team"), result.People, output.Count(result.Services, "service"),
		output.Count(result.Events, "event"), result.Accepted, result.Duplicates)
	c.Note("their time ends %s; its last quarter: stoa scorecard --from %s --days %d", o.End.AddDate(0, 0, -1).Format(time.DateOnly), o.End.AddDate(0, 0, -quarter).Format(time.DateOnly), quarter)
	return err
}

const quarter = 90

// simulateOnly writes the events to a file.
func (c *Command) simulateOnly(ctx context.Context, o simulate.Options, path, truth string) error {
	progress := c.Live()
	defer progress.Close()
	var told simulate.Truth
	generate := func(w io.Writer) (err error) {
		buffered := bufio.NewWriterSize(w, 1<<20)
		told, err = simulate.Generate(ctx, o, func(event []byte) error {
			if _, err := buffered.Write(event); err != nil {
				return err
			}
			return buffered.WriteByte('\n')
		}, c.simulating(progress))
		if err != nil {
			return err
		}
		return buffered.Flush()
	}
	var err error
	if path == "-" {
		err = generate(c.Out)
	} else {
		err = file.Replace(path, func(f *os.File) error { return generate(f) })
	}
	progress.Close()
	if err != nil {
		return err
	}
	if err := writeTruth(truth, told); err != nil || path == "-" {
		return err
	}
	return c.done(map[string]any{"name": told.Name, "file": path, "events": told.Counts.Lines}, "%s: %s", path, output.Count(told.Counts.Lines, "event"))
}

// simulating shows how far the simulated time has come: as a bar, or a line a month.
func (c *Command) simulating(progress *terminal.Live) func(simulate.Progress) {
	month := ""
	return func(p simulate.Progress) {
		what := fmt.Sprintf("%s up to %s", output.Count(p.Events, "event"), p.Date)
		if terminal.Is(c.Err) {
			progress.Bar(what, int64(p.Day), int64(p.Days), func(n int64) string { return strconv.FormatInt(n, 10) })
		} else if m := p.Date[:len("2006-01")]; m != month {
			month = m
			progress.Say("%s", what)
		}
	}
}

// writeTruth writes what is true to a file, "" for none.
func writeTruth(path string, truth simulate.Truth) error {
	if path == "" {
		return nil
	}
	return file.Replace(path, func(f *os.File) error {
		encode := json.NewEncoder(f)
		encode.SetIndent("", "  ")
		return encode.Encode(truth)
	})
}
