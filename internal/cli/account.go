package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (c *Command) tokenCommand() *cobra.Command {
	return group("token", "Tokens by which programs and commands come in", c.tokenCreateCommand(), c.tokenListCommand(), c.tokenRevokeCommand())
}

func (c *Command) tokenCreateCommand() *cobra.Command {
	var n client.NewToken
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token; it is shown once",
		Long: "Make a token; it is shown once. By itself it is a machine's: give it --team, and --scope to narrow it. Scopes:\n" +
			"  " + strings.Join(auth.ScopeNames(), ", ") + ".",
		Example: "  stoa token create ci --team payments --scope deploy --ttl 90d\n  stoa token create laptop --self\n  stoa token create ci --team payments -o json | jq -r .value",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			n.Name = args[0]
			if n.Principal != "" && !strings.Contains(n.Principal, "/") {
				n.Principal = "user/" + n.Principal
			}
			token, value, err := cl.CreateToken(cmd.Context(), n)
			if err != nil {
				return err
			}
			if c.Structured() {
				return c.Print(struct {
					client.Token
					Value string `json:"value"`
				}{token, value})
			}
			fmt.Fprintln(c.Out, value)
			c.Note("it acts as %s and ends %s; it cannot be shown again", token.Principal, token.Expires.Local().Format("2006-01-02 15:04 MST"))
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&n.Principal, "as", "", "person whom it acts as (default: a machine of its own)")
	flags.BoolVar(&n.Self, "self", false, "act as yourself")
	flags.StringArrayVar(&n.Scopes, "scope", nil, "only this scope; may be repeated")
	flags.StringArrayVar(&n.Teams, "team", nil, "only this team; may be repeated")
	flags.StringVar(&n.TTL, "ttl", "", "how long it lasts: 90d, 8h, 30m (default 90d)")
	_ = cmd.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions(auth.ScopeNames(), cobra.ShellCompDirectiveNoFileComp))
	c.completeFlag(cmd, "team", askOf("teams"))
	c.completeFlag(cmd, "as", askOf("users"))
	return cmd
}

func (c *Command) tokenListCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List your tokens",
		Example: "  stoa token list\n  stoa token list --all -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			tokens, err := cl.Tokens(cmd.Context(), all)
			if err != nil {
				return err
			}
			if c.Structured() {
				return c.Print(map[string]any{"items": append([]client.Token{}, tokens...)})
			}
			now := time.Now()
			var rows [][]string
			for _, t := range tokens {
				state := "valid"
				switch {
				case !t.Revoked.IsZero():
					state = "revoked"
				case !t.Expires.IsZero() && now.After(t.Expires):
					state = "expired"
				}
				expires := ""
				if !t.Expires.IsZero() {
					expires = t.Expires.Local().Format(time.DateOnly)
				}
				rows = append(rows, []string{t.ID, t.Name, t.Principal, strings.Join(t.Scopes, ", "), strings.Join(t.Teams, ", "), state, expires, output.Day(t.LastUsed, now)})
			}
			return c.Table([]string{"ID", "NAME", "ACTS AS", "SCOPES", "TEAMS", "STATE", "EXPIRES", "USED"}, rows)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "everybody's; for platform admins")
	return cmd
}

func (c *Command) tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Short:   "End a token at once",
		Example: "  stoa token revoke 7f3a9k2m",
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: c.complete(func(ctx context.Context, cl *client.Client, _ []string, _ string) ([]string, error) {
			tokens, err := cl.Tokens(ctx, false)
			var ids []string
			for _, t := range tokens {
				ids = append(ids, t.ID+"\t"+t.Name)
			}
			return ids, err
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			if err := cl.RevokeToken(cmd.Context(), args[0]); err != nil {
				return err
			}
			return c.done(map[string]string{"id": args[0], "state": "revoked"}, "token %s is revoked", args[0])
		},
	}
}

func (c *Command) accountCommand() *cobra.Command {
	return group("account", "Local accounts of people", c.accountCreateCommand(), c.accountPasswordCommand(), c.accountListCommand(),
		c.accountDisableCommand(), c.accountEnableCommand())
}

func (c *Command) accountCreateCommand() *cobra.Command {
	var title, email, role string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Let a person in: declare the user and open an account",
		Long: "Let a person in: declare the user and open an account, which has no password until one is set. Teams take the\n" +
			"person in by name: spec.members of the team.",
		Example: "  stoa account create ann --title \"Ann Example\" --email ann@example.com\n  stoa account create root2 --role platform-admin",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			if err := declareUser(cmd.Context(), cl, args[0], title, catalog.UserSpec{Email: email, Role: role}); err != nil {
				return err
			}
			if err := cl.CreateAccount(cmd.Context(), args[0], title); err != nil {
				return err
			}
			return c.done(map[string]string{"name": args[0]}, "account %s is open; it has no password yet: stoa account password %s", args[0], args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&title, "title", "", "the person's name")
	flags.StringVar(&email, "email", "", "the person's address")
	flags.StringVar(&role, "role", "", "role over the whole platform: platform-admin, platform-member or viewer (default)")
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]string{string(client.PlatformAdmin), string(client.PlatformMember), string(client.Viewer)}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// declareUser makes the User object unless there is one.
func declareUser(ctx context.Context, cl *client.Client, name, title string, spec catalog.UserSpec) error {
	if _, err := cl.Get(ctx, "users", name); !problem.Is(err, problem.NotFound) {
		return err
	}
	user := object.New[catalog.UserSpec, struct{}](name, "", spec)
	user.Metadata.Title = title
	raw, err := json.Marshal(user)
	if err != nil {
		return fmt.Errorf("encode user: %w", err)
	}
	_, err = cl.Apply(ctx, bytes.NewReader(raw), "user", "", false)
	return err
}

func (c *Command) accountPasswordCommand() *cobra.Command {
	var stdin bool
	cmd := &cobra.Command{
		Use:     "password [NAME]",
		Short:   "Set a password, yours or another's",
		Example: "  stoa account password\n  stoa account password ann\n  stoa account password ann --password-stdin < password",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			cl, err := c.connect(ctx)
			if err != nil {
				return err
			}
			who, err := cl.WhoAmI(ctx)
			if err != nil {
				return err
			}
			name := strings.TrimPrefix(who.Name, "user/")
			if len(args) > 0 {
				name = args[0]
			}
			var old, password string
			if stdin {
				password, err = c.readAll()
			} else {
				old, password, err = c.askPasswords(ctx, "user/"+name == who.Name && who.Platform != client.PlatformAdmin)
			}
			if err == nil {
				err = cl.SetPassword(ctx, name, old, password)
			}
			if err != nil {
				return err
			}
			return c.done(map[string]string{"name": name}, "the password of %s is set", name)
		},
	}
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the new password from standard input")
	return cmd
}

// askPasswords asks for the new password twice, and before for the old one.
func (c *Command) askPasswords(ctx context.Context, withOld bool) (old, password string, err error) {
	const instead = "give --password-stdin"
	if withOld {
		if old, err = c.askSecret(ctx, "Old password", instead); err != nil {
			return "", "", err
		}
	}
	if password, err = c.askSecret(ctx, "New password", instead); err != nil {
		return "", "", err
	}
	again, err := c.askSecret(ctx, "The same again", instead)
	if err == nil && again != password {
		err = problem.New(problem.Invalid, "the two are not the same: nothing was changed")
	}
	return old, password, err
}

func (c *Command) accountListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the local accounts",
		Example: "  stoa account list\n  stoa account list -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			accounts, err := cl.Accounts(cmd.Context())
			if err != nil {
				return err
			}
			if c.Structured() {
				return c.Print(map[string]any{"items": append([]client.Account{}, accounts...)})
			}
			var rows [][]string
			for _, a := range accounts {
				password := "none"
				if !a.PasswordSet.IsZero() {
					password = "set"
				}
				state := "open"
				if !a.Disabled.IsZero() {
					state = "disabled"
				}
				rows = append(rows, []string{strings.TrimPrefix(a.Principal, "user/"), a.Display, state, password, output.Ago(a.Created, time.Now())})
			}
			return c.Table([]string{"NAME", "TITLE", "STATE", "PASSWORD", "AGE"}, rows)
		},
	}
}

func (c *Command) accountDisableCommand() *cobra.Command {
	return c.disabling(true, "account %s is disabled: it is signed out, and its tokens let nobody in", &cobra.Command{
		Use:   "disable NAME",
		Short: "Let a person in no more; what they made stays",
		Long: "Let a person in no more: sign-in, sessions and tokens of the account end at once. What the person made stays,\n" +
			"also tokens of machines: stoa token list --all. The account can be enabled again.",
		Example: "  stoa account disable ann",
	})
}

func (c *Command) accountEnableCommand() *cobra.Command {
	return c.disabling(false, "account %s is open again, with the password and the tokens that it had", &cobra.Command{
		Use:     "enable NAME",
		Short:   "Let in again whose account was disabled",
		Example: "  stoa account enable ann",
	})
}

// disabling completes the command that disables an account, or enables it.
func (c *Command) disabling(disabled bool, told string, cmd *cobra.Command) *cobra.Command {
	cmd.Args = cobra.ExactArgs(1)
	cmd.ValidArgsFunction = c.complete(askOf("users"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cl, err := c.connect(cmd.Context())
		if err != nil {
			return err
		}
		if err := cl.DisableAccount(cmd.Context(), args[0], disabled); err != nil {
			return err
		}
		return c.done(map[string]any{"name": args[0], "disabled": disabled}, told, args[0])
	}
	return cmd
}

func (c *Command) personCommand() *cobra.Command {
	var yes bool
	erase := &cobra.Command{
		Use:   "erase NAME",
		Short: "Take a person's name out of the ledger; its proofs still hold",
		Long: "Take a person's name out of the ledger, for ever: what the person did stays under a pseudonym that nobody can\n" +
			"resolve any more, payloads that name the person are erased, and every proof still holds. In teams, exceptions and\n" +
			"releases, and in all their versions, the pseudonym takes the name's place. What people wrote in their own words, such as\n" +
			"reasons and descriptions, and what services print into logs, is not searched. Backups that were made before still hold\n" +
			"the name: see stoa restore --forget. Who is known from elsewhere only is named as there.",
		Example: "  stoa person erase ann\n  stoa person erase git/ann@example.org --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.confirm(cmd.Context(), args[0], yes); err != nil {
				return err
			}
			if err := cl.ErasePerson(cmd.Context(), args[0]); err != nil {
				return err
			}
			return c.done(map[string]string{"name": args[0]}, "%s is erased", args[0])
		},
	}
	erase.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return group("person", "What is kept about people", erase)
}

// confirm demands that what is to be erased is typed, unless yes was said already.
func (c *Command) confirm(ctx context.Context, what string, yes bool) error {
	if yes {
		return nil
	}
	typed, err := c.askLine(ctx, "This cannot be undone. Type again what is to be erased: "+what, "give --yes")
	if err != nil {
		return err
	}
	if typed != what {
		return problem.New(problem.Invalid, "%q is not %q: nothing was erased", typed, what)
	}
	return nil
}

// done tells a result: as data, or in words.
func (c *Command) done(data any, format string, args ...any) error {
	if c.Structured() {
		return c.Print(data)
	}
	_, err := fmt.Fprintf(c.Out, format+"\n", args...)
	return err
}
