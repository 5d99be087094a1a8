package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/internal/config"
)

func (c *Command) serveCommand() *cobra.Command {
	var conf config.Config
	var verbose, demo bool
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Run a platform",
		Long:    "Run a platform: portal, API, workers and what they run, on one address, until Ctrl-C or SIGTERM.",
		Example: "  stoa serve\n  stoa serve --data /var/lib/stoa --listen 127.0.0.1:8080\n  stoa serve --database postgres://stoa@127.0.0.1/stoa\n  stoa serve --demo --data /tmp/stoa-demo",
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
				return err
			}
			defer func() { err = errors.Join(err, instance.Close(context.WithoutCancel(cmd.Context()))) }()
			fmt.Fprintf(c.Err, "portal and API at %s, data in %s\n", instance.URL(), conf.Data)
			if demo {
				return c.serveDemo(cmd.Context(), instance, conf)
			}
			return instance.Serve(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&conf.Data, "data", "", "folder of the platform's data (STOA_DATA)")
	flags.StringVar(&conf.Listen, "listen", "", "address to listen on (STOA_LISTEN, default "+config.DefaultListen+")")
	flags.StringVar(&conf.Database, "database", "", "PostgreSQL URL or path of a SQLite file (STOA_DATABASE, default stoa.db in the data folder)")
	flags.StringVar(&conf.Runtime, "runtime", "process", "what runs workloads: process")
	flags.BoolVar(&demo, "demo", false, "begin with one simulated year; needs a data folder of its own")
	flags.BoolVarP(&verbose, "verbose", "v", false, "log more")
	return cmd
}
