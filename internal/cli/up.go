package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/cli/again"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/source"
)

// upOptions are the flags of `stoa up`: all of them optional.
type upOptions struct {
	name, env, team, memory, cpu, reason, fixes string
	components, set, answer                     []string
	answers                                     map[string]string // of answer and of a person
	replicas                                    int
	detach, dryRun                              bool
	line                                        again.Line
}

func (c *Command) upCommand() *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:   "up [DIR | GIT-ADDRESS]",
		Short: "Deploy a folder of code; nothing else is asked",
		Long: "Deploy a folder of code: detect what it is, find out who owns it, ask the gates, build, release, roll out,\n" +
			"verify, route. With no platform configured one is started in this process and runs until Ctrl-C.\n" +
			"What nothing tells, such as which of your teams owns it, is asked on a terminal, once; elsewhere the options are told.",
		Example: "  stoa up\n  stoa up ./shop --env production --replicas 3\n  stoa up ./shop --set LOG_LEVEL=debug --detach\n" +
			"  stoa up . --component api -o json\n  stoa up https://git.example.com/team/shop.git",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("replicas") && o.replicas < 1 {
				return usage("--replicas %d: at least 1; `stoa down SERVICE` stops a service", o.replicas)
			}
			o.line = again.Of(cmd, args)
			return c.up(cmd.Context(), args, o, cmd.Flags().Changed("replicas"))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.name, "name", "", "name of the service (default: from the source)")
	flags.StringVar(&o.env, "env", "", "environment (default: the first)")
	flags.StringVar(&o.team, "team", "", "owning team (default: from CODEOWNERS, catalog-info.yaml or your team)")
	flags.IntVar(&o.replicas, "replicas", 1, "number of instances")
	flags.StringVar(&o.memory, "memory", "", "memory of each instance, such as 256Mi")
	flags.StringVar(&o.cpu, "cpu", "", "processors of each instance, such as 0.5")
	flags.StringArrayVar(&o.set, "set", nil, "plain setting KEY=VALUE of the service; may be repeated")
	flags.StringArrayVar(&o.components, "component", nil, "only this component of several, by name or folder; may be repeated")
	flags.StringArrayVar(&o.answer, "answer", nil, "answer ID=OPTION to a question that an earlier try was told; may be repeated")
	flags.StringVar(&o.reason, "reason", "", "why, kept with the release")
	flags.StringVar(&o.fixes, "fixes", "", "incident or release that this one mends: it counts as a hot-fix")
	flags.BoolVarP(&o.detach, "detach", "d", false, "return when the release has come to its end")
	flags.BoolVar(&o.dryRun, "dry-run", false, "detect, find the owner and ask the gates; change nothing")
	c.completeFlag(cmd, "env", askOf("environments"))
	c.completeFlag(cmd, "team", askOf("teams"))
	c.completeFlag(cmd, "name", askOf("services"))
	return cmd
}

// up is the main job.
func (c *Command) up(ctx context.Context, args []string, o upOptions, scaled bool) error {
	settings, err := pairs("set", o.set)
	if err != nil {
		return err
	}
	if o.answers, err = pairs("answer", o.answer); err != nil {
		return err
	}
	dir, cleanup, err := checkout(ctx, args)
	if err != nil {
		return err
	}
	defer cleanup()
	cl, embedded, err := c.platform4up(ctx, o)
	if err != nil {
		return err
	}
	if embedded != nil {
		defer embedded.close(ctx)
	}
	spec := client.ReleaseSpec{Service: o.name, Environment: o.env, Set: settings, Memory: o.memory, CPU: o.cpu, Fixes: o.fixes}
	if scaled {
		spec.Replicas = &o.replicas
	}
	released, err := c.release(ctx, cl, dir, spec, o)
	o.line.Complete(err)
	if c.Structured() && len(released) > 0 {
		err = errors.Join(c.printUps(released), err)
	}
	if err != nil {
		if embedded == nil {
			c.goesOn(ctx, released)
		}
		return err
	}
	if o.dryRun || (o.detach && embedded == nil) {
		return nil
	}
	return c.stay(ctx, cl, released, embedded)
}

// release uploads the source and carries out one release for each component.
func (c *Command) release(ctx context.Context, cl *client.Client, dir string, spec client.ReleaseSpec, o upOptions) ([]upResult, error) {
	snapshot, err := source.Scan(ctx, dir)
	if err != nil {
		return nil, err
	}
	origin, err := detect.ReadOrigin(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := c.upload(ctx, cl, snapshot); err != nil {
		return nil, err
	}
	known := convert[client.Origin](origin)
	spec.Source, spec.Origin, spec.Folder = string(snapshot.Digest), &known, filepath.Base(dir)
	components := o.components
	if len(components) == 0 {
		if components, err = c.components(ctx, cl, spec, filepath.Base(dir)); err != nil {
			return nil, err
		}
	}
	if len(components) > 1 && o.name != "" {
		return nil, usage("--name names one service, the source has %d components: %s", len(components), strings.Join(components, ", "))
	}
	var all []upResult
	for _, component := range components {
		spec.Component = component
		if spec.Service == "" && component == "." {
			spec.Component = ""
		}
		rel, err := c.admit(ctx, cl, spec, o)
		if err != nil {
			return all, err
		}
		u, err := c.follow(ctx, cl, rel, o)
		all = append(all, u)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// admit asks for a release, and a person for what only they can say. What was
// answered for one component holds for the next one that asks the same.
func (c *Command) admit(ctx context.Context, cl *client.Client, spec client.ReleaseSpec, o upOptions) (client.Release, error) {
	spec.Answers = maps.Clone(o.answers)
	for {
		rel, err := cl.Release(ctx, spec, o.team, o.reason, o.dryRun)
		var told *client.Problem
		if !errors.As(err, &told) || told.Question == nil || o.dryRun || !c.asks() {
			return rel, err
		}
		id := told.Question.ID
		if _, again := spec.Answers[id]; again {
			return rel, err // the answer did not settle it
		}
		if _, known := o.answers[id]; !known {
			answer, err := c.askOption(ctx, *told.Question, told.Why)
			if err != nil {
				return rel, err
			}
			if answer == "" {
				return rel, told // it says how to answer without being asked
			}
			o.answers[id] = answer
		}
		spec.Answers[id] = o.answers[id]
	}
}

// upload sends the source unless the platform has it already.
func (c *Command) upload(ctx context.Context, cl *client.Client, s source.Snapshot) error {
	progress := c.Live()
	defer progress.Close()
	return cl.Upload(ctx, string(s.Digest), func(w io.Writer) error {
		return s.WriteTar(&terminal.Counting{To: w, Each: func(n int64) { progress.Bar("uploading", n, 0, catalog.FormatBytes) }})
	})
}

// components lists what can run in the source, by folder and name.
func (c *Command) components(ctx context.Context, cl *client.Client, spec client.ReleaseSpec, base string) ([]string, error) {
	found, err := cl.Detect(ctx, spec.Source, base, spec.Origin)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, comp := range found.Components {
		if comp.Type != client.TypeLibrary {
			names = append(names, comp.Name)
		}
	}
	if len(names) == 0 {
		return []string{""}, nil // the platform says why nothing can run
	}
	return names, nil
}

// follow shows the way of an admitted release until it runs or has failed;
// of a dry run it tells what is known so far.
func (c *Command) follow(ctx context.Context, cl *client.Client, rel client.Release, o upOptions) (upResult, error) {
	show := newShow(c, cl.Server(), rel, o.line)
	defer show.close()
	if o.dryRun {
		return resultOf(rel), nil
	}
	last, err := cl.Watch(ctx, rel.Metadata.Name, show.changed, show.line)
	if err != nil {
		return resultOf(rel), err
	}
	if last.Status.Problem != nil {
		return resultOf(last), last.Status.Problem
	}
	return resultOf(last), nil
}

// goesOn tells a person who left early that the release does not need them.
func (c *Command) goesOn(ctx context.Context, released []upResult) {
	if n := len(released); n > 0 && ctx.Err() != nil {
		u := released[n-1]
		c.Note("release %s goes on: stoa status %s; stoa cancel %s --release %s ends it", u.Release, u.Service, u.Service, u.Release)
	}
}

// stay follows the logs until the person has seen enough.
func (c *Command) stay(ctx context.Context, cl *client.Client, released []upResult, embedded *embedded) error {
	if embedded != nil && !c.Structured() {
		link, err := signInLink(ctx, cl)
		if err != nil {
			link = cl.Server()
		}
		fmt.Fprintf(c.Out, "  %-10s %s\n", "portal", link)
		fmt.Fprintf(c.Err, "\n%s\n", c.Paint().Dim("Logs follow. Ctrl-C stops the platform and what it runs; the next `stoa up` goes on from here."))
	}
	errs := make(chan error, len(released)+1)
	for _, u := range released {
		go func() {
			since := time.Now()
			if at := u.started; !at.IsZero() {
				since = at
			}
			errs <- cl.Logs(ctx, u.Service, client.LogQuery{Environment: u.Environment, Since: since, Follow: true, Attached: true}, func(e client.LogEntry) error {
				return c.logLine(e, len(released) > 1)
			})
		}()
	}
	if embedded != nil {
		go func() { errs <- embedded.wait() }()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-errs:
			if err != nil && ctx.Err() == nil {
				return err
			}
			if embedded == nil && err == nil {
				return nil
			}
		}
	}
}
