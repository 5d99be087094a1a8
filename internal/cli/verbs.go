package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/problem"
)

// verbOptions are the flags that all verbs on a service share.
type verbOptions struct {
	env, reason string
	detach      bool
}

// verb is a command on one service.
func (c *Command) verb(use, short, example string, o *verbOptions, run func(context.Context, *client.Client, string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.ExactArgs(1), ValidArgsFunction: c.complete(askOf("services")),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.connect(cmd.Context())
			if err != nil {
				return err
			}
			return run(cmd.Context(), cl, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.reason, "reason", "", "why, kept with what it does")
	flags.BoolVarP(&o.detach, "detach", "d", false, "do not wait until it is done")
	return cmd
}

func (c *Command) envFlag(cmd *cobra.Command, env *string) {
	cmd.Flags().StringVar(env, "env", "", "environment (default: the only one it is in, or the first of them)")
	c.completeFlag(cmd, "env", askOf("environments"))
}

func (c *Command) rollbackCommand() *cobra.Command {
	var o verbOptions
	var to string
	cmd := c.verb("rollback SERVICE", "Release an earlier artifact again", "  stoa rollback shop\n  stoa rollback shop --to shop-5 --env production --reason \"checkout fails\"", &o,
		func(ctx context.Context, cl *client.Client, name string) error {
			env, err := c.environment(ctx, cl, name, o.env, "--env")
			if err != nil {
				return err
			}
			rel, err := cl.Rollback(ctx, name, env, to, o.reason)
			return c.carryOut(ctx, cl, rel, err, o.detach)
		})
	c.envFlag(cmd, &o.env)
	cmd.Flags().StringVar(&to, "to", "", "release to go back to (default: the last one with another artifact or other settings)")
	c.completeFlag(cmd, "to", askOf("releases"))
	return cmd
}

func (c *Command) promoteCommand() *cobra.Command {
	var o verbOptions
	var to string
	cmd := c.verb("promote SERVICE --to ENVIRONMENT", "Release the very same artifact to another environment",
		"  stoa promote shop --to production\n  stoa promote shop --from staging --to production", &o,
		func(ctx context.Context, cl *client.Client, name string) error {
			if to == "" {
				return usage("say where to: stoa promote %s --to ENVIRONMENT", name)
			}
			from, err := c.environment(ctx, cl, name, o.env, "--from")
			if err != nil {
				return err
			}
			rel, err := cl.Promote(ctx, name, from, to, o.reason)
			return c.carryOut(ctx, cl, rel, err, o.detach)
		})
	cmd.Flags().StringVar(&o.env, "from", "", "environment whose artifact is taken (default: the only one it is in, or the first of them)")
	cmd.Flags().StringVar(&to, "to", "", "environment to bring it to")
	c.completeFlag(cmd, "from", askOf("environments"))
	c.completeFlag(cmd, "to", askOf("environments"))
	return cmd
}

// carryOut shows an admitted release until it runs or has failed.
func (c *Command) carryOut(ctx context.Context, cl *client.Client, rel client.Release, err error, detach bool) error {
	if err != nil {
		return err
	}
	u, err := resultOf(rel), error(nil)
	if !detach {
		u, err = c.follow(ctx, cl, rel, upOptions{})
	} else if !c.Structured() {
		fmt.Fprintf(c.Out, "release %s is on its way to %s\n", rel.Metadata.Name, rel.Spec.Environment)
		for _, line := range output.Lines(output.Gates(rel.Status.Gates), c.Paint()) {
			fmt.Fprintln(c.Out, line)
		}
	}
	if c.Structured() {
		if told := c.Print(u); told != nil {
			return told
		}
	}
	if err != nil {
		c.goesOn(ctx, []upResult{u})
	}
	return err
}

func (c *Command) scaleCommand() *cobra.Command {
	var o verbOptions
	replicas := -1
	cmd := c.verb("scale SERVICE --replicas N", "Set the number of instances", "  stoa scale shop --replicas 3\n  stoa scale shop --replicas 0 --env dev", &o,
		func(ctx context.Context, cl *client.Client, name string) error {
			if replicas < 0 {
				return usage("say how many instances, 0 or more: stoa scale %s --replicas 2", name)
			}
			return c.change(ctx, cl, name, o, "scaling", func(env string) (client.Service, error) {
				return cl.Scale(ctx, name, env, replicas, o.reason)
			})
		})
	c.envFlag(cmd, &o.env)
	cmd.Flags().IntVarP(&replicas, "replicas", "r", -1, "number of instances; 0 stops it")
	return cmd
}

func (c *Command) restartCommand() *cobra.Command {
	var o verbOptions
	cmd := c.verb("restart SERVICE", "Replace all instances, without a lost request", "  stoa restart shop\n  stoa restart shop --env production", &o,
		func(ctx context.Context, cl *client.Client, name string) error {
			return c.change(ctx, cl, name, o, "restarting", func(env string) (client.Service, error) {
				return cl.Restart(ctx, name, env, o.reason)
			})
		})
	c.envFlag(cmd, &o.env)
	return cmd
}

func (c *Command) downCommand() *cobra.Command {
	var o verbOptions
	cmd := c.verb("down SERVICE", "Stop a service in an environment; its object, releases and logs stay", "  stoa down shop\n  stoa down shop --env production", &o,
		func(ctx context.Context, cl *client.Client, name string) error {
			return c.change(ctx, cl, name, o, "stopping", func(env string) (client.Service, error) {
				return cl.Scale(ctx, name, env, 0, o.reason)
			})
		})
	c.envFlag(cmd, &o.env)
	return cmd
}

// change asks for a change of how a service runs, and waits until it is so.
func (c *Command) change(ctx context.Context, cl *client.Client, name string, o verbOptions, doing string, ask func(env string) (client.Service, error)) error {
	env, err := c.environment(ctx, cl, name, o.env, "--env")
	if err != nil {
		return err
	}
	before, err := cl.Service(ctx, name)
	if err != nil {
		return err
	}
	was := before.Spec.Environments[env].Replicas
	s, err := ask(env)
	if err != nil {
		return err
	}
	wanted := s.Spec.Environments[env].Replicas
	if s.Status.Environments[env].Release == "" {
		fmt.Fprintf(c.Out, "%s has no release in %s yet: it takes effect with the first one\n", name, env)
		if status, err := cl.ServiceStatus(ctx, name); err == nil && wanted == 0 && len(status.Environments[env].OnTheWay) > 0 {
			c.Note("the one on its way comes up once all the same: stoa cancel %s --env %s ends it", name, env)
		}
		return nil
	}
	switch {
	case s.Metadata.Generation == before.Metadata.Generation: // it is so already
	case o.detach:
		if !c.Structured() {
			fmt.Fprintf(c.Out, "%s in %s: %s to %s\n", name, env, doing, output.Count(wanted, "instance"))
			return nil
		}
	default:
		if err := c.settled(ctx, cl, s, env, doing); err != nil {
			return err
		}
	}
	if c.Structured() {
		return c.serviceStatus(ctx, cl, name, "")
	}
	if wanted == 0 {
		fmt.Fprintf(c.Out, "%s is stopped in %s\n", name, env)
		if was > 0 { // else it was stopped before
			c.Note("back again: stoa scale %s --replicas %d --env %s", name, was, env)
		}
		return nil
	}
	return c.healthyLine(ctx, cl, name, env)
}

// healthyLine tells in one line how many instances are well.
func (c *Command) healthyLine(ctx context.Context, cl *client.Client, name, env string) error {
	status, err := cl.ServiceStatus(ctx, name)
	if err != nil {
		return err
	}
	at := status.Environments[env]
	fmt.Fprintf(c.Out, "%s in %s: %s\n", name, env, output.HowFar(at))
	return nil
}

// settleTime bounds the wait for a change to take effect.
const settleTime = 5 * time.Minute

// settled waits until a service runs in an environment as it was declared, or
// cannot.
func (c *Command) settled(ctx context.Context, cl *client.Client, s client.Service, env, doing string) error {
	progress := c.Live()
	defer progress.Close()
	name, limit := s.Metadata.Name, time.Now().Add(settleTime)
	for {
		status, err := cl.ServiceStatus(ctx, name)
		if err != nil {
			return err
		}
		at := status.Environments[env]
		done := at.Generation >= s.Metadata.Generation
		switch {
		case done && at.Message != "":
			return problem.New(problem.Failed, "%s %s in %s failed: %s", doing, name, env, at.Message).
				Because(output.HowFar(at)).
				Do("stoa logs " + name + " --env " + env)
		case done && at.State == client.StateStopped && at.Replicas == 0, done && at.State == client.StateRunning && at.Healthy >= at.Replicas:
			return nil
		case time.Now().After(limit):
			return problem.New(problem.Failed, "%s %s in %s is not done after %s: %s", doing, name, env, settleTime, cmp.Or(at.Shortfall, output.HowFar(at))).
				Do("stoa status "+name+" --watch", "stoa logs "+name+" --env "+env)
		}
		if len(at.OnTheWay) > 0 && !done {
			first := at.OnTheWay[0]
			progress.Say("%s %s in %s: waits for %s, which is at %s; stoa cancel %s --release %s ends it", doing, name, env, first.Release, first.Step, name, first.Release)
		} else {
			progress.Say("%s %s in %s: %s", doing, name, env, output.HowFar(at))
		}
		if err := pause(ctx); err != nil {
			c.Note("it goes on: stoa status %s", name)
			return err
		}
	}
}

// environment gives the environment that a command on a service is about: the
// one given, the only one that the service is in, or the first of them in the
// order of the environments; then it says which, and by which flag to name another.
func (c *Command) environment(ctx context.Context, cl *client.Client, name, given, flag string) (string, error) {
	if given != "" {
		return given, nil
	}
	in, err := environmentsOf(ctx, cl, name)
	if err != nil {
		return "", err
	}
	if len(in) > 1 {
		c.Note("in %s, the first of %s; %s names another", in[0], strings.Join(in, ", "), flag)
	}
	return in[0], nil
}

// environmentsOf lists those that a service is in, at least one, in the order of
// the environments.
func environmentsOf(ctx context.Context, cl *client.Client, name string) ([]string, error) {
	s, err := cl.Service(ctx, name)
	if err != nil {
		return nil, err
	}
	in := slices.Sorted(maps.Keys(s.Spec.Environments))
	if len(in) == 0 {
		return nil, problem.New(problem.Invalid, "service %s is in no environment yet", name).Do("stoa up DIR --name " + name)
	}
	if len(in) == 1 {
		return in, nil
	}
	ordered, err := environments(ctx, cl)
	slices.SortStableFunc(in, func(a, b string) int { return slices.Index(ordered, a) - slices.Index(ordered, b) })
	return in, err
}

// environments lists the platform's environments in their order.
func environments(ctx context.Context, cl *client.Client) ([]string, error) {
	page, err := cl.List(ctx, "environments", client.Query{Limit: 1000})
	if err != nil {
		return nil, err
	}
	all := make([]catalog.Environment, len(page.Items))
	for i, raw := range page.Items {
		if err := json.Unmarshal(raw, &all[i]); err != nil {
			return nil, fmt.Errorf("decode answer: %w", err)
		}
	}
	slices.SortStableFunc(all, func(a, b catalog.Environment) int { return a.Spec.Order - b.Spec.Order })
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Metadata.Name
	}
	return names, nil
}
