package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/cli/ranged"
	"github.com/stoa-platform/stoa/internal/object"
)

type getOptions struct {
	client.Query
	label, field []string
	all          bool
}

func (c *Command) getCommand() *cobra.Command {
	var o getOptions
	cmd := &cobra.Command{
		Use:   "get KIND [NAME]",
		Short: "List objects of a kind, or show one",
		Long: "List objects of a kind, or show one. The kind may be written in plural, singular or short, in any case.\n" +
			"Objects are shown as they were stored last; the table of services has their state of this moment, and `stoa status` tells why.\n" +
			"`-o json` of a list is {items, next}; next is the --after of the next page, empty on the last.",
		Example: "  stoa get services\n  stoa get svc shop -o yaml\n  stoa get services --owner payments --label tier=web -o name\n" +
			"  stoa get releases --field spec.service=shop --newest --limit 5\n  stoa get services --search checkout --all -o json",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: c.complete(askKinds, askNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if o.Labels, err = pairs("label", o.label); err != nil {
				return err
			}
			if o.Fields, err = pairs("field", o.field); err != nil {
				return err
			}
			return c.get(cmd.Context(), args, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Owner, "owner", "", "only objects of this team")
	flags.StringArrayVarP(&o.label, "label", "l", nil, "only objects with this label, KEY=VALUE; may be repeated")
	flags.StringArrayVar(&o.field, "field", nil, "only objects with this field, such as spec.service=shop; may be repeated")
	flags.StringVar(&o.Search, "search", "", "only objects with these words in name, title, description or owner")
	flags.BoolVar(&o.Newest, "newest", false, "newest first instead of by name")
	ranged.Var(flags, &o.Limit, "limit", 100, 1000, "at most so many, up to 1000")
	flags.StringVar(&o.After, "after", "", "the next of the page before")
	flags.BoolVar(&o.all, "all", false, "every page")
	c.completeFlag(cmd, "owner", askOf("teams"))
	return cmd
}

func (c *Command) get(ctx context.Context, args []string, o getOptions) error {
	cl, err := c.connect(ctx)
	if err != nil {
		return err
	}
	kind, name, err := reference(ctx, cl, args)
	if err != nil {
		return err
	}
	if name != "" {
		raw, err := cl.Get(ctx, kind.Plural, name)
		if err != nil {
			return err
		}
		if c.Structured() {
			return c.PrintObject(raw)
		}
		return c.listed(ctx, cl, kind, client.Page{Items: []json.RawMessage{raw}})
	}
	if o.all {
		o.Limit = 1000
	}
	page, err := cl.List(ctx, kind.Plural, o.Query)
	for err == nil && o.all && page.Next != "" {
		var more client.Page
		o.After = page.Next
		more, err = cl.List(ctx, kind.Plural, o.Query)
		page.Items, page.Next = append(page.Items, more.Items...), more.Next
	}
	if err != nil {
		return err
	}
	return c.listed(ctx, cl, kind, page)
}

// reference reads "KIND", "KIND NAME" or "kind/name".
func reference(ctx context.Context, cl *client.Client, args []string) (client.Kind, string, error) {
	word, name, slashed := strings.Cut(args[0], "/")
	if len(args) > 1 {
		if slashed {
			return client.Kind{}, "", usage("%q names an object already, %q another one", args[0], args[1])
		}
		name = args[1]
	}
	if slashed && name == "" {
		return client.Kind{}, "", usage("%q names no object", args[0])
	}
	kind, err := cl.Kind(ctx, word)
	return kind, name, err
}

// listed prints a page in the wanted form.
func (c *Command) listed(ctx context.Context, cl *client.Client, kind client.Kind, page client.Page) error {
	if page.Items == nil {
		page.Items = []json.RawMessage{}
	}
	switch c.Format {
	case "json":
		return c.Print(page)
	case "yaml":
		for i, raw := range page.Items {
			if i > 0 {
				fmt.Fprintln(c.Out, "---")
			}
			if err := c.PrintObject(raw); err != nil {
				return err
			}
		}
	case "name":
		for _, raw := range page.Items {
			ref, err := refOf(raw)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.Out, ref)
		}
	default:
		if len(page.Items) == 0 {
			c.Note("no %s", kind.Plural)
			return nil
		}
		var now client.Survey
		if kind.Name == "Service" {
			var err error
			if now, err = cl.Status(ctx, ""); err != nil {
				return err
			}
		}
		head, rows, err := output.Objects(kind.Name, page.Items, now.Unwell, time.Now())
		if err != nil {
			return err
		}
		if err := c.Table(head, rows); err != nil {
			return err
		}
	}
	if page.Next != "" && c.Format != "json" {
		fmt.Fprintf(c.Err, "the first %d; --all lists every one\n", len(page.Items))
	}
	return nil
}

func pairs(flag string, given []string) (map[string]string, error) {
	m := map[string]string{}
	for _, pair := range given {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usage("--%s %q is not KEY=VALUE", flag, pair)
		}
		m[key] = value
	}
	return m, nil
}

// refOf gives "service/shop".
func refOf(raw json.RawMessage) (string, error) {
	var o object.Object
	if err := json.Unmarshal(raw, &o); err != nil {
		return "", fmt.Errorf("decode answer: %w", err)
	}
	return o.Ref().String(), nil
}
