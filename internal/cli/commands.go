package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/internal/cli/misuse"
)

// develop are the commands of people who build services.
func (c *Command) develop() []*cobra.Command {
	return []*cobra.Command{
		c.upCommand(), c.detectCommand(), c.statusCommand(), c.logsCommand(), c.openCommand(), c.secretCommand(),
		c.rollbackCommand(), c.cancelCommand(), c.promoteCommand(), c.scaleCommand(), c.restartCommand(), c.downCommand(),
	}
}

// objects are the commands for what is declared.
func (c *Command) objects() []*cobra.Command {
	return []*cobra.Command{c.getCommand(), c.describeCommand(), c.historyCommand(), c.applyCommand(), c.deleteCommand(), c.importCommand(), c.exportCommand()}
}

// platform are the commands of people who run the platform.
func (c *Command) platform() []*cobra.Command {
	return []*cobra.Command{
		c.scorecardCommand(), c.measureCommand(), c.journeysCommand(), c.contrastsCommand(), c.connectCommand(), c.serveCommand(), c.backupCommand(), c.restoreCommand(), c.eventsCommand(), c.simulateCommand(), c.auditCommand(),
		c.tokenCommand(), c.accountCommand(), c.personCommand(),
	}
}

// own are the commands about this command itself.
func (c *Command) own() []*cobra.Command {
	return []*cobra.Command{c.loginCommand(), c.logoutCommand(), c.whoamiCommand(), c.meCommand(), c.versionCommand(), c.completionCommand()}
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return misuse.Unknown(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	var examples []string
	for _, sub := range commands {
		cmd.AddCommand(sub)
		first, _, _ := strings.Cut(sub.Example, "\n")
		examples = append(examples, first)
	}
	cmd.Example = strings.Join(examples, "\n")
	return cmd
}
