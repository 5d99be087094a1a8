package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/cli/again"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/config"
)

func (c *Command) serveCommand() *cobra.Command {
	var conf config.Config
	var verbose, demo bool
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Run a platform",
		Long:    "Run a platform: portal, API, workers and what they run, on one address, until Ctrl-C or SIGTERM.",
		Example: "  stoa serve\n  stoa serve --data /var/lib/stoa --listen 127.0.0.1:8080\n  stoa serve --database postgres://stoa@127.0.0.1/stoa\n  stoa serve --listen 0.0.0.0:7700 --trusted-proxies 10.0.0.0/8,192.0.2.7\n  stoa serve --demo --data /tmp/stoa-demo",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			conf.Version = c.version
			conf, err := conf.WithDefaults()
			if err != nil {
				return err
			}
			if conf.Runtime != "process" {
				return usage("runtime %q: this build has process", conf.Runtime)
			}
			level := slog.LevelInfo
			switch {
			case verbose:
				level = slog.LevelDebug
			case demo:
				level = slog.LevelWarn // the terminal shows how the year goes on
			}
			log := slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: level}))
			instance, err := c.host.Open(cmd.Context(), conf, log)
			if err != nil {
				return freePort(err, again.Of(cmd, nil).With(" --listen 127.0.0.1:0", "listen"))
			}
			defer func() { err = errors.Join(err, instance.Close(context.WithoutCancel(cmd.Context()))) }()
			cl, err := c.client(instance.URL(), adminToken(conf.Data))
			if err != nil {
				return err
			}
			return whileServing(cmd.Context(), instance, func(ctx context.Context) error {
				c.greet(ctx, cl, conf.Data)
				if demo {
					return c.demonstrate(ctx, cl, conf.Data)
				}
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&conf.Data, "data", "", "folder of the platform's data (STOA_DATA)")
	flags.StringVar(&conf.Listen, "listen", "", "address to listen on (STOA_LISTEN, default "+config.DefaultListen+")")
	flags.StringVar(&conf.Database, "database", "", "PostgreSQL URL or path of a SQLite file (STOA_DATABASE, default stoa.db in the data folder)")
	flags.StringVar(&conf.Runtime, "runtime", "process", "what runs workloads: process")
	flags.Var(&conf.TrustedProxies, "trusted-proxies", "addresses and networks of the reverse proxies in front, whose X-Forwarded-For is believed (STOA_TRUSTED_PROXIES)")
	flags.BoolVar(&demo, "demo", false, "begin with one simulated year; needs a data folder of its own")
	flags.BoolVarP(&verbose, "verbose", "v", false, "log more")
	return cmd
}

// whileServing serves, and does what is to be done as soon as the platform
// answers; an error of that ends the platform.
func whileServing(ctx context.Context, instance Instance, do func(context.Context) error) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- instance.Serve(serving) }()
	select {
	case <-instance.Ready():
	case err := <-served:
		return err
	}
	err := do(serving)
	if err != nil {
		stop()
	}
	return errors.Join(<-served, err)
}

// greet tells who started a platform where it is and how to get in.
func (c *Command) greet(ctx context.Context, cl *client.Client, data string) {
	say := func(label, text, more string) {
		fmt.Fprintf(c.Err, "  %-10s %s   %s\n", label, text, c.Paint().Dim(more))
	}
	say("portal", cl.Server(), "and the API")
	say("sign in", c.wayIn(ctx, cl, data), "signs in once, within ten minutes")
	say("data", data, "the admin's token is in "+filepath.Join(data, auth.AdminTokenFile))
}

// wayIn is a link that signs the admin in, before the eyes of a person; what is
// no terminal may be a log that others read, and gets the command that makes one.
func (c *Command) wayIn(ctx context.Context, cl *client.Client, data string) string {
	if terminal.Is(c.Err) {
		if link, err := signInLink(ctx, cl); err == nil {
			return link
		}
	}
	if usual, err := config.DataDir(); err == nil && usual == data {
		return "stoa open"
	}
	return fmt.Sprintf("%s=%q stoa open", config.EnvData, data)
}
