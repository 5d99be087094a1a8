package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (c *Command) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "Forget the login of this machine, and revoke the token that was made for it",
		Long: "Forget the login of this machine, and revoke the token that `stoa login` had made for it. A token that came from\n" +
			"elsewhere, such as the admin's of a platform's own host, others may live by: it is forgotten here and stays valid.",
		Example: "  stoa logout",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.logout(cmd.Context()) },
	}
}

func (c *Command) logout(ctx context.Context) error {
	saved, err := readLogin()
	if err != nil {
		return err
	}
	if saved.Server == "" {
		fmt.Fprintln(c.Out, "nobody is signed in here")
		return nil
	}
	var revoked error
	if saved.Made {
		revoked = c.revokeOwn(ctx, saved)
	}
	path, err := loginFile()
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget login: %w", err)
	}
	switch {
	case revoked != nil:
		c.Note("the token is forgotten here, but not revoked: %v", revoked)
	case !saved.Made:
		c.Note("%s", stays(saved.Token))
	}
	fmt.Fprintf(c.Out, "signed out of %s\n", saved.Server)
	return nil
}

// stays tells why a token that others may live by outlives the logout.
func stays(token string) string {
	if data, err := config.DataDir(); err == nil && token == adminToken(data) {
		return "the token is the admin's of this host's own platform and stays valid: commands here still act by it, from " +
			filepath.Join(data, auth.AdminTokenFile)
	}
	return "nothing says that stoa login made the token, so it stays valid: stoa token revoke ID ends it"
}

// revokeOwn ends the saved token on the platform.
func (c *Command) revokeOwn(ctx context.Context, saved login) error {
	cl, err := c.client(saved.Server, saved.Token)
	if err != nil {
		return err
	}
	who, err := cl.WhoAmI(ctx)
	if problem.Is(err, problem.Unauthenticated) {
		return nil // it has ended already
	}
	if err != nil {
		return err
	}
	return cl.RevokeToken(ctx, who.Token)
}
