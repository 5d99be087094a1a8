package cli

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
)

// versionResult is what `stoa version -o json` prints.
type versionResult struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	// Platform is the version of the platform; absent when none answers.
	Platform string `json:"platform,omitempty"`
	Server   string `json:"server,omitempty"`
}

func (c *Command) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "The version of this command, and of the platform if one answers",
		Example: "  stoa version\n  stoa version -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := versionResult{Version: c.version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
			v.Server, v.Platform = c.platformVersion(cmd.Context())
			if c.Structured() {
				return c.Print(v)
			}
			fmt.Fprintf(c.Out, "stoa %s (%s, %s/%s)\n", v.Version, v.Go, v.OS, v.Arch)
			if v.Platform != "" {
				fmt.Fprintf(c.Out, "platform %s at %s\n", v.Platform, v.Server)
			}
			return nil
		},
	}
}

// platformVersion asks the configured platform, for a second at most; without
// an answer both are empty.
func (c *Command) platformVersion(ctx context.Context) (server, version string) {
	server, token, err := c.target()
	if err != nil || server == "" {
		return "", ""
	}
	cl, err := client.New(server, token)
	if err != nil {
		return "", ""
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	if version, err = cl.Version(ctx); err != nil {
		return "", ""
	}
	return server, version
}
