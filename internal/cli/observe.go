package cli

import (
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/observe"
	"github.com/stoa-platform/stoa/internal/history"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (c *Command) connectCommand() *cobra.Command {
	cmd := group("connect", "Bring in what happened elsewhere: a year of Git, GitHub or GitLab",
		c.connectGitCommand(), c.connectGitHubCommand(), c.connectGitLabCommand())
	cmd.Long = "Bring in what happened elsewhere. Stoa reads a year of releases, deployments, changes, pipeline runs and incidents and\n" +
		"posts them as events of their own time. It changes nothing where it reads. The same again adds nothing, and what broke\n" +
		"off goes on where it was. Services that are found so run elsewhere: they count as off the golden path."
	return cmd
}

// observation is what all sources are read with.
type observation struct {
	since, team, environment string
	tags                     []string
	dryRun, catalog, again   bool
}

func (o *observation) flags(c *Command, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.since, "since", "12mo", "how far back: months (12mo), years (1y), days (90d), hours, or a time (RFC 3339)")
	flags.StringVar(&o.team, "team", "", "team that owns all that is found (default: by CODEOWNERS)")
	flags.StringVar(&o.environment, "environment", "production", "environment that tags, releases and incidents are about")
	flags.StringArrayVar(&o.tags, "deploy-tags", nil, "tags that count as deployments, such as 'v*'; may be repeated (default: versions, no pre-releases)")
	flags.BoolVar(&o.dryRun, "dry-run", false, "print the events, one a line, and post nothing")
	flags.BoolVar(&o.catalog, "catalog", false, "also declare the services and teams that are found and not known yet")
	flags.BoolVar(&o.again, "again", false, "read everything, not only what is new since the last time")
	c.completeFlag(cmd, "team", askOf("teams"))
	c.completeFlag(cmd, "environment", askOf("environments"))
}

// options checks what was asked.
func (o *observation) options(now time.Time) (history.Options, error) {
	opts := history.Options{Now: now, Team: o.team, Environment: o.environment, Tags: o.tags}
	var err error
	if opts.Since, err = parseBack(o.since, now); err != nil {
		return opts, err
	}
	for flag, name := range map[string]string{"team": o.team, "environment": o.environment} {
		if name != "" && !object.ValidName(name) {
			return opts, usage("--%s %q: a name has a-z, 0-9 and -, such as %q", flag, name, cmp.Or(object.SlugName(name), "payments"))
		}
	}
	if o.environment == "" {
		return opts, usage("--environment must not be empty")
	}
	for _, pattern := range o.tags {
		if _, err := filepath.Match(pattern, ""); err != nil {
			return opts, usage("--deploy-tags %q: %v", pattern, err)
		}
	}
	return opts, nil
}

// parseBack reads a time in the past as parseSince does, and months and years.
func parseBack(s string, now time.Time) (time.Time, error) {
	for unit, years := range map[string]bool{"mo": false, "y": true} {
		text, ok := strings.CutSuffix(s, unit)
		n, err := strconv.Atoi(text)
		if !ok || err != nil || n < 0 || n > 1200 {
			continue
		}
		if years {
			return now.AddDate(-n, 0, 0), nil
		}
		return now.AddDate(0, -n, 0), nil
	}
	return parseSince(s, now)
}

// observe reads a source and posts what it finds.
func (c *Command) observe(ctx context.Context, o observation, kind, api, target string, open func(history.Options) (history.Source, error)) error {
	if o.dryRun && o.catalog {
		return usage("--dry-run shows events only: leave --catalog out")
	}
	opts, err := o.options(time.Now())
	if err != nil {
		return err
	}
	var cl *client.Client
	if !o.dryRun {
		if cl, err = c.connect(ctx); err != nil {
			return err
		}
	}
	return observe.Observation{
		Printer: &c.Printer, Client: cl, Kind: kind, API: api, Target: target, Options: opts, Catalog: o.catalog, Again: o.again, Open: open,
	}.Run(ctx)
}

func (c *Command) connectGitCommand() *cobra.Command {
	var o observation
	src := &history.Git{}
	cmd := &cobra.Command{
		Use:   "git DIR…",
		Short: "Read the history of local repositories",
		Long: "Read the history of every Git repository below the folders, bare ones too. Tags count as deployments, or with\n" +
			"--deploy-on-merge each change of the main branch. Reverts and hot-fixes say which deployment they mend.",
		Example: "  stoa connect git ~/src\n  stoa connect git ./shop --deploy-on-merge --team payments\n" +
			"  stoa connect git /srv/git --deploy-tags 'v*' --deploy-tags 'release-*' --catalog\n  stoa connect git . --dry-run | jq .type",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if src.OnMerge && len(o.tags) > 0 {
				return usage("give either --deploy-tags or --deploy-on-merge")
			}
			src.Dirs = args
			return c.observe(cmd.Context(), o, "git", "", strings.Join(args, " "), func(opts history.Options) (history.Source, error) {
				opts.OnMerge = src.OnMerge
				src.Options = opts
				return src, nil
			})
		},
	}
	o.flags(c, cmd)
	cmd.Flags().StringVar(&src.Branch, "branch", "", "main branch (default: the one that origin or HEAD names)")
	cmd.Flags().StringVar(&src.Name, "name", "", "name of the service, for one repository (default: the repository's)")
	cmd.Flags().BoolVar(&src.OnMerge, "deploy-on-merge", false, "each change of the main branch is a deployment")
	return cmd
}

// reach is how a host is reached.
type reach struct{ api, tokenEnv, tokenFile, label string }

func (r *reach) flags(cmd *cobra.Command, api, env string) {
	flags := cmd.Flags()
	flags.StringVar(&r.api, "api", api, "address of the API")
	flags.StringVar(&r.tokenEnv, "token-env", env, "environment variable that holds a token which may read")
	flags.StringVar(&r.tokenFile, "token-file", "", "file that holds the token instead")
	flags.StringVar(&r.label, "incident-label", "incident", "label of the issues that are incidents")
}

// reach reads the token, which no flag may carry: those can be seen by others.
func (c *Command) reach(r reach) (history.Host, error) {
	h := history.Host{API: r.api, Token: os.Getenv(r.tokenEnv), TokenFrom: "$" + r.tokenEnv}
	if r.tokenFile == "" {
		if h.Token == "" {
			c.Note("%s is empty: without a token a host shows little, and slowly", h.TokenFrom)
		}
		return h, nil
	}
	file, err := os.Open(r.tokenFile)
	if err != nil {
		return h, problem.New(problem.NotFound, "the token cannot be read from %s", r.tokenFile).Because(err.Error()).Cause(err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, 64<<10))
	if err != nil {
		return h, problem.New(problem.Failed, "the token cannot be read from %s", r.tokenFile).Because(err.Error()).Cause(err)
	}
	h.Token, h.TokenFrom = strings.TrimSpace(string(raw)), r.tokenFile
	if h.Token == "" || strings.ContainsAny(h.Token, "\r\n \t") {
		return h, problem.New(problem.Invalid, "%s holds no token: one word is wanted", r.tokenFile)
	}
	return h, nil
}

func (c *Command) connectGitHubCommand() *cobra.Command {
	var o observation
	var r reach
	cmd := &cobra.Command{
		Use:   "github ORG",
		Short: "Read what GitHub knows of an organisation",
		Long: "Read deployments and how they ended, releases, workflow runs of the main branch, pull requests and incidents of every\n" +
			"repository of an organisation, or of a person, that is no fork. Where no deployment was recorded, releases count as\n" +
			"deployments, else tags. The token needs to read contents, deployments, actions, pull requests, issues and, for teams,\n" +
			"members. Rate limits are kept; Ctrl-C and the same command again goes on.",
		Example: "  export GITHUB_TOKEN=…; stoa connect github acme\n  stoa connect github acme --token-file ~/.config/github-token --catalog\n" +
			"  stoa connect github acme --api https://github.example.org/api/v3 --since 6mo",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.observe(cmd.Context(), o, "github", r.api, args[0], func(opts history.Options) (history.Source, error) {
				host, err := c.reach(r)
				return &history.GitHub{Options: opts, Host: host, Org: args[0], IncidentLabel: r.label}, err
			})
		},
	}
	o.flags(c, cmd)
	r.flags(cmd, "https://api.github.com", "GITHUB_TOKEN")
	return cmd
}

func (c *Command) connectGitLabCommand() *cobra.Command {
	var o observation
	var r reach
	cmd := &cobra.Command{
		Use:   "gitlab GROUP",
		Short: "Read what GitLab knows of a group",
		Long: "Read deployments, releases, pipelines of the main branch, merge requests and incidents of every project of a group and\n" +
			"the groups in it that is no fork. Where no deployment was recorded, releases count as deployments, else tags. The token\n" +
			"needs the scope read_api. Rate limits are kept; Ctrl-C and the same command again goes on.",
		Example: "  export GITLAB_TOKEN=…; stoa connect gitlab acme\n  stoa connect gitlab acme/platform --api https://gitlab.example.org/api/v4 --catalog",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.observe(cmd.Context(), o, "gitlab", r.api, args[0], func(opts history.Options) (history.Source, error) {
				host, err := c.reach(r)
				return &history.GitLab{Options: opts, Host: host, Group: args[0], IncidentLabel: r.label}, err
			})
		},
	}
	o.flags(c, cmd)
	r.flags(cmd, "https://gitlab.com/api/v4", "GITLAB_TOKEN")
	return cmd
}
