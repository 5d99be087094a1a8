package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/file"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/cli/witness"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/object"
)

type loginOptions struct {
	name                 string
	password, tokenStdin bool
}

func (c *Command) loginCommand() *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use:   "login [SERVER]",
		Short: "Sign in to a platform and remember it",
		Long: "Sign in to a platform and remember it. Name and password are exchanged for a token of this machine, which is\n" +
			"kept readable by you alone; `stoa logout` revokes it. A token that was made elsewhere is remembered as it is, and\n" +
			"outlives the logout. Neither password nor token is ever taken from the command line.",
		Example: "  stoa login https://stoa.example.com\n  stoa login https://stoa.example.com --name ann --password-stdin < password\n" +
			"  stoa login https://stoa.example.com --token-stdin < token",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				c.server = args[0]
			}
			if cmd.Flags().Changed("token") {
				return usage("login takes no token from the command line, which others see: stoa login %s --token-stdin < FILE", cmp.Or(c.server, "SERVER"))
			}
			return c.login(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.name, "name", "", "name of the account")
	cmd.Flags().BoolVar(&o.password, "password-stdin", false, "read the password from standard input")
	cmd.Flags().BoolVar(&o.tokenStdin, "token-stdin", false, "read a token from standard input, instead of name and password")
	cmd.MarkFlagsMutuallyExclusive("password-stdin", "token-stdin")
	cmd.MarkFlagsMutuallyExclusive("name", "token-stdin")
	return cmd
}

func (c *Command) login(ctx context.Context, o loginOptions) error {
	server := cmp.Or(c.server, os.Getenv(config.EnvServer))
	if server == "" {
		var err error
		if server, err = c.askLine(ctx, "Server", "name it: stoa login https://stoa.example.com"); err != nil {
			return err
		}
	}
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	cl, err := c.client(server, "")
	if err != nil {
		return err
	}
	token, err := c.exchange(ctx, cl, o)
	if err != nil {
		return err
	}
	if cl, err = c.client(server, token); err != nil {
		return err
	}
	who, err := cl.WhoAmI(ctx)
	if err != nil {
		return err
	}
	pin, err := witness.Pin(cl.Server())
	if err == nil {
		err = c.checkPinNow(ctx, cl, pin)
	}
	if err != nil {
		return err
	}
	if err := saveLogin(login{Server: cl.Server(), Token: token, Made: !o.tokenStdin}); err != nil {
		return err
	}
	if c.Structured() {
		return c.Print(who)
	}
	fmt.Fprintf(c.Out, "signed in to %s as %s\n", cl.Server(), who.Name)
	return nil
}

// exchange gives the token: the one on stdin, or one for name and password.
func (c *Command) exchange(ctx context.Context, cl *client.Client, o loginOptions) (string, error) {
	if o.tokenStdin {
		return c.readAll()
	}
	name, password := o.name, ""
	var err error
	if name == "" {
		if name, err = c.askLine(ctx, "Name", "give --name, or --token-stdin"); err != nil {
			return "", err
		}
	}
	if o.password {
		password, err = c.readAll()
	} else {
		password, err = c.askSecret(ctx, "Password", "give --password-stdin or --token-stdin")
	}
	if err != nil {
		return "", err
	}
	host, _ := os.Hostname() // a token without the machine's name works as well
	return cl.Login(ctx, name, password, object.SlugName(strings.TrimSuffix("cli-"+host, ".")))
}

// saveLogin replaces the file in one step; nobody else may read it.
func saveLogin(l login) error {
	path, err := loginFile()
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("save login: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("save login: %w", err)
	}
	return file.Replace(path, func(f *os.File) error {
		_, err := f.Write(append(raw, '\n'))
		return err
	})
}

func (c *Command) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "whoami",
		Short:   "Who you are to the platform, and what you may do",
		Example: "  stoa whoami\n  stoa whoami -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			who, err := cl.WhoAmI(cmd.Context())
			if err != nil {
				return err
			}
			if c.Structured() {
				return c.Print(who)
			}
			say := func(label, text string) {
				if text != "" {
					fmt.Fprintf(c.Out, "  %s %s\n", c.Paint().Dim(fmt.Sprintf("%-10s", label)), terminal.OneLine(text))
				}
			}
			say("name", who.Name)
			say("platform", string(who.Platform)+" at "+cl.Server())
			for i, team := range slices.Sorted(maps.Keys(who.Teams)) {
				say([]string{"teams", " "}[min(i, 1)], team+" ("+string(who.Teams[team])+")")
			}
			say("scopes", strings.Join(who.Scopes, ", "))
			if !who.Expires.IsZero() {
				say("expires", who.Expires.Local().Format(time.RFC1123))
			}
			return nil
		},
	}
}
