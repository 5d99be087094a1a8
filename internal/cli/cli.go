// Package cli is the command line of Stoa. Its commands talk to a platform
// through package client and to nothing else; only `serve` and `up` may start
// a platform, by way of the Host that main hands in.
package cli

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/internal/cli/misuse"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/config"
)

// Stdio are the streams of a command and what is known of them.
type Stdio struct {
	In  io.Reader
	Out io.Writer // results
	Err io.Writer // progress and problems
}

// Host starts platforms in this process, fills their databases and knows what a
// backup of one looks like.
type Host interface {
	Open(ctx context.Context, c config.Config, log *slog.Logger) (Instance, error)
	// Endpoint is the address of the platform that runs on the data folder, or "".
	Endpoint(data string) string
	// Restore makes the database of the platform out of a backup. erased, which
	// may be nil, lists people to forget again. It returns problem.Conflict when
	// there is a database already or when the folder is in use.
	Restore(ctx context.Context, c config.Config, from, erased io.Reader, log *slog.Logger) (Restored, error)
	// VerifyBackup reads a whole backup. It returns problem.Invalid when anything of
	// it is missing, changed or too much.
	VerifyBackup(ctx context.Context, from io.Reader) error
}

// Restored tells what a backup held.
type Restored struct {
	Made    time.Time `json:"made"`   // when the backup was made
	Events  int64     `json:"events"` // in its ledger
	Objects int64     `json:"objects"`
	Secrets int64     `json:"secrets"` // values, which the old platform's keyset opens
}

// Instance is a platform in this process.
type Instance interface {
	URL() string
	// Serve serves until ctx ends; Ready is closed once it does.
	Serve(ctx context.Context) error
	Ready() <-chan struct{}
	Close(ctx context.Context) error
}

// Command carries what every subcommand needs.
type Command struct {
	output.Printer
	In      io.Reader
	host    Host
	version string

	server, token string
	reached       string // the address of the platform that was talked to last; "" before

	typed *bufio.Reader // over In, once a line was asked for
}

// Run runs the command line and returns its exit code.
func Run(ctx context.Context, args []string, stdio Stdio, host Host, version string) int {
	c := &Command{Printer: output.Printer{Out: stdio.Out, Err: stdio.Err}, In: stdio.In, host: host, version: version}
	root := c.root()
	root.SetArgs(args)
	executed, err := root.ExecuteContextC(ctx)
	if err == nil {
		return ExitDone
	}
	return c.fail(ctx, executed, err)
}

// Root returns the command tree, for the generator of the reference.
func Root() *cobra.Command { return (&Command{version: "dev"}).root() }

func (c *Command) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "stoa",
		Short: "An internal developer platform, run as a product",
		Long: "Stoa takes a folder of code to a running, owned, observed, governed service.\n\n" +
			"With no platform configured, `stoa up` starts one in the same process. Exit codes: 0 done, 1 failed,\n" +
			"2 wrong, 3 refused by a gate, 4 not found, 5 not allowed.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return misuse.Unknown(cmd, args[0])
			}
			return cmd.Help()
		},
		Example:       "  stoa up ./shop          # a folder of code becomes a running service\n  stoa get services       # what runs, whose it is\n  stoa logs shop --follow # what it prints",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       c.version,
	}
	root.SetIn(c.In)
	root.SetOut(c.Out)
	root.SetErr(c.Err)
	root.SetVersionTemplate("stoa {{.Version}}\n")
	root.SetFlagErrorFunc(misuse.Flag)
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := cmd.ValidateFlagGroups(); err != nil {
			return misuse.New("%w", err) // cobra would find it later, and call it no usage
		}
		if !slices.Contains([]string{"", "table", "json", "yaml", "name"}, c.Format) {
			return usage("-o %q: write table, json, yaml or name", c.Format)
		}
		return nil
	}
	flags := root.PersistentFlags()
	flags.StringVar(&c.server, "server", "", "address of the platform (STOA_SERVER)")
	flags.StringVar(&c.token, "token", "", "API token (STOA_TOKEN)")
	flags.StringVarP(&c.Format, "output", "o", "", "output format: table, json, yaml or name")
	flags.BoolVarP(&c.Quiet, "quiet", "q", false, "no progress and no notes; what fails is told all the same")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "yaml", "name"}, cobra.ShellCompDirectiveNoFileComp))
	root.AddGroup(
		&cobra.Group{ID: "develop", Title: "For developers:"},
		&cobra.Group{ID: "objects", Title: "What is declared:"},
		&cobra.Group{ID: "platform", Title: "For the platform team:"},
		&cobra.Group{ID: "own", Title: "This command:"},
	)
	for _, group := range []struct {
		id       string
		commands []*cobra.Command
	}{
		{"develop", c.develop()},
		{"objects", c.objects()},
		{"platform", c.platform()},
		{"own", c.own()},
	} {
		for _, cmd := range group.commands {
			cmd.GroupID = group.id
			root.AddCommand(cmd)
		}
	}
	misuse.Strict(root)
	return root
}
