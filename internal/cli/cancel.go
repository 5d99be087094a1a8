package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (c *Command) cancelCommand() *cobra.Command {
	var o verbOptions
	var release string
	cmd := c.verb("cancel SERVICE", "End releases that are on their way; what served before goes on",
		"  stoa cancel shop\n  stoa cancel shop --release shop-7 --reason \"the wrong branch\"", &o,
		func(ctx context.Context, cl *client.Client, name string) error {
			return c.cancel(ctx, cl, name, release, o)
		})
	c.envFlag(cmd, &o.env)
	cmd.Flags().StringVar(&release, "release", "", "only this one (default: all that are on their way to the environment)")
	c.completeFlag(cmd, "release", askOf("releases"))
	return cmd
}

func (c *Command) cancel(ctx context.Context, cl *client.Client, name, release string, o verbOptions) error {
	status, err := cl.ServiceStatus(ctx, name)
	if err != nil {
		return err
	}
	names, in, err := c.onTheWay(ctx, cl, status, release, o.env)
	if err != nil {
		return err
	}
	all := []output.Cancelled{}
	for _, one := range slices.Backward(names) { // so that none of those that wait takes its turn
		rel, told := cl.Cancel(ctx, one, o.reason)
		if told != nil {
			err = errors.Join(err, told)
			continue
		}
		all = append(all, output.Cancelled{Release: one, Environment: in, Phase: rel.Status.Phase})
	}
	if !o.detach {
		err = errors.Join(err, c.end(ctx, cl, all))
	}
	if status, told := cl.ServiceStatus(ctx, name); told != nil {
		err = errors.Join(err, told)
	} else if at := status.Environments[in]; at.State == client.StateRunning || at.State == client.StateDegraded {
		for i := range all {
			all[i].Serving = at.Release
		}
	}
	if c.Structured() {
		return errors.Join(err, c.Print(all))
	}
	if len(names) == 0 {
		fmt.Fprintf(c.Out, "no release of %s is on its way\n", name)
	}
	for _, one := range all {
		if does := one.Does(); does != "" {
			fmt.Fprintf(c.Out, "%s %s; %s serves in %s\n", one.Release, does, cmp.Or(one.Serving, "nothing"), one.Environment)
		}
	}
	return err
}

// end waits until the releases have ended.
func (c *Command) end(ctx context.Context, cl *client.Client, all []output.Cancelled) (err error) {
	progress := c.Live()
	defer progress.Close()
	for i := range all {
		one := &all[i]
		progress.Say("cancelling %s", one.Release)
		rel, told := cl.Watch(ctx, one.Release, nil, nil)
		if one.Phase = rel.Status.Phase; told == nil && one.Phase != client.PhaseCancelled {
			told = problem.New(problem.Conflict, "release %s came to its end before it could be cancelled: it is %s", one.Release, one.Phase).Do("stoa describe release " + one.Release)
		}
		err = errors.Join(err, told)
	}
	return err
}

// onTheWay names the releases to cancel, in the order of their turns, and their
// environment: the one given, else the first to which any is on its way.
func (c *Command) onTheWay(ctx context.Context, cl *client.Client, status client.Status, release, env string) (names []string, in string, err error) {
	envs := slices.Sorted(maps.Keys(status.Environments))
	if env != "" && !slices.Contains(envs, env) {
		return nil, "", catalog.NotIn(status.Service, env, envs)
	}
	for _, at := range envs {
		if env != "" && at != env {
			continue
		}
		var on []string
		for _, rel := range status.Environments[at].OnTheWay {
			if release == "" || rel.Release == release {
				on = append(on, rel.Release)
			}
		}
		switch {
		case len(on) == 0:
		case in == "":
			names, in = on, at
		default:
			c.Note("others are on their way to %s: stoa cancel %s --env %s", at, status.Service, at)
		}
	}
	if release == "" || in != "" {
		return names, cmp.Or(in, env), nil
	}
	if _, err := cl.Get(ctx, "releases", release); err != nil {
		return nil, "", err
	}
	return nil, "", problem.New(problem.Conflict, "no release %s of %s is on its way", release, status.Service).
		Do("stoa status "+status.Service+"    tells which are", "stoa history "+status.Service+"    tells what became of it")
}
