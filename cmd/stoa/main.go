// Command stoa is the platform and its command line in one binary.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/stoa-platform/stoa/internal/app"
	"github.com/stoa-platform/stoa/internal/cli"
	"github.com/stoa-platform/stoa/internal/config"
)

// version is set by the linker in a released binary.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// run is main without the process around it.
func run(ctx context.Context, args []string, stdio cli.Stdio) int {
	return cli.Run(ctx, args, stdio, host{}, version)
}

// host starts platforms for the command line.
type host struct{}

func (host) Open(ctx context.Context, c config.Config, log *slog.Logger) (cli.Instance, error) {
	return app.Open(ctx, c, log)
}

func (host) Endpoint(data string) string { return app.Endpoint(data) }
