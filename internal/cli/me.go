package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (c *Command) meCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "me",
		Short: "What is kept about yourself",
		Long: "What is kept about yourself: account, teams, tokens, the pseudonym under which you stand in the ledger, and what it\n" +
			"has under it. Nobody else is shown this.",
		Example: "  stoa me\n  stoa me -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			me, err := cl.Me(cmd.Context())
			if err != nil {
				return err
			}
			if c.Structured() {
				return c.Print(me)
			}
			teams := "none"
			if len(me.Principal.Teams) > 0 {
				teams = strings.Join(slices.Sorted(maps.Keys(me.Principal.Teams)), ", ")
			}
			pseudonym := me.Pseudonym
			if pseudonym == "" {
				pseudonym = "none yet: you have done nothing here"
			}
			for _, line := range [][2]string{
				{"name", me.Principal.Name}, {"role", string(me.Principal.Platform)}, {"teams", teams}, {"tokens", fmt.Sprint(me.Tokens)},
				{"pseudonym", pseudonym}, {"named in", fmt.Sprintf("%d payloads, which go with you", len(me.Named))},
			} {
				fmt.Fprintf(c.Out, "  %-10s %s\n", line[0], line[1])
			}
			if len(me.Deeds) > 0 {
				fmt.Fprintln(c.Out)
				rows := make([][]string, len(me.Deeds))
				for i, d := range me.Deeds {
					rows[i] = []string{d.Type, fmt.Sprint(d.N), d.First.UTC().Format(time.DateOnly), d.Last.UTC().Format(time.DateOnly)}
				}
				if err := c.Table([]string{"YOU DID", "TIMES", "FIRST", "LAST"}, rows); err != nil {
					return err
				}
			}
			c.Note("\n%s", me.Erase)
			return nil
		},
	}
}
