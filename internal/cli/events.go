package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/ranged"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (c *Command) eventsCommand() *cobra.Command {
	return group("events", "What happened: the ledger", c.eventsListCommand(), c.eventsTailCommand(), c.eventsImportCommand(), c.eventsEraseCommand())
}

// eventFlags are the flags that select events.
func (c *Command) eventFlags(cmd *cobra.Command, q *client.EventQuery) {
	flags := cmd.Flags()
	flags.StringArrayVar(&q.Types, "type", nil, "only events of this type, or of all that begin so if it ends in a dot; may be repeated")
	flags.StringVar(&q.Subject, "subject", "", "only events about this, such as service/shop")
	flags.StringVar(&q.Source, "source", "", "only events of this source")
	flags.StringVar(&q.Actor, "actor", "", "only events by this principal, such as user/ann")
	flags.StringVar(&q.Team, "team", "", "only events about this team")
	flags.StringVar(&q.Service, "service", "", "only events about this service")
	flags.StringVar(&q.Capability, "capability", "", "only uses of this capability")
	flags.StringVar(&q.Environment, "env", "", "only events about this environment")
	c.completeFlag(cmd, "team", askOf("teams"))
	c.completeFlag(cmd, "service", askOf("services"))
	c.completeFlag(cmd, "env", askOf("environments"))
}

func (c *Command) eventsEraseCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "erase SEQ",
		Short: "Erase what an event carries; its proofs still hold",
		Long: "Erase what an event carries, for ever: what got into a payload that must not be kept. That it happened, when and by whom\n" +
			"stays, with who erased it, and every proof still holds. What a measure took from the payload is gone when its summary\n" +
			"is made anew. Backups that were made before still hold it.",
		Example: "  stoa events erase 1234\n  stoa events erase 1234 --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			seq, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || seq < 1 {
				return problem.New(problem.Invalid, "%q is not the number of an event", args[0]).Do("stoa events list    shows them")
			}
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.confirm(cmd.Context(), args[0], yes); err != nil {
				return err
			}
			if err := cl.ErasePayload(cmd.Context(), seq); err != nil {
				return err
			}
			return c.done(map[string]int64{"seq": seq}, "the payload of event %d is erased", seq)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// eventPage is what `stoa events list -o json` prints.
type eventPage struct {
	Items []client.Event `json:"items"`
	Next  string         `json:"next"` // the --before of the next page; "" on the last
}

func (c *Command) eventsListCommand() *cobra.Command {
	var q client.EventQuery
	var since string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Read the ledger, newest first",
		Example: "  stoa events list --team payments --limit 20\n  stoa events list --type dev.cdevents.service. --since 7d -o json\n  stoa events list --service shop --actor user/ann",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			if since != "" {
				if q.From, err = parseSince(since, time.Now()); err != nil {
					return err
				}
			}
			items, next, err := cl.Events(cmd.Context(), q)
			if err != nil {
				return err
			}
			if c.Structured() {
				return c.Print(eventPage{append([]client.Event{}, items...), next})
			}
			if len(items) == 0 {
				c.Note("no events")
				return nil
			}
			if err := c.eventTable(items, time.DateTime); err != nil {
				return err
			}
			if next != "" {
				c.Note("older ones: --before %s", next)
			}
			return nil
		},
	}
	c.eventFlags(cmd, &q)
	cmd.Flags().StringVar(&since, "since", "", "events since a duration ago (1h, 3d) or a time (RFC 3339)")
	cmd.Flags().StringVar(&q.Before, "before", "", "go on before this: the next of a page, or the seq of an event")
	ranged.Var(cmd.Flags(), &q.Limit, "limit", 100, 1000, "at most so many, up to 1000")
	return cmd
}

func (c *Command) eventTable(items []client.Event, layout string) error {
	rows := make([][]string, len(items))
	for i, e := range items {
		rows[i] = []string{e.Time.Local().Format(layout), e.Type, e.Subject, e.Actor, summary(e)}
	}
	return c.Table([]string{"TIME", "TYPE", "SUBJECT", "ACTOR", "WHAT"}, rows)
}

// summary shows the plain values of an event's payload in a few words.
func summary(e client.Event) string {
	if e.Erased {
		return "(erased)"
	}
	var data map[string]any
	if json.Unmarshal(e.Data, &data) != nil {
		return ""
	}
	var parts []string
	for _, key := range []string{"reason", "title", "message", "changed", "count"} {
		if value := output.Text(data[key], time.Time{}); value != "" {
			parts = append(parts, value)
		}
	}
	return strings.Join(parts, " · ")
}

func (c *Command) eventsTailCommand() *cobra.Command {
	var q client.EventQuery
	var last int
	cmd := &cobra.Command{
		Use:     "tail",
		Short:   "Follow the ledger, until Ctrl-C",
		Example: "  stoa events tail\n  stoa events tail -n 20 --team payments\n  stoa events tail --service shop --type dev.stoa.release.\n  stoa events tail --after 1 -o json | jq .type    # from the beginning",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			if last > 0 {
				if q.After != "" {
					return usage("--after says where to begin, and so does -n: give one of them")
				}
				if q.After, err = c.lastEvents(cmd.Context(), cl, q, last); err != nil {
					return err
				}
			}
			err = cl.Tail(cmd.Context(), q, c.eventLine)
			if cmd.Context().Err() != nil {
				return nil
			}
			return err
		},
	}
	c.eventFlags(cmd, &q)
	cmd.Flags().StringVar(&q.After, "after", "", "begin after this: the seq of an event (default: with what happens from now on)")
	ranged.VarP(cmd.Flags(), &last, "lines", "n", 0, 1000, "begin with the last so many, up to 1000")
	return cmd
}

// lastEvents prints the last n events, oldest first, and gives the seq after which
// to go on; "" when there is none.
func (c *Command) lastEvents(ctx context.Context, cl *client.Client, q client.EventQuery, n int) (string, error) {
	q.Limit = n
	items, _, err := cl.Events(ctx, q)
	if err != nil || len(items) == 0 {
		return "", err
	}
	for _, e := range slices.Backward(items) {
		if err := c.eventLine(e); err != nil {
			return "", err
		}
	}
	return strconv.FormatInt(items[0].Seq, 10), nil
}

// eventLine prints one event; with JSON one object a line.
func (c *Command) eventLine(e client.Event) error {
	if c.JSON() {
		return json.NewEncoder(c.Out).Encode(e)
	}
	p := c.Paint()
	_, err := fmt.Fprintf(c.Out, "%s %s %s %s\n", p.Dim(e.Time.Local().Format(time.TimeOnly)), p.Bold(e.Type), terminal.OneLine(e.Subject),
		p.Dim(strings.TrimSpace(terminal.OneLine(e.Actor+"  "+summary(e)))))
	return err
}

func (c *Command) eventsImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Bring CloudEvents in: JSON lines, an array, or events one after another",
		Long: "Bring CloudEvents in: JSON lines, an array, or events one after another. It ends at the first\n" +
			"event that cannot be read or is not taken, and tells its line; all before it are taken then. What the ledger has\n" +
			"already is skipped, so that the mended file is imported again whole.",
		Example: "  stoa events import deployments.jsonl\n  zstdcat history.jsonl.zst | stoa events import -",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			sum, err := c.importEvents(cmd.Context(), cl, args[0])
			if err != nil {
				return err
			}
			if c.Structured() {
				return c.Print(sum)
			}
			fmt.Fprintf(c.Out, "%s: %d taken, %d there already", output.Count(sum.Read, "event"), sum.Accepted, sum.Duplicates)
			if sum.Conflicts > 0 {
				fmt.Fprintf(c.Out, ", %d with other content under a known id: recorded as conflicts", sum.Conflicts)
			}
			fmt.Fprintln(c.Out)
			return nil
		},
	}
}

func (c *Command) importEvents(ctx context.Context, cl *client.Client, path string) (client.Imported, error) {
	in, size, closeFile, err := c.input(path)
	if err != nil {
		return client.Imported{}, err
	}
	defer closeFile()
	progress := c.Live()
	defer progress.Close()
	return cl.Import(ctx, in, path, func(events, bytes int64) {
		progress.Bar(output.Count(events, "event"), bytes, size, catalog.FormatBytes)
	})
}
