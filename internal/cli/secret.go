package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (c *Command) secretCommand() *cobra.Command {
	return group("secret", "Values that a service gets in its environment and nobody can read",
		c.secretSetCommand(), c.secretListCommand(), c.secretUnsetCommand())
}

func (c *Command) secretSetCommand() *cobra.Command {
	var o secretOptions
	cmd := &cobra.Command{
		Use:   "set SERVICE KEY",
		Short: "Set a secret value; it is typed unseen or comes on standard input",
		Long: "Set a secret value; it is typed unseen or comes on standard input, never on the command line, where other\n" +
			"programs and the shell's history would keep it. The service's instances are replaced one after another, and the\n" +
			"command waits for it.\n" +
			"Instead of a service, secret/NAME is a Secret object that is of none, such as that of a webhook.",
		Example:           "  stoa secret set shop DATABASE_PASSWORD\n  stoa secret set secret/webhooks GITHUB\n  pass show shop/db | stoa secret set shop DATABASE_PASSWORD\n  stoa secret set shop TLS_KEY=- < key.pem",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: c.complete(askOf("services")),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, value, given := strings.Cut(args[1], "=")
			if given && value != "-" {
				return usage("the value of %s does not belong on the command line: other programs and the shell's history see it; "+
					"treat it as known and type another: stoa secret set %s %s", key, args[0], key)
			}
			if name, named := strings.CutPrefix(args[0], "secret/"); named {
				return c.onNamedSecret(cmd.Context(), name, o.env, func(cl *client.Client) error {
					secret, err := c.secretValue(cmd.Context(), key, given)
					if err != nil {
						return err
					}
					if err := cl.SetSecretValues(cmd.Context(), name, map[string]string{key: secret}); err != nil {
						return err
					}
					return c.namedSecretDone("%s is set in %s", key, args[0])
				})
			}
			return c.onSecrets(cmd.Context(), args[0], o.env, func(cl *client.Client, env string) error {
				secret, err := c.secretValue(cmd.Context(), key, given)
				if err != nil {
					return err
				}
				if err := cl.SetSecrets(cmd.Context(), args[0], env, map[string]string{key: secret}); err != nil {
					return err
				}
				return c.secretDone(cmd.Context(), cl, o, "%s is set for %s in %s", key, args[0], env)
			})
		},
	}
	c.secretFlags(cmd, &o)
	return cmd
}

// secretOptions are the flags of a change of secret values.
type secretOptions struct {
	env    string
	detach bool
}

func (c *Command) secretFlags(cmd *cobra.Command, o *secretOptions) {
	c.envFlag(cmd, &o.env)
	cmd.Flags().BoolVarP(&o.detach, "detach", "d", false, "do not wait until the instances are replaced")
}

// secretValue reads the value where nobody sees it.
func (c *Command) secretValue(ctx context.Context, key string, stdin bool) (string, error) {
	if stdin || !terminal.Is(c.In) {
		return c.readAll()
	}
	return c.askSecret(ctx, key, "")
}

// secretDone waits until the instances that run have seen the change, and tells the
// result, which has no other form than its words.
func (c *Command) secretDone(ctx context.Context, cl *client.Client, o secretOptions, format, key, service, env string) error {
	s, err := cl.Service(ctx, service)
	if err != nil {
		return err
	}
	_, in := s.Spec.Environments[env]
	runs := s.Status.Environments[env].Release != "" && s.Spec.Environments[env].Replicas > 0
	if !c.Structured() {
		fmt.Fprintf(c.Out, format+"\n", key, service, env)
	}
	if runs && !o.detach {
		err = c.settled(ctx, cl, s, env, "restarting")
	}
	switch {
	case err != nil:
		return err
	case c.Structured():
		return c.Print(map[string]string{"service": service, "environment": env, "key": key})
	case runs && o.detach:
		c.Note("instances that run are replaced, one after another, and see it then: stoa status %s --watch", service)
	case runs:
		return c.healthyLine(ctx, cl, service, env)
	case !in:
		c.Note("%s is not in %s yet: its first release there sees it, stoa promote %s --to %s", service, env, service, env)
	}
	return nil
}

// onNamedSecret connects, for a secret that is of no service and so of no environment.
func (c *Command) onNamedSecret(ctx context.Context, name, env string, do func(cl *client.Client) error) error {
	if env != "" {
		return usage("secret/%s is of no environment: leave --env out", name)
	}
	cl, err := c.connect(ctx)
	if err != nil {
		return err
	}
	return do(cl)
}

func (c *Command) namedSecretDone(format, key, secret string) error {
	if c.Structured() {
		return c.Print(map[string]string{"secret": secret, "key": key})
	}
	fmt.Fprintf(c.Out, format+"\n", key, secret)
	return nil
}

// onSecrets connects and finds the environment. The answer does not always name
// it, so one that was not given is told, also where there is no choice.
func (c *Command) onSecrets(ctx context.Context, name, given string, do func(cl *client.Client, env string) error) error {
	cl, err := c.connect(ctx)
	if err != nil {
		return err
	}
	if given != "" {
		return do(cl, given) // the service need not be there yet
	}
	in, err := environmentsOf(ctx, cl, name)
	switch {
	case err != nil:
		return err
	case len(in) == 1:
		c.Note("in %s, the only environment that %s is in", in[0], name)
	default:
		c.Note("in %s; --env names another: %s", in[0], strings.Join(without(in, in[0]), ", "))
	}
	return do(cl, in[0])
}

// without are the names but one.
func without(names []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == one })
}

func (c *Command) secretListCommand() *cobra.Command {
	var env string
	cmd := &cobra.Command{
		Use:               "list SERVICE",
		Short:             "The names of a service's secret values",
		Example:           "  stoa secret list shop\n  stoa secret list shop --env production -o json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.complete(askOf("services")),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.onSecrets(cmd.Context(), args[0], env, func(cl *client.Client, env string) error {
				keys, err := cl.SecretKeys(cmd.Context(), args[0], env)
				if err != nil {
					return err
				}
				if c.Structured() {
					return c.Print(map[string]any{"service": args[0], "environment": env, "keys": append([]string{}, keys...)})
				}
				if len(keys) == 0 {
					c.Note("%s has no secret values in %s", args[0], env)
				}
				for _, key := range keys {
					fmt.Fprintln(c.Out, key)
				}
				return nil
			})
		},
	}
	c.envFlag(cmd, &env)
	return cmd
}

func (c *Command) secretUnsetCommand() *cobra.Command {
	var o secretOptions
	cmd := &cobra.Command{
		Use:               "unset SERVICE KEY",
		Short:             "Remove a secret value",
		Example:           "  stoa secret unset shop DATABASE_PASSWORD\n  stoa secret unset secret/webhooks GITHUB",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: c.complete(askOf("services"), c.askKeys(&o.env)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if name, named := strings.CutPrefix(args[0], "secret/"); named {
				return c.onNamedSecret(cmd.Context(), name, o.env, func(cl *client.Client) error {
					if err := cl.UnsetSecretValues(cmd.Context(), name, args[1:]); err != nil {
						return err
					}
					return c.namedSecretDone("%s is removed from %s", args[1], args[0])
				})
			}
			return c.onSecrets(cmd.Context(), args[0], o.env, func(cl *client.Client, env string) error {
				keys, err := cl.SecretKeys(cmd.Context(), args[0], env)
				if err != nil {
					return err
				}
				if !slices.Contains(keys, args[1]) {
					return noSecret(cmd.Context(), cl, args[0], args[1], env)
				}
				if err := cl.UnsetSecrets(cmd.Context(), args[0], env, args[1:]); err != nil {
					return err
				}
				return c.secretDone(cmd.Context(), cl, o, "%s is removed from %s in %s", args[1], args[0], env)
			})
		},
	}
	c.secretFlags(cmd, &o)
	return cmd
}

// noSecret tells that there is no such value, and where there is one.
func noSecret(ctx context.Context, cl *client.Client, name, key, env string) error {
	p := problem.New(problem.NotFound, "%s has no secret value %s in %s", name, key, env)
	known, err := environments(ctx, cl)
	if err != nil {
		return err
	}
	for _, other := range without(known, env) {
		keys, err := cl.SecretKeys(ctx, name, other)
		if err != nil {
			return err
		}
		if slices.Contains(keys, key) {
			p.Do("stoa secret unset " + name + " " + key + " --env " + other + "    there it is set")
		}
	}
	return p.Do("stoa secret list " + name + " --env " + env)
}

func (c *Command) askKeys(env *string) ask {
	return func(ctx context.Context, cl *client.Client, args []string, _ string) ([]string, error) {
		in, err := c.environment(ctx, cl, args[0], *env, "--env")
		if err != nil {
			return nil, err
		}
		return cl.SecretKeys(ctx, args[0], in)
	}
}
