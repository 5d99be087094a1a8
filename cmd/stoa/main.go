// Command stoa is the platform and its command line in one binary.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/stoa-platform/stoa/internal/app"
	"github.com/stoa-platform/stoa/internal/cli"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/store"
)

// version is set by the linker in a released binary.
var version = "dev"

// built is the version of this binary: what the linker was told, else that of the
// module if it was installed by its version.
func built() string {
	info, ok := debug.ReadBuildInfo()
	if version != "dev" || !ok || !semver.IsValid(info.Main.Version) || module.IsPseudoVersion(info.Main.Version) {
		return version
	}
	return info.Main.Version
}

func main() { os.Exit(run()) }

// run is main without the exit. The first Ctrl-C ends what is under way in
// order, the second one at once.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return cli.Run(ctx, os.Args[1:], cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, host{}, built())
}

// host is what the command line needs of a platform beside its API.
type host struct{}

func (host) Open(ctx context.Context, c config.Config, log *slog.Logger) (cli.Instance, error) {
	return app.Open(ctx, c, log)
}

func (host) Endpoint(data string) string { return app.Endpoint(data) }

func (host) Restore(ctx context.Context, c config.Config, from, erased io.Reader, log *slog.Logger) (cli.Restored, error) {
	var forget []string
	if erased != nil {
		var err error
		if forget, err = app.ParseErased(erased); err != nil {
			return cli.Restored{}, err
		}
	}
	m, err := app.Restore(ctx, c, from, forget, log)
	return cli.Restored{
		Made: m.Made, Events: m.Events, Objects: m.Tables["objects"].Rows, Secrets: m.Tables["secret_values"].Rows,
	}, err
}

func (host) VerifyBackup(ctx context.Context, from io.Reader) error {
	_, err := store.VerifyBackup(ctx, from)
	return err
}
