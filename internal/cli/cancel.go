package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
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

// cancelled is what `stoa cancel` prints of a release.
type cancelled struct {
	Release     string       `json:"release"`
	Environment string       `json:"environment"`
	Phase       client.Phase `json:"phase"`
	Serving     string       `json:"serving,omitempty"` // the release that goes on, if one does
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
	all := []cancelled{}
	for _, one := range slices.Backward(names) { // so that none of those that wait takes its turn
		rel, err := c.cancelOne(ctx, cl, name, one, o)
		if err != nil {
			return err
		}
		all = append(all, cancelled{one, in, rel.Status.Phase, status.Environments[in].Release})
	}
	if c.Structured() {
		return c.Print(all)
	}
	if len(all) == 0 {
		fmt.Fprintf(c.Out, "no release of %s is on its way to %s\n", name, in)
	}
	for _, one := range all {
		does := "is cancelled"
		if !one.Phase.Final() {
			does = "is being cancelled"
		}
		fmt.Fprintf(c.Out, "%s %s; %s serves in %s\n", one.Release, does, cmp.Or(one.Serving, "nothing"), one.Environment)
	}
	return nil
}

// onTheWay names the releases to cancel, in the order of their turns, and their environment.
func (c *Command) onTheWay(ctx context.Context, cl *client.Client, status client.Status, release, env string) (names []string, in string, err error) {
	if release == "" {
		if in, err = c.environment(ctx, cl, status.Service, env, "--env"); err != nil {
			return nil, "", err
		}
		for _, rel := range status.Environments[in].OnTheWay {
			names = append(names, rel.Release)
		}
		return names, in, nil
	}
	for in, at := range status.Environments {
		if slices.ContainsFunc(at.OnTheWay, func(rel client.OnTheWay) bool { return rel.Release == release }) {
			return []string{release}, in, nil
		}
	}
	return nil, "", problem.New(problem.Conflict, "no release %s of %s is on its way", release, status.Service).
		Do("stoa status "+status.Service+"    tells which are", "stoa history "+status.Service+"    tells what became of it")
}

// cancelOne cancels a release of the service and waits until it has ended.
func (c *Command) cancelOne(ctx context.Context, cl *client.Client, service, name string, o verbOptions) (client.Release, error) {
	rel, err := cl.Cancel(ctx, name, o.reason)
	if err != nil || o.detach {
		return rel, err
	}
	progress := c.Live()
	defer progress.Close()
	progress.Say("cancelling %s", name)
	if rel, err = cl.Watch(ctx, name, nil, nil); err != nil {
		return rel, err
	}
	if rel.Status.Phase != client.PhaseCancelled {
		return rel, problem.New(problem.Conflict, "release %s came to its end before it could be cancelled: it is %s", name, rel.Status.Phase).
			Do("stoa status " + service)
	}
	return rel, nil
}
