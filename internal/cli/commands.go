package cli

import "github.com/spf13/cobra"

// develop are the commands of people who build services.
func (c *Command) develop() []*cobra.Command {
	return []*cobra.Command{c.upCommand(), c.detectCommand(), c.logsCommand()}
}

// objects are the commands for what is declared.
func (c *Command) objects() []*cobra.Command { return nil }

// platform are the commands of people who run the platform.
func (c *Command) platform() []*cobra.Command {
	return []*cobra.Command{c.serveCommand()}
}
