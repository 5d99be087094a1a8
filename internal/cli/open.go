package cli

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/cli/browser"
	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (c *Command) openCommand() *cobra.Command {
	var env string
	cmd := &cobra.Command{
		Use:   "open [SERVICE]",
		Short: "Open the portal, signed in, or a service in the browser",
		Long: "Open the portal, signed in, or a service in the browser. Where there is no browser, and into a pipe, the\n" +
			"address is printed. The portal's carries a code that signs you in once, within ten minutes.",
		Example:           "  stoa open\n  stoa open shop --env production\n  curl \"$(stoa open shop)\"",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.complete(askOf("services")),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			var url string
			if len(args) == 0 {
				url, err = signInLink(cmd.Context(), cl)
			} else {
				url, err = c.address(cmd.Context(), cl, args[0], env)
			}
			if err != nil {
				return err
			}
			if c.Structured() {
				return c.Print(map[string]string{"url": url})
			}
			fmt.Fprintln(c.Out, url)
			if c.seesBrowser() {
				if err := browser.OpenURL(url); err != nil {
					c.Note("no browser could be started: %v", err)
				}
			}
			return nil
		},
	}
	c.envFlag(cmd, &env)
	return cmd
}

// signInLink is an address that signs the caller into the portal, once, within
// ten minutes.
func signInLink(ctx context.Context, cl *client.Client) (string, error) {
	code, err := cl.SignInCode(ctx)
	return cl.Server() + "/signin?code=" + code, err
}

// address is where a service answers.
func (c *Command) address(ctx context.Context, cl *client.Client, name, env string) (string, error) {
	env, err := c.environment(ctx, cl, name, env, "--env")
	if err != nil {
		return "", err
	}
	s, err := cl.Service(ctx, name)
	if err != nil {
		return "", err
	}
	if url := s.Status.Environments[env].URL; url != "" {
		return url, nil
	}
	return "", problem.New(problem.NotFound, "%s has no address in %s", name, env).Do("stoa status " + name)
}

// seesBrowser reports whether a browser would open before the person's eyes.
func (c *Command) seesBrowser() bool {
	if !terminal.Is(c.Out) || os.Getenv("SSH_CONNECTION") != "" {
		return false
	}
	return runtime.GOOS == "darwin" || runtime.GOOS == "windows" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}
